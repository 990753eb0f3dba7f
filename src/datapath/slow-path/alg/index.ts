// The handler of punted packets whose payload names addresses or ports. It translates them itself, since what it
// changes moves the rest of the connection.

import { parseIp } from '../../../wire/ip-packet.ts'
import { drop } from '../handler.ts'
import { FtpControl } from './ftp.ts'
import { controlOf, wayOf } from './control.ts'
import { ownEnvelope, passedOn, readTcp, tcpFlags, writeTcp } from './segment.ts'
import { handleTftp } from './tftp.ts'
import type { Control } from './control.ts'
import type { Outgoing } from './connection.ts'
import type { Reserve } from './ftp.ts'
import type { Envelope, Segment } from './segment.ts'
import type { Answer, Handler, Lookups, PuntedPacket, Settled } from '../handler.ts'
import type { Alg } from '../../../lb/model.ts'
import type { Side } from '../../../protocols/ftp/index.ts'

export interface AlgOptions {
  /** of a service, by its number */
  readonly algOf: (service: number) => Alg | null
  readonly reserve: Reserve
  readonly lookups: Pick<Lookups, 'flow'>
  /** what was asked for in a connection and is not done, by name */
  readonly refused?: (reason: string) => void
  /** control connections at a time; a few hundred bytes each, at most about 20 KB */
  readonly connections?: number
}

const defaultConnections = 16_384
/** A connection that has been silent so long may have gone from the fast path. */
const silentMs = 30_000
/** Connections looked at in one step. */
const lookedAt = 64

interface Held {
  readonly control: Control
  readonly ftp: FtpControl
  seenMs: number
}

export function algHandler(options: AlgOptions): Handler {
  return new AlgHandler(options)
}

class AlgHandler implements Handler {
  readonly reason = 'alg'
  readonly #options: AlgOptions
  readonly #connections = new Map<string, Held>()
  /** those with something of ours to deliver */
  readonly #retrying = new Set<Held>()
  #walk: MapIterator<[string, Held]> | null = null

  constructor(options: AlgOptions) {
    this.#options = options
  }

  handle(packet: PuntedPacket): Answer {
    if (packet.cut) return drop('too long')
    const control = controlOf(packet)
    if (control === null) return drop('no flow')
    const alg = this.#options.algOf(control.service)
    switch (alg) {
      case 'tftp':
        return handleTftp(packet)
      case 'ftp':
        return this.#ftp(packet, control)
      case null:
        return drop('no such service')
      default:
        return alg satisfies never
    }
  }

  due(nowMs: number): readonly Settled[] {
    this.#forget(nowMs)
    const settled: Settled[] = []
    for (const held of this.#retrying) {
      const { retryAt } = held.ftp
      if (retryAt === null) this.#retrying.delete(held)
      else if (retryAt <= nowMs) {
        const packets = held.ftp.due(nowMs).map((out) => write(out, held.control, ownEnvelope))
        settled.push({ packets: [], answer: { kind: 'send', packets } })
      }
    }
    return settled
  }

  #ftp(packet: PuntedPacket, control: Control): Answer {
    const ip = parseIp(packet.packet)
    const segment = readTcp(ip)
    const envelope = passedOn(ip)
    const held = this.#connectionOf(packet, control, segment)
    if (typeof held === 'string') return drop(held)
    if (held === null) return reset(control.from, segment, control)
    held.seenMs = packet.nowMs
    const { expectations, out, refused } = held.ftp.receive(control.from, segment, packet.nowMs)
    if (held.ftp.retryAt !== null) this.#retrying.add(held)
    for (const reason of refused) this.#options.refused?.(reason)
    return {
      kind: 'send',
      changes: expectations.map((expectation) => ({ kind: 'expect', expectation })),
      packets: out.map((each) => write(each, held.control, each.own ? ownEnvelope : envelope)),
    }
  }

  /** Null: nobody knows where its numbers stand any more. Text: why there is none. */
  #connectionOf({ nowMs }: PuntedPacket, control: Control, segment: Segment): Held | null | string {
    const { connections = defaultConnections, reserve } = this.#options
    const known = this.#connections.get(control.name)
    const begins = control.from === 'client' && (segment.flags & (tcpFlags.syn | tcpFlags.ack)) === tcpFlags.syn
    if (known && !(begins && known.ftp.isAnother(segment))) return known
    if (!begins) return segment.flags & tcpFlags.rst ? 'unknown connection' : null
    if (!known && this.#connections.size >= connections) return 'too many connections'
    const held = { control, ftp: new FtpControl(control, reserve), seenMs: nowMs }
    if (known) this.#retrying.delete(known)
    this.#connections.set(control.name, held)
    return held
  }

  /** A few at a time: those that the fast path has forgotten. */
  #forget(nowMs: number): void {
    this.#walk ??= this.#connections.entries()
    for (let count = 0; count < lookedAt; count++) {
      const { done, value } = this.#walk.next()
      if (done === true) {
        this.#walk = null
        return
      }
      const [name, held] = value
      if (nowMs - held.seenMs < silentMs) continue
      held.seenMs = nowMs
      if (this.#options.lookups.flow(held.control.clientKey) !== null) continue
      this.#connections.delete(name)
      this.#retrying.delete(held)
    }
  }
}

const write = ({ from, segment }: Outgoing, { ends }: Pick<Control, 'ends'>, envelope: Envelope): Uint8Array =>
  writeTcp(segment, ...wayOf(from, ends), envelope)

/**
 * After a restart of the daemon the numbers of a connection that was changed are lost, and what went on would be taken
 * for something else. Its sides are told, each when it says something.
 */
function reset(from: Side, segment: Segment, control: Control): Answer {
  const acknowledges = (segment.flags & tcpFlags.ack) !== 0
  const length = segment.payload.length + (segment.flags & (tcpFlags.fin | tcpFlags.syn) ? 1 : 0)
  const answer: Segment = {
    sequence: acknowledges ? segment.acknowledgement : 0,
    acknowledgement: acknowledges ? 0 : (segment.sequence + length) >>> 0,
    flags: acknowledges ? tcpFlags.rst : tcpFlags.rst | tcpFlags.ack,
    window: 0,
    urgent: 0,
    options: new Uint8Array(),
    payload: new Uint8Array(),
  }
  const back: Side = from === 'client' ? 'server' : 'client'
  return { kind: 'send', packets: [write({ from: back, own: true, segment: answer }, control, ownEnvelope)] }
}
