// A TFTP server for tests in the thread of a lab host: answers each request to read from a socket of its own.

import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'

export interface TftpServer {
  /** whom the requests came from */
  clients(): readonly string[]
  close(): void
}

const port = 69
const blockBytes = 512

export async function openTftpServer(family: 4 | 6, content: string): Promise<TftpServer> {
  const type = family === 4 ? 'udp4' : 'udp6'
  const clients: string[] = []
  const transfers: Socket[] = []
  const file = Buffer.from(content)
  const server = createSocket(type)
  server.on('message', (request, client) => {
    if (request.readUInt16BE(0) !== 1) return
    clients.push(client.address)
    const transfer = createSocket(type)
    transfers.push(transfer)
    const send = (block: number): void => {
      const from = (block - 1) * blockBytes
      const head = Buffer.from([0, 3, block >> 8, block & 255])
      if (from <= file.length)
        transfer.send(Buffer.concat([head, file.subarray(from, from + blockBytes)]), client.port, client.address)
    }
    transfer.on('message', (message) => {
      if (message.readUInt16BE(0) === 4) send(message.readUInt16BE(2) + 1)
    })
    send(1)
  })
  const bound = Promise.withResolvers<void>()
  server.bind(port, () => bound.resolve())
  await bound.promise
  return {
    clients: () => clients,
    close: () => {
      for (const socket of [server, ...transfers]) socket.close()
    },
  }
}
