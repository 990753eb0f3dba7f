// The words that the steps of BPF cases are written with.

import { expect, tcp, type Becomes, type PacketStep, type Step } from './case.ts'
import type { Change } from '../../src/lb/model.ts'
import type { PuntReason, Verdict } from '../../src/datapath/layout.gen.ts'
import type { Socket } from '../../src/testing/packets/socket.ts'
import type { HintOptions } from './bed.ts'

type AnyPacket = PacketStep['packet']
type More = Partial<Omit<PacketStep, 'kind' | 'packet' | 'becomes' | 'verdict'>>

export function forwards(packet: AnyPacket, from: Socket, to: Socket, more: More = {}): PacketStep {
  return sends(packet, { kind: 'nat', from, to }, more)
}

/** As `forwards`, for what becomes something else than the same packet with other sockets. */
export function sends(packet: AnyPacket, becomes: Becomes, more: More = {}): PacketStep {
  return { kind: 'packet', packet, becomes, verdict: 'forward', ...more }
}

/** XDP cannot finish it and passes it on unchanged; TC forwards it. */
export function forwardsByTc(packet: AnyPacket, xdp: Verdict, from: Socket, to: Socket, more: More = {}): PacketStep {
  return { ...forwards(packet, from, to, more), verdict: { xdp, tc: 'forward' } }
}

/** Passed or dropped: the frame stays as it is. */
export function ends(packet: AnyPacket, verdict: PacketStep['verdict'], more: More = {}): PacketStep {
  return { kind: 'packet', packet, verdict, ...more }
}

/** User space gets it. */
export function punts(packet: AnyPacket, reason: PuntReason, more: More = {}): PacketStep {
  return { kind: 'packet', packet, verdict: 'punt', reason, ...more }
}

/** Longer than the next link takes: user space tells the sender, and it must be TC that asks it to. */
export function tooBig(packet: AnyPacket, more: More = {}): PacketStep {
  return { ...punts(packet, 'too_big', more), verdict: { xdp: 'to_tc_mtu', tc: 'punt' } }
}

export function wait(ticks: number): Step {
  return { kind: 'wait', ticks }
}

export function expires(freed: number, which: 'all' | 'queue' = 'all'): Step {
  return { kind: 'expire', which, freed }
}

export function flowsAre(states: Readonly<Record<string, string>>): Step {
  return { kind: 'flows', states }
}

export function changes(...list: readonly Change[]): Step {
  return { kind: 'change', changes: list }
}

/** A session key is given to an endpoint, another one than before, or to none any more. */
export function hints(hint: HintOptions): Step {
  return { kind: 'hint', hint }
}

/** What the hint has counted of its session's packets: of the user, without their tunnel. */
export function counted(hint: HintOptions, packets: number, bytes: number): Step {
  return check(async (_t, bed) => {
    expect(await bed.hintCounts(hint), [packets, bytes], 'packets and bytes that a hint has counted')
  })
}

export function check(run: Extract<Step, { kind: 'check' }>['check']): Step {
  return { kind: 'check', check: run }
}

/** How a TCP connection in mode dnat is opened ... */
export function handshake(from: Socket, service: Socket, endpoint: Socket): readonly Step[] {
  return [
    forwards(tcp(from, service, 'S'), from, endpoint),
    forwards(tcp(endpoint, from, 'SA'), service, from),
    forwards(tcp(from, service, 'A'), from, endpoint),
  ]
}

/** ... and closed by both sides. */
export function closing(from: Socket, service: Socket, endpoint: Socket): readonly Step[] {
  return [
    forwards(tcp(from, service, 'FA'), from, endpoint),
    forwards(tcp(endpoint, from, 'FA'), service, from),
    forwards(tcp(from, service, 'A'), from, endpoint),
  ]
}

/** What the endpoints' own counts of flows that live now add up to. */
export function liveFlows(wanted: number): Step {
  return check(async (_t, bed) => {
    const live = Object.values(await bed.counts()).reduce((sum, { active }) => sum + (active ?? 0), 0)
    expect(live, wanted, 'live flows')
  })
}

/** What user space was given by something else than a packet. */
export function given(...reasons: readonly PuntReason[]): Step {
  return check(async (_t, bed) => {
    const found = (await bed.punts()).map(({ reason }) => reason)
    expect(found, reasons, 'what user space got')
  })
}
