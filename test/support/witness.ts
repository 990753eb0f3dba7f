// A server that says who it is and whom it takes the client for, over HTTP and UDP, and a client that asks it over UDP.

import { createSocket, type SocketType } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'

export const witnessTcpPort = 8090
export const witnessUdpPort = 5390

export interface Testimony {
  readonly server: string
  /** the client's address as the server sees it */
  readonly client: string
  /** over UDP: what was sent, or as many letters as `answer LENGTH` asks for */
  readonly echo?: string
}

export interface Witness {
  close(): void
}

/** As addresses with ports stand in the API. */
export const socketText = (address: string, port: number): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`

/** The kind of socket for an address. */
export const udpOf = (address: string): SocketType => (address.includes(':') ? 'udp6' : 'udp4')

interface WitnessOptions {
  readonly name: string
  readonly address: string
}

export const openWitness = async ({ name, address }: WitnessOptions): Promise<Witness> => {
  const web = createServer((request, response) => {
    const testimony: Testimony = { server: name, client: request.socket.remoteAddress ?? '' }
    response.writeHead(200, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify(testimony))
  })
  web.listen({ host: address, port: witnessTcpPort })
  const datagrams = createSocket(udpOf(address))
  datagrams.on('message', (message, sender) => {
    const text = message.toString('latin1')
    const [, length] = /^answer (\d+)$/.exec(text) ?? []
    const echo = length === undefined ? text : 'x'.repeat(Number(length))
    const testimony: Testimony = { server: name, client: sender.address, echo }
    datagrams.send(JSON.stringify(testimony), sender.port, sender.address)
  })
  datagrams.bind(witnessUdpPort, address)
  await Promise.all([once(web, 'listening'), once(datagrams, 'listening')])
  return {
    close: () => {
      web.close()
      datagrams.close()
    },
  }
}

/** Sends one datagram from a port of its own and returns the answer, and whose address it came from. */
export const askWitness = (
  address: string,
  port: number,
  text: string,
  waitMs: number,
): Promise<{ readonly from: string; readonly testimony: Testimony }> =>
  new Promise((resolve, reject) => {
    const socket = createSocket(udpOf(address))
    const timer = setTimeout(() => {
      socket.close()
      reject(new Error(`no answer from ${address}:${port} in ${waitMs} ms`))
    }, waitMs)
    socket.on('message', (message, sender) => {
      clearTimeout(timer)
      socket.close()
      resolve({
        from: socketText(sender.address, sender.port),
        testimony: JSON.parse(message.toString('latin1')) as Testimony,
      })
    })
    socket.send(text, port, address)
  })
