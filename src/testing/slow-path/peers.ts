// Peers in the threads of lab hosts: a TCP connection that says how it ends, and a socket that keeps what comes.

import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { native } from '../../../native/load.ts'
import type { AddressInfo, Server, Socket } from 'node:net'

export interface TcpPeer {
  listen(address: string): Promise<number>
  connect(address: string, port: number): Promise<number>
  /** Sends, and waits until the other side has sent as much back. */
  echo(text: string): Promise<string>
  /** Sends so many bytes, and waits until as many have come back. */
  exchange(bytes: number): Promise<number>
  /** `open`, or how it ended */
  state(): string
  /** Knows nothing of its connection any more; what it sends for that is one RST. */
  forget(): void
  close(): void
}

export function openTcpPeer(): TcpPeer {
  let server: Server | null = null
  let socket: Socket | null = null
  let state = 'none'
  const adopt = (made: Socket): void => {
    socket = made
    state = 'open'
    made.on('error', (error: NodeJS.ErrnoException) => (state = error.code ?? error.message))
    made.on('close', () => {
      if (state === 'open') state = 'closed'
    })
  }
  return {
    listen: async (address) => {
      server = createServer((made) => {
        adopt(made)
        made.on('data', (bytes) => made.write(bytes))
      })
      const listening = Promise.withResolvers<void>()
      server.listen(0, address, () => listening.resolve())
      await listening.promise
      return (server.address() as AddressInfo).port
    },
    connect: async (address, port) => {
      const made = connect(port, address)
      const connected = Promise.withResolvers<void>()
      made.once('connect', () => connected.resolve())
      made.once('error', (error) => connected.reject(error))
      await connected.promise
      adopt(made)
      return made.localPort ?? 0
    },
    echo: async (text) => {
      const answered = Promise.withResolvers<string>()
      socket?.once('data', (bytes: Buffer) => answered.resolve(bytes.toString()))
      socket?.write(text)
      return answered.promise
    },
    exchange: async (bytes) => {
      const answered = Promise.withResolvers<number>()
      let back = 0
      const count = (data: Buffer): void => {
        back += data.length
        if (back >= bytes) answered.resolve(back)
      }
      socket?.on('data', count)
      socket?.write(Buffer.alloc(bytes, 7))
      const result = await answered.promise
      socket?.off('data', count)
      return result
    },
    state: () => state,
    forget: () => void socket?.resetAndDestroy(),
    close: () => {
      socket?.destroy()
      server?.close()
    },
  }
}

const AF_PACKET = 17
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const ETH_P_IP = 0x0800
const ETH_P_IPV6 = 0x86dd
const slotBytes = 4096

export interface Sniffer {
  /** IP packets that came, as hexadecimal text */
  packets(): readonly string[]
  close(): void
}

/** Of packets to this host, without their link header. */
export function openSniffer(): Sniffer {
  const packets: string[] = []
  const sockets = [ETH_P_IP, ETH_P_IPV6].map((protocol) => {
    const socket = native.socketOpen({ domain: AF_PACKET, type: SOCK_DGRAM, protocol })
    const arena = new Uint8Array(64 * slotBytes)
    native.socketReceive(socket, arena, slotBytes, (count, lengths, addresses) => {
      for (let i = 0; i < count; i++)
        if (addresses[i * 28 + 10] === 0)
          packets.push(Buffer.from(arena.subarray(i * slotBytes, i * slotBytes + (lengths[i] ?? 0))).toString('hex'))
    })
    return socket
  })
  return {
    packets: () => packets,
    close: () => {
      for (const socket of sockets) native.socketClose(socket)
    },
  }
}

export interface UdpPeer {
  /** Of datagrams that came whole: sender and content, as hexadecimal text. */
  received(): readonly { readonly from: string; readonly content: string }[]
  /** Answers each datagram with what came. */
  close(): void
}

export async function openUdpPeer(family: 4 | 6, port: number): Promise<UdpPeer> {
  const received: { from: string; content: string }[] = []
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6')
  socket.on('message', (bytes, { address, port: from }) => {
    received.push({ from: `${address} ${from}`, content: bytes.toString('hex') })
    socket.send(bytes, from, address)
  })
  const bound = Promise.withResolvers<void>()
  socket.bind(port, () => bound.resolve())
  await bound.promise
  return { received: () => received, close: () => socket.close() }
}

/** Puts frames on a device, in this order. */
export function sendFrames(device: string, frames: readonly Uint8Array[]): void {
  const socket = native.socketOpen({ domain: AF_PACKET, type: SOCK_RAW, protocol: 0 })
  const address = new Uint8Array(20) // struct sockaddr_ll
  new DataView(address.buffer).setUint16(0, AF_PACKET, true)
  new DataView(address.buffer).setInt32(4, native.interfaceIndex(device), true)
  for (const data of frames) native.socketSend(socket, [{ data, address }])
  native.socketClose(socket)
}
