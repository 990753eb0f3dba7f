// Much data at once both ways over one TCP connection, every byte of which is checked: what offloads make of segments
// between the families, and what path MTU discovery has to find out first.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { isPattern, patternAt } from './pattern.ts'

export const bulkPort = 7100

export interface BulkServer {
  close(): void
}

export interface BulkReport {
  readonly server: string
  /** whom the server took the client for */
  readonly client: string
  /** null: all bytes arrived as they were sent, both ways */
  readonly wrong: string | null
}

/** Sends the pattern up to `total` bytes, as fast as the other side takes it. */
const sendPattern = async (socket: Socket, total: number): Promise<void> => {
  for (let sent = 0; sent < total;) {
    const part = patternAt(sent, total - sent)
    sent += part.length
    if (!socket.write(part)) await once(socket, 'drain')
  }
}

/** Reads the pattern up to `total` bytes; says what is wrong with it, and null when nothing is. */
const takePattern = (socket: Socket, total: number, rest: Buffer): Promise<string | null> =>
  new Promise((resolve) => {
    let received = 0
    const take = (part: Buffer): void => {
      if (!isPattern(part, received)) resolve(`other bytes than were sent, after ${received}`)
      received += part.length
      if (received === total) resolve(null)
      if (received > total) resolve(`${received - total} bytes too many`)
    }
    if (rest.length > 0) take(rest)
    socket.on('data', take)
    socket.on('error', (error) => resolve(`${error.message} after ${received} of ${total} bytes`))
    socket.on('close', () => resolve(`closed after ${received} of ${total} bytes`))
  })

/** The first line, and what came behind it. */
const firstLine = async (socket: Socket): Promise<readonly [string, Buffer]> => {
  let head = Buffer.alloc(0)
  for (;;) {
    const [part] = (await once(socket, 'data')) as [Buffer]
    head = Buffer.concat([head, part])
    const end = head.indexOf('\n')
    if (end >= 0) return [head.subarray(0, end).toString('latin1'), head.subarray(end + 1)]
  }
}

const serve = async (socket: Socket, name: string): Promise<void> => {
  const [line, rest] = await firstLine(socket)
  const total = Number(line)
  const taken = takePattern(socket, total, rest)
  socket.write(`${name} ${socket.remoteAddress}\n`)
  await sendPattern(socket, total)
  socket.end(`\n${(await taken) ?? 'well'}`)
}

/** It sends and receives at the same time, and ends with a word on what it received. */
export const openBulkServer = async (name: string, address: string): Promise<BulkServer> => {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    // A client that gives up is no failure of the server; the client says what is wrong.
    serve(socket, name).catch(() => socket.destroy())
  })
  server.listen({ host: address, port: bulkPort })
  await once(server, 'listening')
  return {
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** One connection that sends and gets `bytes` bytes. */
export const bulk = async (address: string, port: number, bytes: number, timeoutMs: number): Promise<BulkReport> => {
  const socket = connect({ host: address, port, allowHalfOpen: true })
  const timer = setTimeout(() => socket.destroy(new Error(`not through in ${timeoutMs} ms`)), timeoutMs)
  try {
    await once(socket, 'connect')
    socket.write(`${bytes}\n`)
    // When it cannot go on there will be no good word from the server.
    sendPattern(socket, bytes).catch(() => undefined)
    const [line, rest] = await firstLine(socket)
    const [server = '', client = ''] = line.split(' ')
    const parts = [rest]
    for await (const part of socket) parts.push(part as Buffer)
    const all = Buffer.concat(parts)
    const word = all.subarray(bytes + 1).toString('latin1')
    if (!isPattern(all.subarray(0, bytes), 0)) return { server, client, wrong: 'the client got other bytes' }
    return { server, client, wrong: word === 'well' ? null : `the server says: ${word}` }
  } catch (error) {
    return { server: '', client: '', wrong: (error as Error).message }
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}
