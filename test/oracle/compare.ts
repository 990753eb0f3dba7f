// One capture, read by Sluice and by tshark: what they do not agree on, frame by frame and field by field.

import { CaptureError, Messages, readCapture, type Message } from '../../src/captures/index.ts'
import type { Difference } from './exceptions.ts'
import { judged } from './judged-all.ts'
import { fieldsOf, valuesOf, type Judged, type JudgedField, type JudgedName } from './judged.ts'
import { ourName, plainName, specifiedName } from './names.ts'
import { framesOf, knownFields, valueNames, type Frame, type Row } from './tshark.ts'

export interface Comparison {
  readonly differences: readonly Difference[]
  /** messages that both have read, by protocol */
  readonly messages: ReadonlyMap<string, number>
  /** messages of protocols that nothing is named for, by protocol */
  readonly notJudged: ReadonlyMap<string, number>
  /** packets that tshark has found where Sluice does not look, by the layers around them */
  readonly outOfReach: ReadonlyMap<string, number>
}

/** What tshark can say, asked once. */
export interface Tshark {
  readonly fields: readonly string[]
  readonly names: ReadonlyMap<string, string>
}

const judgedProtocols = new Set<string>(judged.flatMap(({ protocols }) => protocols))

export async function askTshark(): Promise<Tshark> {
  const fields = await knownFields(new Set(judged.flatMap(fieldsOf)))
  const named = judged.flatMap(({ name }) => (name.kind === 'values' ? [name.of] : []))
  return { fields: [...fields], names: await valueNames(new Set(named)) }
}

/** Layers through which Sluice finds messages. Behind others (tunnels, ICMP errors) it does not look. */
const reached = new Set(
  (
    'pkt_comment eth ethertype eth_maybefcs vlan ieee8021ad sll null raw ip ipv6 ipv6.hopopts ipv6.routing ' +
    'ipv6.fraghdr ipv6.dstopts udp tcp sctp'
  ).split(' '),
)

/** The layers around a packet where one of them is not reached, or there is an IP packet in another; else null. */
function beyondReach(layers: readonly string[], layer: string): string | null {
  const around = layers.slice(0, layers.indexOf(layer))
  const packets = around.filter((name) => name === 'ip' || name === 'ipv6').length
  const strange = around.filter((name) => !reached.has(name))
  if (packets <= 1 && strange.length === 0) return null
  return strange.length > 0 ? [...new Set(strange)].join(' ') : 'IP in IP'
}

/** tshark has given up in this protocol. */
const isMalformed = (layers: readonly string[], layer: string): boolean =>
  layers.some(
    (name, at) => /^_ws\.(?:malformed|short)$/.test(name) && layers.slice(0, at).lastIndexOf(layer) === at - 1,
  )

/** A layer may stand for another one: that of version 2 of GTP-C stands in one of GTP. */
const isIn = (group: Judged, frame: Frame): boolean =>
  countOf(group, frame) > 0 || (frame.layers.includes(group.layer) && isMalformed(frame.layers, group.layer))

async function messagesOf(path: string): Promise<ReadonlyMap<number, readonly Message[]>> {
  const found = new Map<number, Message[]>()
  const messages = new Messages({ only: null })
  const keep = (list: readonly Message[]): void => {
    for (const message of list) {
      const others = found.get(message.frame) ?? []
      others.push(message)
      found.set(message.frame, others)
    }
  }
  try {
    for await (const frames of readCapture(path)) {
      // What a message says is asked for after its frame is gone.
      for (const frame of frames) keep(messages.read({ ...frame, bytes: new Uint8Array(frame.bytes) }))
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error
  }
  keep(messages.finish())
  return found
}

export async function compareCapture(file: string, path: string, tshark: Tshark): Promise<Comparison> {
  const all = await messagesOf(path)
  const frames = new Map<number, Frame>()
  const filter = judged.map(({ layer }) => layer).join(' || ')
  for await (const frame of framesOf(path, tshark.fields, filter)) frames.set(frame.number, frame)

  const differences: Difference[] = []
  const messages = new Map<string, number>()
  const outOfReach = new Map<string, number>()
  const notJudged = new Map<string, number>()
  for (const { protocol } of [...all.values()].flat())
    if (!judgedProtocols.has(protocol.name)) notJudged.set(protocol.name, (notJudged.get(protocol.name) ?? 0) + 1)
  const numbers = [...new Set([...all.keys(), ...frames.keys()])].toSorted((a, b) => a - b)
  for (const number of numbers) {
    for (const group of judged) {
      const mine = (all.get(number) ?? []).filter(({ protocol }) => group.protocols.includes(protocol.name))
      const frame = frames.get(number)
      const isThere = frame !== undefined && isIn(group, frame)
      if (mine.length === 0 && !isThere) continue
      const beyond = isThere ? beyondReach(frame.layers, group.layer) : null
      if (mine.length === 0 && beyond !== null) {
        outOfReach.set(beyond, (outOfReach.get(beyond) ?? 0) + 1)
        continue
      }
      const protocol = mine[0]?.protocol.name ?? group.layer
      const found = compareFrame(group, mine, isThere ? frame : undefined, tshark)
      differences.push(...found.map((difference) => ({ file, frame: number, protocol, ...difference })))
      if (found.length === 0) messages.set(protocol, (messages.get(protocol) ?? 0) + mine.length)
    }
  }
  return { differences, messages, notJudged, outOfReach }
}

type Found = Pick<Difference, 'field' | 'ours' | 'tshark'>

function compareFrame(
  group: Judged,
  messages: readonly Message[],
  frame: Frame | undefined,
  tshark: Tshark,
): readonly Found[] {
  const refused = messages.flatMap(({ error }) => (error === null ? [] : [error.message.replace(/ at byte \d+$/, '')]))
  if (frame === undefined) return [{ field: 'messages', ours: refused[0] ?? `${messages.length}`, tshark: 'none' }]
  const malformed = isMalformed(frame.layers, group.layer)
  if (refused.length > 0) return frame.isFaulty ? [] : [{ field: 'refused', ours: refused.join('; '), tshark: 'read' }]
  if (messages.length === 0)
    return [{ field: 'messages', ours: 'none', tshark: malformed ? 'malformed' : `${countOf(group, frame)}` }]
  if (malformed) return [{ field: 'malformed', ours: 'read', tshark: 'malformed' }]
  return [
    ...compareNames(group, messages, frame, tshark),
    ...group.fields.flatMap((field) => compareField(field, messages, frame)),
  ]
}

const countOf = ({ present }: Judged, { row }: Frame): number =>
  present.reduce((sum, field) => sum + (row.get(field)?.length ?? 0), 0)

function compareNames(
  { name, ourNames }: Judged,
  messages: readonly Message[],
  { row }: Frame,
  { names }: Tshark,
): readonly Found[] {
  const mine = messages.flatMap((message) => ourNames(message).map(ourName))
  const theirs = theirNames(name, row, names)
  return differing('name', mine.toSorted(), theirs.toSorted())
}

function theirNames(name: JudgedName, row: Row, names: Tshark['names']): readonly string[] {
  switch (name.kind) {
    case 'values':
      return (row.get(name.of) ?? []).map((value) => {
        const known = names.get(`${name.of} ${Number(value)}`)
        return known === undefined ? `unknown${Number(value)}` : specifiedName(name.of, known)
      })
    case 'fields':
      return name.among.flatMap((field) => {
        const { length } = row.get(field) ?? []
        return Array.from({ length }, () => plainName(field.slice(name.prefix.length).replace(/_element$/, '')))
      })
    case 'text':
      return name.read(row).map(plainName)
    default:
      return name satisfies never
  }
}

function compareField(field: JudgedField, messages: readonly Message[], { row }: Frame): readonly Found[] {
  const mine = messages.flatMap((message) => field.ours(message).map(String))
  const theirs = valuesOf(field, row)
  switch (field.as) {
    case 'list':
      return differing(field.name, mine, theirs)
    case 'set':
      return differing(field.name, unique(mine), unique(theirs))
    case 'within': {
      const rest = [...theirs]
      const missing = mine.filter((value) => {
        const at = rest.indexOf(value)
        if (at >= 0) rest.splice(at, 1)
        return at < 0
      })
      return differing(field.name, missing, [])
    }
    default:
      return field.as satisfies never
  }
}

const unique = (values: readonly string[]): readonly string[] => [...new Set(values)].toSorted()

/** Of long lists what is not alike is said. */
function differing(field: string, mine: readonly string[], theirs: readonly string[]): readonly Found[] {
  if (mine.length === theirs.length && mine.every((value, at) => value === theirs[at])) return []
  const start = mine.findIndex((value, at) => value !== theirs[at])
  const from = start < 0 ? mine.length : start
  let common = 0
  while (common < Math.min(mine.length, theirs.length) - from && mine.at(-1 - common) === theirs.at(-1 - common))
    common++
  const part = (values: readonly string[]): string => values.slice(from, values.length - common).join(' ') || '-'
  return [{ field, ours: part(mine), tshark: part(theirs) }]
}
