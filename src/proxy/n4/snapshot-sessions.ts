// A session in a snapshot: who has it, what it is known by on both sides, its rules with their tunnels and addresses,
// and what would establish it again. Written whole whenever something of it has changed.

import { read32 } from '../../wire/fields.ts'
import { putTime, readTime } from './snapshot-nodes.ts'
import {
  putBytes,
  putFlag,
  putList,
  putOptional,
  putText,
  readBytes,
  readFlag,
  readList,
  readOneOf,
  readOptional,
  readText,
} from './snapshot-bytes.ts'
import { rangeOf } from './values.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'
import type { UpfPeer } from './peers.ts'
import type { Rule, Session } from './sessions.ts'
import type { N4State } from './state.ts'
import type { Tunnel, UeRoute } from './steering.ts'

const seidBytes = 8
/** One that is being established is not kept: nobody has been told of it. */
const states = ['up', 'restoring', 'lost'] as const

/** Where its number stands, which tells it from others. */
export const sessionNumber = (record: Uint8Array): number => read32(record, 4)

export function putSession(to: Writer, state: N4State, session: Session): void {
  if (session.state === 'establishing') throw new Error(`session ${session.number} is not established yet`)
  const { rules } = session
  // A tunnel or an address stands once, whatever number of rules have it.
  const tunnels: Tunnel[] = []
  const routes: UeRoute[] = []
  for (const rule of rules.values()) {
    for (const tunnel of rule.tunnels) if (!tunnels.includes(tunnel)) tunnels.push(tunnel)
    for (const route of rule.routes) if (!routes.includes(route)) routes.push(route)
  }
  to.put(session.seid).put(session.smfSeid)
  putOptional(to, session.upfSeid, (_, seid) => to.put(seid))
  // One that is being moved is where it was: whoever takes it up moves it again, and not there.
  const before = session.state === 'restoring' ? (tunnels[0] ?? routes[0])?.upf : undefined
  to.u8(states.indexOf(session.state)).u16((before ?? session.upf).index)
  putText(to, session.smf.nodeId)
  putText(to, session.smfAddress)
  putText(to, session.dnn)
  putTime(to, state, session.createdMs)
  putList(to, session.sets, putText)
  putList(to, tunnels, putTunnel)
  putList(to, routes, putRoute)
  to.u16(session.treatments).u16(rules.size)
  for (const [id, rule] of rules) {
    to.u24(id)
    putList(to, rule.tunnels, (_, tunnel) => to.u16(tunnels.indexOf(tunnel)))
    putList(to, rule.routes, (_, route) => to.u16(routes.indexOf(route)))
  }
  putOptional(to, session.stored, putBytes)
  putList(to, session.changes, putBytes)
}

/** In no table yet. Null: the node that has it is not there any more. */
export function readSession(from: Reader, state: N4State, upfAt: ReadonlyMap<number, UpfPeer>): Session | null {
  const seid = from.take(seidBytes).slice()
  const smfSeid = from.take(seidBytes).slice()
  const upfSeid = readOptional(from, () => from.take(seidBytes).slice())
  const its = readOneOf(from, states)
  const upf = upfAt.get(from.u16())
  const smf = state.smfs.get(readText(from))
  const smfAddress = readText(from)
  const dnn = readText(from)
  const createdMs = readTime(from, state)
  if (upf === undefined || smf === undefined) return null
  const session: Session = {
    number: read32(seid, 4),
    seid,
    smf,
    smfSeid,
    smfAddress,
    upf,
    upfSeid,
    state: its,
    gone: false,
    rules: new Map(),
    rulesToCome: 0,
    treatments: 0,
    dnn,
    createdMs,
    sets: readList(from, readText),
    stored: null,
    changes: [],
    breakout: null,
  }
  const tunnels = readList(from, () => readTunnel(from, state, session, upfAt))
  const routes = readList(from, () => readRoute(from, state, session, upfAt))
  session.treatments = from.u16()
  for (let left = from.u16(); left > 0; left--) {
    const id = from.u24()
    session.rules.set(id, readRule(from, tunnels, routes))
  }
  session.stored = readOptional(from, readBytes)
  session.changes = readList(from, readBytes)
  from.finish()
  // Held by the rules alone.
  for (const tunnel of tunnels) tunnel.holders--
  for (const route of routes) route.holders--
  return session
}

function readRule(from: Reader, tunnels: readonly Tunnel[], routes: readonly UeRoute[]): Rule {
  const oneOf = <Item>(items: readonly Item[]): Item => {
    const item = items[from.u16()]
    if (item === undefined) throw from.fail('a rule has a tunnel or an address that is not there')
    return item
  }
  const rule = { tunnels: readList(from, () => oneOf(tunnels)), routes: readList(from, () => oneOf(routes)) }
  for (const tunnel of rule.tunnels) tunnel.holders++
  for (const route of rule.routes) route.holders++
  return rule
}

function putTunnel(to: Writer, { active, addresses, fromCore, teid, upf, upfTeid }: Tunnel): void {
  to.u32(teid).u16(upf.index).u32(upfTeid)
  putFlag(to, active)
  putFlag(to, fromCore)
  putOptional(to, addresses.ipv4, putText)
  putOptional(to, addresses.ipv6, putText)
}

/** Of a UPF that has gone: it is silent, until the session is restored. */
function readTunnel(
  from: Reader,
  { steering }: N4State,
  session: Session,
  upfAt: ReadonlyMap<number, UpfPeer>,
): Tunnel {
  const teid = from.u32()
  if (teid === 0) throw from.fail('a TEID is 0')
  const upf = upfAt.get(from.u16())
  const upfTeid = from.u32()
  const active = readFlag(from) && upf !== undefined
  const fromCore = readFlag(from)
  const addresses = { ipv4: readOptional(from, readText), ipv6: readOptional(from, readText) }
  return steering.takeBack({ teid, upfTeid, upf: upf ?? session.upf, addresses, active, fromCore }, session)
}

function putRoute(to: Writer, { active, range: { bits, key }, upf }: UeRoute): void {
  to.u16(upf.index)
  putFlag(to, active)
  putBytes(to, key)
  to.u8(bits ?? key.length * 8)
}

function readRoute(
  from: Reader,
  { steering }: N4State,
  session: Session,
  upfAt: ReadonlyMap<number, UpfPeer>,
): UeRoute {
  const upf = upfAt.get(from.u16())
  const active = readFlag(from) && upf !== undefined
  const key = readBytes(from)
  const bits = from.u8()
  const isAddress = key.length === 4 || key.length === 16
  if (!isAddress || bits > key.length * 8) throw from.fail('no prefix of addresses')
  return steering.takeBackRoute(rangeOf(key, bits), upf ?? session.upf, active)
}
