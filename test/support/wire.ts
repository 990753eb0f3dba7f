// Captures of PFCP and GTP-U at one host of a lab, and what tshark reads in them.

import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { ExecutionContext } from 'ava'

import type { Lab } from '../../lab/lab.ts'
import { framesOf } from '../oracle/tshark.ts'

export interface Wire {
  readonly host: string
  /** Ends the capture, and reads it. */
  packets(): Promise<readonly WirePacket[]>
}

export interface WirePacket {
  readonly number: number
  readonly from: string
  readonly to: string
  readonly fromPort: number
  readonly toPort: number
  readonly protocol: 'pfcp' | 'gtp'
  /** of the message */
  readonly type: number
  readonly sequence: number
  /** `true` where tshark has found the request that a response is to */
  readonly isPaired: boolean
  /** of a tunnel's packet; null: it is about the path, or is PFCP */
  readonly teid: number | null
  /** that PFCP names as chosen or given */
  readonly fTeids: readonly number[]
  /** UDP payload as hexadecimal digits */
  readonly payload: string
  /** what tshark finds wrong */
  readonly faults: readonly string[]
}

/** Starts to capture on the only device of a host. */
export async function captureAt(t: ExecutionContext, lab: Lab, host: string): Promise<Wire> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-wire-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, `${host}.pcap`)
  const filter = 'udp or ip[6:2] & 0x1fff != 0'
  const args = ['--immediate-mode', '-U', '-n', '-Z', 'root', '-B', '16384', '-i', 'eth0', '-w', file, filter]
  const child = lab.host(host).spawn('tcpdump', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const closed = once(child, 'close')
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => reject(new Error(`tcpdump has ended: ${said}`)))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('listening on')) resolve()
    })
  })
  return {
    host,
    async packets() {
      await settled(file)
      child.kill('SIGINT')
      await closed
      if (!/^0 packets dropped by kernel$/m.test(said)) throw new Error(`tcpdump has missed packets: ${said}`)
      return read(file)
    },
  }
}

const settleMs = 200

/** What is on its way to the file has come there. */
async function settled(file: string): Promise<void> {
  for (let before = -1, now = 0; now !== before; before = now, now = statSync(file).size) await sleep(settleMs)
}

const fields = [
  'ip.src',
  'ip.dst',
  'udp.srcport',
  'udp.dstport',
  'udp.checksum.status',
  'udp.payload',
  'pfcp.msg_type',
  'pfcp.seqno',
  'pfcp.response_to',
  'pfcp.f_teid.teid',
  'gtp.message',
  'gtp.seq_number',
  'gtp.response_to',
  'gtp.teid',
  '_ws.expert.severity',
  '_ws.expert.message',
] as const

/** Of tshark's remarks: warnings, and what is worse. */
const warning = 0x60_0000
const goodChecksum = '1'
const dataType = 255

async function read(file: string): Promise<readonly WirePacket[]> {
  const packets: WirePacket[] = []
  const settings = ['udp.check_checksum:TRUE', 'ip.check_checksum:TRUE']
  for await (const { isFaulty, number, row } of framesOf(file, fields, '(pfcp or gtp) and not icmp', settings)) {
    const first = (field: (typeof fields)[number]): string => row.get(field)?.[0] ?? ''
    const protocol = row.has('pfcp.msg_type') ? 'pfcp' : 'gtp'
    const severities = row.get('_ws.expert.severity') ?? []
    const type = Number(first(protocol === 'pfcp' ? 'pfcp.msg_type' : 'gtp.message'))
    packets.push({
      number,
      from: first('ip.src'),
      to: first('ip.dst'),
      fromPort: Number(first('udp.srcport')),
      toPort: Number(first('udp.dstport')),
      protocol,
      type,
      sequence: Number(first(protocol === 'pfcp' ? 'pfcp.seqno' : 'gtp.seq_number')),
      isPaired: row.has('pfcp.response_to') || row.has('gtp.response_to'),
      teid: protocol === 'gtp' && type >= dataType - 1 ? Number(first('gtp.teid')) : null,
      fTeids: (row.get('pfcp.f_teid.teid') ?? []).map(Number),
      payload: first('udp.payload'),
      faults: [
        ...(isFaulty ? ['malformed'] : []),
        ...(first('udp.checksum.status') === goodChecksum ? [] : [`checksum ${first('udp.checksum.status')}`]),
        ...(severities.some((severity) => Number(severity) >= warning) ? (row.get('_ws.expert.message') ?? []) : []),
      ],
    })
  }
  return packets
}
