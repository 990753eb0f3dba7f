// Sends IP packets as they are. The kernel routes each by its destination and sends it as one of its own, so that no
// ingress hook sees it, and its source need not be an address of this machine. It fills in the checksum of an IPv4
// header, and an identification of 0; nothing else.

import { native } from '../../../native/load.ts'
import { classify } from '../../wire/ip.ts'
import type { PacketSink } from './dispatch.ts'
import type { NativeError, Socket } from '../../../native/index.d.ts'

const AF_INET = 2
const AF_INET6 = 10
const SOCK_RAW = 3
/** A socket of this protocol sends packets with their header, and receives none. */
const IPPROTO_RAW = 255
const SOL_SOCKET = 1
const SO_SNDBUFFORCE = 32
const SO_MARK = 36

const sendBufferBytes = 4 * 1024 * 1024
/** sendmmsg takes no more in one call */
const mostMessages = 1024

export interface RawSinkOptions {
  /** firewall mark of the packets, for rules of nftables and of routing; 0: none */
  readonly mark?: number
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

export class RawSink implements PacketSink {
  readonly #sockets: Readonly<Record<4 | 6, Socket>>

  /** In the network namespace of the calling thread. */
  constructor({ mark = 0 }: RawSinkOptions = {}) {
    const options = [
      { level: SOL_SOCKET, name: SO_SNDBUFFORCE, value: u32(sendBufferBytes) },
      ...(mark === 0 ? [] : [{ level: SOL_SOCKET, name: SO_MARK, value: u32(mark) }]),
    ]
    const open = (domain: number): Socket =>
      native.socketOpen({ domain, type: SOCK_RAW, protocol: IPPROTO_RAW, options })
    const four = open(AF_INET)
    try {
      this.#sockets = { 4: four, 6: open(AF_INET6) }
    } catch (error) {
      native.socketClose(four)
      throw error
    }
  }

  send(packets: readonly Uint8Array[], ifindex: number): readonly string[] {
    const unsent: string[] = []
    for (let at = 0; at < packets.length;) {
      const family = familyOf(packets[at]!)
      let end = at + 1
      while (end < packets.length && end - at < mostMessages && familyOf(packets[end]!) === family) end++
      unsent.push(...this.#sendRun(this.#sockets[family], packets.slice(at, end), family, ifindex))
      at = end
    }
    return unsent
  }

  /** Packets of one family. One that is refused does not hold up those behind it. */
  #sendRun(socket: Socket, packets: readonly Uint8Array[], family: 4 | 6, ifindex: number): readonly string[] {
    const messages = packets.map((data) => ({
      data,
      address: family === 4 ? address4(data) : address6(data, ifindex),
    }))
    const unsent: string[] = []
    for (let at = 0; at < messages.length;) {
      try {
        const sent = native.socketSend(socket, messages.slice(at))
        if (sent === 0) return [...unsent, ...messages.slice(at).map(() => 'send buffer full')]
        at += sent
      } catch (error) {
        unsent.push(`send: ${(error as NativeError).code ?? String(error)}`)
        at++
      }
    }
    return unsent
  }

  close(): void {
    native.socketClose(this.#sockets[4])
    native.socketClose(this.#sockets[6])
  }
}

const familyOf = (packet: Uint8Array): 4 | 6 => ((packet[0] ?? 0) >> 4 === 6 ? 6 : 4)

/** struct sockaddr_in: family, port, address, padding */
function address4(packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16)
  bytes[0] = AF_INET
  bytes.set(packet.subarray(16, 20), 4)
  return bytes
}

/** struct sockaddr_in6: family, port, flow label, address, scope */
function address6(packet: Uint8Array, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(28)
  bytes[0] = AF_INET6
  bytes.set(packet.subarray(24, 40), 8)
  if (classify(bytes, 8) === 'link-local') bytes.set(u32(ifindex), 24)
  return bytes
}
