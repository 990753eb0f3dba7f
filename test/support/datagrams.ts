// A sequence of datagrams at an even rate from one socket, each to be echoed by a server: says which came back.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export interface SequenceReport {
  readonly sent: number
  /** different numbers that came back */
  readonly received: number
  readonly duplicates: number
  /** the first few numbers that are missing */
  readonly missing: readonly number[]
  /** server name -> echoes */
  readonly servers: Readonly<Record<string, number>>
}

export interface Sequence {
  stop(): void
  report(): SequenceReport
  close(): void
}

export interface SequenceRequest {
  readonly address: string
  readonly port: number
  readonly perSecond: number
}

const missingShown = 10
const receiveBufferBytes = 4 * 1024 * 1024
const longestBurst = 8

/** The servers are those of lab/servers.ts: they answer `NAME TEXT`. */
export const openSequence = async ({ address, port, perSecond }: SequenceRequest): Promise<Sequence> => {
  const socket = createSocket({ type: 'udp4', recvBufferSize: receiveBufferBytes })
  const seen = new Set<number>()
  const servers: Record<string, number> = {}
  let sent = 0
  let duplicates = 0
  socket.on('message', (message) => {
    const [server = '', number = ''] = message.toString('latin1').split(' ')
    servers[server] = (servers[server] ?? 0) + 1
    if (seen.has(Number(number))) duplicates++
    seen.add(Number(number))
  })
  socket.connect(port, address)
  await once(socket, 'connect')
  const started = performance.now()
  const timer = setInterval(() => {
    // What is due by now: a thread that was kept waiting catches up, but not so fast that a receive buffer overflows.
    const due = Math.floor(((performance.now() - started) * perSecond) / 1_000)
    for (let burst = 0; sent < due && burst < longestBurst; burst++) socket.send(String(sent++))
  }, 1)
  return {
    stop: () => clearInterval(timer),
    report: () => {
      const missing: number[] = []
      for (let number = 0; number < sent && missing.length < missingShown; number++)
        if (!seen.has(number)) missing.push(number)
      return { sent, received: seen.size, duplicates, missing, servers }
    },
    close: () => {
      clearInterval(timer)
      socket.close()
    },
  }
}

/** A server's receive buffer may overflow with so many at once: what is not answered is asked again. */
const askAgainMs = 250

/** A question from each of `count` sockets, asked until it is answered; how many were answered in time. */
export const oneFromEach = async (
  address: string,
  port: number,
  count: number,
  waitMs: number,
): Promise<{ readonly answered: number }> => {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'))
  const answered = new Set<number>()
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const ask = (): void => {
    for (const [index, socket] of sockets.entries())
      if (!answered.has(index)) socket.send(`one ${index}`, port, address)
  }
  for (const [index, socket] of sockets.entries())
    socket.on('message', () => {
      answered.add(index)
      if (answered.size === count) resolve()
    })
  ask()
  const again = setInterval(ask, askAgainMs)
  const timer = setTimeout(resolve, waitMs)
  await over
  clearInterval(again)
  clearTimeout(timer)
  for (const socket of sockets) socket.close()
  return { answered: answered.size }
}
