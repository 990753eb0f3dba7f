// A UDP server that sends back what it gets, for stories in which somebody has to answer simulated users.

import { createSocket } from 'node:dgram'

import { once } from 'node:events'

export interface Echo {
  /** so many datagrams have come, and gone back */
  answered(): number
  /** addresses that they came from */
  clients(): readonly string[]
}

export async function openEcho(address: string, port: number): Promise<Echo> {
  const clients = new Set<string>()
  let answered = 0
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (bytes, from) => {
    clients.add(from.address)
    answered++
    socket.send(bytes, from.port, from.address)
  })
  socket.bind(port, address)
  await once(socket, 'listening')
  return { answered: () => answered, clients: () => [...clients].toSorted() }
}
