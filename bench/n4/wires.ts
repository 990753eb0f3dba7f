// Datagrams between sockets of one thread, without a kernel: delivered in the order they were sent, in the next turn of
// the event loop. Clock and timers are the real ones.

import { realSurroundings } from '../../src/sockets/udp-socket.ts'
import type { Place, Receive, Surroundings } from '../../src/sockets/surroundings.ts'

interface Datagram {
  readonly from: Place
  readonly to: Place
  readonly bytes: Uint8Array
}

const keyOf = ({ address, port }: Place): string => `${address} ${port}`

export class Wires {
  readonly #sockets = new Map<string, Receive>()
  #waiting: Datagram[] = []

  readonly surroundings: Surroundings = {
    ...realSurroundings,
    open: (place, _longestBytes, receive) => {
      const key = keyOf(place)
      if (this.#sockets.has(key)) throw new Error(`${key} is taken`)
      this.#sockets.set(key, receive)
      const counts = { sent: 0, received: 0, unsent: 0, refused: 0, cut: 0 }
      return {
        send: (bytes, to) => this.#send({ from: place, to, bytes: bytes.slice() }),
        counts: () => counts,
        close: () => void this.#sockets.delete(key),
      }
    },
  }

  #send(datagram: Datagram): void {
    if (this.#waiting.push(datagram) === 1) setImmediate(() => this.#deliver())
  }

  #deliver(): void {
    const datagrams = this.#waiting
    this.#waiting = []
    for (const { bytes, from, to } of datagrams) this.#sockets.get(keyOf(to))?.(bytes, from)
  }
}
