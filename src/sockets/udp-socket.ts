// UDP sockets that send and receive many datagrams in one call of the kernel, in the network namespace of the calling
// thread.

import { native } from '../../native/load.ts'
import { formatAddress, shortAddressBytes } from '../wire/ip.ts'
import { read16 } from '../wire/fields.ts'
import type { NativeError, Socket } from '../../native/index.d.ts'
import type { Place, Receive, SocketCounts, Surroundings, UdpSocket } from './surroundings.ts'

const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM = 2
const IPPROTO_UDP = 17
const SOL_SOCKET = 1
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33

/** of a struct sockaddr as the addon hands it over */
const sockaddrStride = 28
const bufferBytes = 16 * 1024 * 1024
const receiveBytes = 1024 * 1024
/** what waits for the kernel */
const queueBytes = 1024 * 1024
const mostQueued = 512
/** Peers whose addresses are remembered; beyond it they are forgotten, and learned again. */
const mostPeers = 65_536
/** until the kernel is asked again, when it took nothing more */
const retryMs = 1

class NativeUdpSocket implements UdpSocket {
  readonly #socket: Socket
  readonly #isIpv6: boolean
  readonly #receive: Receive
  readonly #queue = new Uint8Array(queueBytes)
  #used = 0
  #messages: { readonly data: Uint8Array; readonly address: Uint8Array }[] = []
  #isFlushComing = false
  #isClosed = false
  readonly #sockaddrs = new WeakMap<Place, Uint8Array>()
  readonly #peers = new Map<number | string, Place>()
  readonly #counts = { sent: 0, received: 0, unsent: 0, refused: 0, cut: 0 }

  constructor(place: Place, longestBytes: number, receive: Receive) {
    this.#receive = receive
    this.#isIpv6 = place.address.includes(':')
    this.#socket = openSocket(this.#isIpv6, sockaddrOf(place, this.#isIpv6))
    const arena = new Uint8Array(Math.floor(receiveBytes / longestBytes) * longestBytes)
    native.socketReceive(
      this.#socket,
      arena,
      longestBytes,
      (count, lengths, addresses) => {
        for (let i = 0; i < count && !this.#isClosed; i++) {
          const length = lengths[i]!
          const start = i * longestBytes
          if (length > longestBytes) this.#counts.cut++
          else this.#take(arena.subarray(start, start + length), addresses, i * sockaddrStride)
        }
        this.#flush()
      },
      true,
    )
  }

  send(bytes: Uint8Array, to: Place): void {
    if (this.#isClosed) return
    if (to.address.includes(':') !== this.#isIpv6) {
      this.#counts.refused++
      return
    }
    const isFull = (): boolean => this.#messages.length >= mostQueued || this.#used + bytes.length > queueBytes
    if (isFull()) this.#flush()
    if (isFull()) {
      this.#counts.unsent++
      return
    }
    const start = this.#used
    this.#used += bytes.length
    this.#queue.set(bytes, start)
    this.#messages.push({ data: this.#queue.subarray(start, this.#used), address: this.#sockaddrFor(to) })
    if (this.#isFlushComing) return
    this.#isFlushComing = true
    queueMicrotask(() => this.#flush())
  }

  counts(): SocketCounts {
    return { ...this.#counts }
  }

  close(): void {
    if (this.#isClosed) return
    this.#flush()
    this.#isClosed = true
    native.socketClose(this.#socket)
  }

  #take(bytes: Uint8Array, addresses: Uint8Array, at: number): void {
    this.#counts.received++
    this.#receive(bytes, this.#peerAt(addresses, at))
  }

  #peerAt(bytes: Uint8Array, at: number): Place {
    const key = this.#isIpv6 ? latin1(bytes, at + 2, at + 24) : keyOfIpv4(bytes, at)
    const known = this.#peers.get(key)
    if (known !== undefined) return known
    if (this.#peers.size === mostPeers) this.#peers.clear()
    const peer = placeAt(bytes, at, this.#isIpv6)
    this.#peers.set(key, peer)
    return peer
  }

  #sockaddrFor(to: Place): Uint8Array {
    const known = this.#sockaddrs.get(to)
    if (known !== undefined) return known
    const sockaddr = sockaddrOf(to, this.#isIpv6)
    this.#sockaddrs.set(to, sockaddr)
    return sockaddr
  }

  #flush(): void {
    this.#isFlushComing = false
    const messages = this.#messages
    if (messages.length === 0 || this.#isClosed) return
    let at = 0
    while (at < messages.length) {
      try {
        const sent = native.socketSend(this.#socket, at === 0 ? messages : messages.slice(at))
        if (sent === 0) break
        this.#counts.sent += sent
        at += sent
      } catch (error) {
        if ((error as NativeError).code === undefined) throw error
        this.#counts.refused++
        at++
      }
    }
    if (at === messages.length) {
      this.#messages = []
      this.#used = 0
      return
    }
    this.#messages = messages.slice(at)
    this.#isFlushComing = true
    setTimeout(() => this.#flush(), retryMs)
  }
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

function openSocket(isIpv6: boolean, address: Uint8Array): Socket {
  const open = (send: number, receive: number): Socket =>
    native.socketOpen({
      domain: isIpv6 ? AF_INET6 : AF_INET,
      type: SOCK_DGRAM,
      protocol: IPPROTO_UDP,
      address,
      options: [send, receive].map((name) => ({ level: SOL_SOCKET, name, value: u32(bufferBytes) })),
    })
  try {
    return open(SO_SNDBUFFORCE, SO_RCVBUFFORCE)
  } catch (error) {
    // Without the privilege the buffers are as large as the system lets everyone have them.
    if ((error as NativeError).code !== 'EPERM') throw error
    return open(SO_SNDBUF, SO_RCVBUF)
  }
}

/** struct sockaddr_in: family, port, address, padding; struct sockaddr_in6: family, port, flow, address, scope. */
function sockaddrOf({ address, port }: Place, isIpv6: boolean): Uint8Array {
  const bytes = shortAddressBytes(address)
  const sockaddr = new Uint8Array(isIpv6 ? sockaddrStride : 16)
  sockaddr.set(new Uint8Array(Uint16Array.of(isIpv6 ? AF_INET6 : AF_INET).buffer))
  sockaddr[2] = port >> 8
  sockaddr[3] = port & 0xff
  sockaddr.set(bytes, isIpv6 ? 8 : 4)
  return sockaddr
}

function placeAt(bytes: Uint8Array, at: number, isIpv6: boolean): Place {
  const port = read16(bytes, at + 2)
  if (isIpv6) return { address: formatAddress(bytes, at + 8), port }
  return { address: `${bytes[at + 4]}.${bytes[at + 5]}.${bytes[at + 6]}.${bytes[at + 7]}`, port }
}

const keyOfIpv4 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at + 4]! * 256 + bytes[at + 5]!) * 256 + bytes[at + 6]!) * 0x100_0000 +
  bytes[at + 7]! * 0x1_0000 +
  bytes[at + 2]! * 256 +
  bytes[at + 3]!

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')

/** The kernel's sockets and clock. */
export const realSurroundings: Surroundings = {
  open: (place, longestBytes, receive) => new NativeUdpSocket(place, longestBytes, receive),
  nowMs: () => performance.now(),
  wallSeconds: () => Math.floor(Date.now() / 1000),
  random: Math.random,
  every(periodMs, call) {
    const timer = setInterval(call, periodMs)
    return () => clearInterval(timer)
  },
}
