// An MME and a PGW-C that say what a test tells them, opened in the thread of a lab host.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

import {
  causeV2,
  fTeid,
  fTeidIn,
  hexOf,
  ie,
  parse,
  v2,
  valueV2,
  type Parsed,
} from '../../src/proxy/gtpc/test-elements.ts'

const port = 2123

const openSocket = async (address: string): Promise<Socket> => {
  const socket = createSocket('udp4')
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket
}

export interface Heard {
  readonly hex: string
  readonly from: string
}

export interface Mme {
  /** Sends, and waits for the answer; null: none came in time. */
  ask(hex: string, to: string, waitMs: number): Promise<Heard | null>
  close(): void
}

export const openMme = async (address: string): Promise<Mme> => {
  const socket = await openSocket(address)
  return {
    ask(hex, to, waitMs) {
      const request = parse(Buffer.from(hex, 'hex'))
      return new Promise((resolve) => {
        const done = (heard: Heard | null): void => {
          clearTimeout(timer)
          socket.off('message', hear)
          resolve(heard)
        }
        const hear = (bytes: Buffer, from: { readonly address: string }): void => {
          const { sequence, type } = parse(bytes)
          if (type === request.type + 1 && sequence === request.sequence)
            done({ hex: hexOf(bytes), from: from.address })
        }
        const timer = setTimeout(() => done(null), waitMs)
        socket.on('message', hear)
        socket.send(Buffer.from(hex, 'hex'), port, to)
      })
    },
    close: () => socket.close(),
  }
}

export interface Pgw {
  /** of Create Session Requests: who has sent them */
  creations(): readonly string[]
  close(): void
}

const ownTeid = 0x5000

export const openPgw = async (address: string): Promise<Pgw> => {
  const socket = await openSocket(address)
  const creations: string[] = []
  /** own TEID of a session to that of its SGW */
  const sessions = new Map<number, number>()
  socket.on('message', (bytes, from) => {
    const message = parse(bytes)
    const answer = (): Uint8Array | null => {
      if (message.type === 36) return v2(37, sessions.get(message.teid ?? 0) ?? 0, message.sequence, causeV2(16))
      if (message.type !== 32) return null
      creations.push(from.address)
      const own = ownTeid + creations.length
      sessions.set(own, fTeidIn(message)?.teid ?? 0)
      return created(message, own, address)
    }
    const response = answer()
    if (response !== null) socket.send(response, port, from.address)
  })
  return { creations: () => [...creations], close: () => socket.close() }
}

const created = (message: Parsed, own: number, address: string): Uint8Array =>
  v2(
    33,
    fTeidIn(message)?.teid ?? 0,
    message.sequence,
    causeV2(16),
    fTeid(1, 7, own, address),
    // PAA: a PDN of IPv4, with the address of the UE
    ie(79, 0, 1, 10, 45, 0, own & 0xff),
    ie(127, 0, 0),
    ie(
      93,
      0,
      ie(73, 0, valueV2({ ...message, body: valueV2(message, 93) ?? new Uint8Array() }, 73)?.[0] ?? 5),
      causeV2(16),
      fTeid(2, 5, own + 0x1000, address),
    ),
  )
