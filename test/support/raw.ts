// Frames and ICMP messages as they are, sent and seen on a lab host by sockets of the addon: for what the kernel would
// never send by itself.

import type { Socket } from '../../native/index.d.ts'
import { native } from '../../native/load.ts'
import { internetChecksum } from '../../src/wire/checksum.ts'
import { formatAddress, addressBytes } from '../../src/wire/ip.ts'

const AF_INET = 2
const AF_INET6 = 10
const AF_PACKET = 17
const SOCK_RAW = 3
const IPPROTO_ICMP = 1
const IPPROTO_ICMPV6 = 58

export interface FrameSender {
  send(frames: readonly Uint8Array[]): number
  close(): void
}

export const openFrameSender = (device: string): FrameSender => {
  const address = new Uint8Array(20)
  const view = new DataView(address.buffer)
  view.setUint16(0, AF_PACKET, true)
  view.setInt32(4, native.interfaceIndex(device), true)
  // Protocol 0: sends, and receives nothing.
  const socket = native.socketOpen({ domain: AF_PACKET, type: SOCK_RAW, protocol: 0 })
  return {
    send: (frames) =>
      native.socketSend(
        socket,
        frames.map((data) => ({ data, address })),
      ),
    close: () => native.socketClose(socket),
  }
}

export interface PingRequest {
  readonly address: string
  readonly count: number
  /** bytes behind the ICMP header */
  readonly size: number
  readonly identifier: number
}

export interface PingResult {
  /** replies with our identifier, their own sequence number and our bytes */
  readonly received: number
  /** whom they came from */
  readonly from: readonly string[]
  /** replies with something else in them */
  readonly wrong: number
}

const pingTimeoutMs = 3_000
const slotBytes = 2_048

/** What differs between the families: IPv6 gives the message alone, and its kernel sums and checks it. */
const families = {
  4: { domain: AF_INET, protocol: IPPROTO_ICMP, request: 8, reply: 0, sockaddrBytes: 16, addressAt: 4 },
  6: { domain: AF_INET6, protocol: IPPROTO_ICMPV6, request: 128, reply: 129, sockaddrBytes: 28, addressAt: 8 },
} as const
type FamilyWays = (typeof families)[4 | 6]
const senderBytes = 28

export const ping = async ({ address, count, size, identifier }: PingRequest): Promise<PingResult> => {
  const family = address.includes(':') ? 6 : 4
  const ways = families[family]
  const socket = native.socketOpen({ domain: ways.domain, type: SOCK_RAW, protocol: ways.protocol })
  const requests = Array.from({ length: count }, (_, sequence) => echoRequest(ways, identifier, sequence, size))
  const answered = new Set<number>()
  const from = new Set<string>()
  let wrong = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, pingTimeoutMs)
  const arena = new Uint8Array(64 * slotBytes)
  const take = (packet: Uint8Array, sender: Uint8Array): void => {
    const message = family === 4 ? packet.subarray(((packet[0] ?? 0) & 15) * 4) : packet
    const icmp = new DataView(message.buffer, message.byteOffset, message.byteLength)
    if (icmp.getUint8(0) !== ways.reply || icmp.getUint16(4) !== identifier) return
    const sequence = icmp.getUint16(6)
    const sent = requests[sequence]
    const same = sent !== undefined && Buffer.compare(sent.subarray(8), message.subarray(8)) === 0
    if (!same || (family === 4 && internetChecksum(message) !== 0)) wrong++
    answered.add(sequence)
    from.add(senderOf(ways, sender))
    if (answered.size === count) resolve()
  }
  native.socketReceive(
    socket,
    arena,
    slotBytes,
    (received, lengths, senders) => {
      for (let i = 0; i < received; i++)
        take(
          arena.subarray(i * slotBytes, i * slotBytes + (lengths[i] ?? 0)),
          senders.subarray(i * senderBytes, (i + 1) * senderBytes),
        )
    },
    true,
  )
  sendTo(socket, ways, address, requests)
  await promise
  clearTimeout(timer)
  native.socketClose(socket)
  return { received: answered.size - wrong, from: [...from], wrong }
}

const echoRequest = (ways: FamilyWays, identifier: number, sequence: number, size: number): Uint8Array => {
  const message = new Uint8Array(8 + size)
  const view = new DataView(message.buffer)
  view.setUint8(0, ways.request)
  view.setUint16(4, identifier)
  view.setUint16(6, sequence)
  for (let at = 8; at < message.length; at++) message[at] = (at * 7 + sequence) & 0xff
  if (ways.protocol === IPPROTO_ICMP) view.setUint16(2, internetChecksum(message))
  return message
}

/** Of a struct sockaddr. */
const senderOf = ({ domain, addressAt }: FamilyWays, sender: Uint8Array): string => {
  if (domain === AF_INET) return [...sender.subarray(addressAt, addressAt + 4)].join('.')
  return formatAddress(sender.subarray(addressAt, addressAt + 16))
}

const sendTo = (socket: Socket, ways: FamilyWays, destination: string, messages: readonly Uint8Array[]): void => {
  const address = new Uint8Array(ways.sockaddrBytes)
  new DataView(address.buffer).setUint16(0, ways.domain, true)
  const bytes = addressBytes(destination)
  address.set(ways.domain === AF_INET ? bytes.subarray(12) : bytes, ways.addressAt)
  const sent = native.socketSend(
    socket,
    messages.map((data) => ({ data, address })),
  )
  if (sent !== messages.length) throw new Error(`only ${sent} of ${messages.length} pings were sent`)
}
