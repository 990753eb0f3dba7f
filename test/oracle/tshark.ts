// What tshark says of the frames of a capture, field by field.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Values of the fields that a frame has, in the order of the frame. */
export type Row = ReadonlyMap<string, readonly string[]>

/** Stands between the values of one field; no value has it. */
const unit = '\u001f'
const columns = ['frame.number', 'frame.protocols', '_ws.expert.group'] as const
/** of what tshark remarks on a packet: `Malformed` */
const malformedGroup = '117440512'

/** Settings by which both readers look at the same things. */
const settings = [
  'sctp.checksum:CRC 32c',
  'sctp.reassembly:TRUE',
  'ip.defragment:TRUE',
  'ipv6.defragment:TRUE',
  'tcp.desegment_tcp_streams:TRUE',
  'tcp.reassemble_out_of_order:TRUE',
  // What a tunnel carries is not looked at.
  'gtp.dissect_tpdu_as:None',
]

async function* linesOf(args: readonly string[]): AsyncGenerator<string> {
  const child = spawn('tshark', [...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
  yield* createInterface({ input: child.stdout })
  const code = await ended
  // 2: the file is cut or damaged; the frames before have been told.
  if (code !== 0 && code !== 2) throw new Error(`tshark ended with ${code}: ${said.slice(0, 2000)}`)
}

export interface Frame {
  readonly number: number
  /** layers from the outermost in */
  readonly layers: readonly string[]
  readonly row: Row
  /** tshark remarks that something in it cannot be read */
  readonly isFaulty: boolean
}

/** Frames with at least one of these fields, of which the first of each protocol tells that it is there. */
export async function* framesOf(
  path: string,
  fields: readonly string[],
  filter: string,
  more: readonly string[] = [],
): AsyncGenerator<Frame> {
  const all = [...columns, ...fields]
  const args = [
    '-n',
    '-r',
    path,
    '-Y',
    filter,
    '-T',
    'fields',
    '-E',
    'occurrence=a',
    '-E',
    `aggregator=${unit}`,
    ...all.flatMap((field) => ['-e', field]),
    ...[...settings, ...more].flatMap((setting) => ['-o', setting]),
  ]
  for await (const line of linesOf(args)) {
    const values = line.split('\t')
    const row = new Map<string, readonly string[]>()
    for (const [at, field] of all.entries()) {
      const text = values[at] ?? ''
      if (text !== '') row.set(field, text.split(unit))
    }
    const layers = row.get('frame.protocols')?.[0]?.split(':') ?? []
    const isFaulty =
      layers.some((layer) => /^_ws\.(?:malformed|short)$/.test(layer)) ||
      row.get('_ws.expert.group')?.includes(malformedGroup) === true
    yield { number: Number(row.get('frame.number')?.[0]), layers, row, isFaulty }
  }
}

/** Names of the values of these fields: `pfcp.msg_type 1` is `PFCP Heartbeat Request`. */
export async function valueNames(fields: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  for await (const line of linesOf(['-G', 'values'])) {
    const [kind, field = '', value = '', name = ''] = line.split('\t')
    if (kind === 'V' && fields.has(field)) names.set(`${field} ${Number(value)}`, name)
  }
  return names
}

/** Those of the fields that this tshark has. */
export async function knownFields(wanted: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const known = new Set<string>()
  for await (const line of linesOf(['-G', 'fields'])) {
    const [kind, , field = ''] = line.split('\t')
    if (kind === 'F' && wanted.has(field)) known.add(field)
  }
  return known
}
