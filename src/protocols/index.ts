// All protocols above IP that Sluice reads, and which of them a packet carries.

import { DecodeError } from '../wire/decode-error.ts'
import { diameter } from './diameter/index.ts'
import { gtp, gtpv1c, gtpv2, splitGtpv2 } from './gtp/index.ts'
import { ngap } from './ngap/index.ts'
import { pfcp, splitPfcp } from './pfcp/index.ts'
import { s1ap } from './s1ap/index.ts'
import { sctp } from './sctp/index.ts'
import { sip } from './sip/index.ts'
import type { Carrier, Protocol, ProtocolName } from './protocol.ts'

/** A protocol whose messages the caller only hands from one of its functions to another. */
export type AnyProtocol = Protocol<unknown>

export const protocols: readonly AnyProtocol[] = [sctp, ngap, s1ap, pfcp, gtp, gtpv1c, gtpv2, diameter, sip]

const byName = new Map(protocols.map((protocol) => [protocol.name, protocol]))

/** Undefined where this build has none of that name. */
export const protocolOf = (name: ProtocolName): AnyProtocol | undefined => byName.get(name)

/** Ports below are of services that everyone knows: what their clients send is not ours, whatever their own port. */
const firstFreePort = 1024

const numberOf = (carrier: Carrier): number => {
  if (carrier.over === 'ip') return carrier.protocol
  return carrier.over === 'sctp' ? carrier.ppid : carrier.port
}

function carriedOver(over: Carrier['over']): ReadonlyMap<number, readonly AnyProtocol[]> {
  const found = new Map<number, AnyProtocol[]>()
  for (const protocol of protocols) {
    for (const carrier of protocol.carriedBy) {
      if (carrier.over !== over) continue
      const number = numberOf(carrier)
      const all = found.get(number) ?? []
      all.push(protocol)
      found.set(number, all)
    }
  }
  return found
}

const overIp = carriedOver('ip')
const overUdp = carriedOver('udp')
const overTcp = carriedOver('tcp')
const overSctp = carriedOver('sctp')

/** By the number in the IP header. */
export const protocolOverIp = (number: number): AnyProtocol | null => overIp.get(number)?.[0] ?? null

/** By SCTP's payload protocol identifier. */
export const protocolOverSctp = (ppid: number): AnyProtocol | null => overSctp.get(ppid)?.[0] ?? null

/** By either port, the destination's first. Protocols on one port are told apart by the first byte of a message. */
export function protocolOverUdp(source: number, destination: number, firstByte: number): AnyProtocol | null {
  const found = byPort(overUdp, source, destination)
  if (found === null) return null
  if (found.length === 1) return found[0]!
  // GTP-C: the version is in the upper three bits.
  const name: ProtocolName = firstByte >> 5 === 2 ? 'gtpv2' : 'gtpv1c'
  return found.find((protocol) => protocol.name === name) ?? found[0]!
}

export const protocolOverTcp = (source: number, destination: number): AnyProtocol | null =>
  byPort(overTcp, source, destination)?.[0] ?? null

function byPort(
  table: ReadonlyMap<number, readonly AnyProtocol[]>,
  source: number,
  destination: number,
): readonly AnyProtocol[] | null {
  const found = table.get(destination) ?? table.get(source)
  return found === undefined || source < firstFreePort || destination < firstFreePort ? null : found
}

/** The messages of a datagram, as views: where a protocol bundles them, several. Throws DecodeError. */
export function splitDatagram({ name }: AnyProtocol, datagram: Uint8Array): readonly Uint8Array[] {
  if (datagram.length === 0) throw new DecodeError('truncated', 0)
  if (name === 'pfcp') return splitPfcp(datagram)
  if (name === 'gtpv2') return splitGtpv2(datagram)
  return [datagram]
}
