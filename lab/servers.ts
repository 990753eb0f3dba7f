// What runs on a lab server: HTTP and UDP, both answering with the server's name and counting who came. Opened in the
// server's own thread, so that the sockets belong to its namespace.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'

export interface ServerOptions {
  readonly name: string
  readonly address: string
  readonly tcpPort: number
  readonly udpPort: number
}

export interface ServerCounts {
  /** connections accepted */
  readonly tcp: number
  /** different client addresses and ports that sent something */
  readonly udp: number
}

export interface Server {
  counts(): ServerCounts
  close(): void
}

/** Room for all connections of a test that opens them at once. */
const backlog = 4_096

export const openServer = async (options: ServerOptions): Promise<Server> => {
  let accepted = 0
  const clients = new Set<string>()

  const web = createServer((request, response) => {
    const token = request.headers['x-token']
    const body = `${options.name}\n`
    response.writeHead(200, {
      'content-type': 'text/plain',
      'content-length': body.length,
      ...(token === undefined ? {} : { 'x-token': token }),
    })
    response.end(body)
  })
  web.on('connection', () => accepted++)
  web.listen({ host: options.address, port: options.tcpPort, backlog })

  const echo = createSocket('udp4')
  echo.on('message', (message, sender) => {
    clients.add(`${sender.address}:${sender.port}`)
    echo.send(`${options.name} ${message.toString('latin1')}`, sender.port, sender.address)
  })
  echo.bind(options.udpPort, options.address)

  await Promise.all([once(web, 'listening'), once(echo, 'listening')])
  return {
    counts: () => ({ tcp: accepted, udp: clients.size }),
    close: () => {
      web.close()
      web.closeAllConnections()
      echo.close()
    },
  }
}
