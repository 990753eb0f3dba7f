// What a simulated peer takes from around it: sockets, a clock, timers. Tests hand in others than the kernel's.

/** Canonical text and a port. The same peer may come as different objects. */
export interface Place {
  readonly address: string
  readonly port: number
}

export interface SocketCounts {
  readonly sent: number
  readonly received: number
  /** The kernel took nothing more, and what waited for it had reached its limit. */
  readonly unsent: number
  /** They could not be sent: no route, not permitted, an address of another family. */
  readonly refused: number
  /** Datagrams that were longer than this socket reads. */
  readonly cut: number
}

export interface UdpSocket {
  /** Takes a copy of the bytes. What is sent within one turn of the event loop may leave together. */
  send(bytes: Uint8Array, to: Place): void
  counts(): SocketCounts
  close(): void
}

/** The bytes are the receiver's, also to change, until it returns. */
export type Receive = (bytes: Uint8Array, from: Place) => void

export interface Surroundings {
  /** Throws what the kernel throws, for an address that is not here or is taken. */
  open(place: Place, longestBytes: number, receive: Receive): UdpSocket
  /** of a clock that only goes forward */
  nowMs(): number
  /** seconds since 1970 */
  wallSeconds(): number
  /** from 0 to below 1 */
  random(): number
  /** Calls every so many milliseconds, until what is returned is called. */
  every(periodMs: number, call: () => void): () => void
}
