// A netlink socket: asks the kernel and waits for its answers, or listens to its announcements. It lives in the network
// namespace of the thread that opened it.

import type { Socket } from '../../../native/index.d.ts'
import { native } from '../../../native/load.ts'
import {
  encodeMessage,
  kernelError,
  MalformedMessage,
  messageFlags,
  messageTypes,
  parseMessages,
  u32Bytes,
  view,
  type KernelError,
  type Message,
} from './netlink.ts'

/** Netlink families: protocol numbers of the socket. */
export const families = { route: 0, generic: 16 } as const

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const SOL_NETLINK = 270
const NETLINK_ADD_MEMBERSHIP = 1
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11

/** The kernel answers before `send` returns; this is for a kernel that has lost its answer. */
const answerTimeoutMs = 5_000
/** Requests sent before their answers are read. The answers wait in the receive buffer, so this bounds it. */
const requestsInFlight = 64
const receiveBufferBytes = 1 << 20
/** The kernel fills a datagram of a dump up to the length that it is read with, and no more than 32 KiB. */
const slotBytes = 32_768
const slots = 8
/** How often a list is read again because it changed meanwhile. The last reading counts as it is. */
const dumpRetries = 4
const addressBytes = 28 // of each sender, as the addon gives it

export interface Request {
  readonly type: number
  /** besides `request` and `acknowledge`, which are always set */
  readonly flags: number
  readonly payload: Uint8Array
  /** for people: what was asked, such as `the route to 10.0.0.1` */
  readonly what: string
}

export type Answer =
  | { readonly kind: 'done'; readonly messages: readonly Message[] }
  | { readonly kind: 'refused'; readonly error: KernelError }

interface Pending {
  readonly what: string
  readonly messages: Message[]
  interrupted: boolean
  answer: Answer | null
}

/** A socket for requests. Calls may overlap; the kernel sees them one after the other. */
export class NetlinkSocket {
  readonly #socket: Socket
  #lastSequence = 0
  readonly #pending = new Map<number, Pending>()
  /** Ends the wait for the answers of the requests that are in flight. */
  #wake: ((failure: Error | null) => void) | null = null
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  static open(family: number): NetlinkSocket {
    const on = u32Bytes(1)
    const socket = native.socketOpen({
      domain: AF_NETLINK,
      type: SOCK_RAW,
      protocol: family,
      address: netlinkAddress(0),
      options: [
        { level: SOL_SOCKET, name: SO_RCVBUFFORCE, value: u32Bytes(receiveBufferBytes) },
        { level: SOL_NETLINK, name: NETLINK_CAP_ACK, value: on },
        { level: SOL_NETLINK, name: NETLINK_EXT_ACK, value: on },
      ],
    })
    const netlink = new NetlinkSocket(socket)
    receive(socket, {
      onMessages: (messages) => messages.forEach((message) => netlink.#take(message)),
      onLost: (reason) => netlink.#wake?.(new Error(`netlink: answers of the kernel were lost: ${reason}`)),
    })
    return netlink
  }

  /** One request; throws a KernelError when it is refused. */
  async request(request: Request): Promise<readonly Message[]> {
    const [answer] = await this.requestAll([request])
    if (answer?.kind === 'done') return answer.messages
    throw answer?.error ?? new Error(`netlink: no answer about ${request.what}`)
  }

  /** Many requests; their answers in the same order. */
  async requestAll(requests: readonly Request[]): Promise<readonly Answer[]> {
    const answers: Answer[] = []
    for (let at = 0; at < requests.length; at += requestsInFlight) {
      const window = requests.slice(at, at + requestsInFlight)
      const pending = await this.#inTurn(() => this.#exchange(window))
      for (const { what, answer } of pending) {
        if (answer === null) throw new Error(`netlink: no answer about ${what}`)
        answers.push(answer)
      }
    }
    return answers
  }

  /** A whole list. */
  async dump(request: Request): Promise<readonly Message[]> {
    const dump = { ...request, flags: request.flags | messageFlags.dump }
    for (let retries = dumpRetries; ; retries--) {
      const [pending] = await this.#inTurn(() => this.#exchange([dump]))
      const answer = pending?.answer ?? null
      if (answer === null) throw new Error(`netlink: no answer about ${request.what}`)
      if (answer.kind === 'refused') throw answer.error
      if (pending?.interrupted !== true || retries === 0) return answer.messages
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    native.socketClose(this.#socket)
    this.#wake?.(new Error('netlink: the socket was closed'))
  }

  /** A socket serves one dump at a time (else EBUSY), so everything waits for what came before. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #exchange(requests: readonly Request[]): Promise<readonly Pending[]> {
    if (this.#closed) throw new Error('netlink: the socket is closed')
    const all: Pending[] = []
    const messages = requests.map(({ type, flags, payload, what }) => {
      const pending: Pending = { what, messages: [], interrupted: false, answer: null }
      const sequence = (this.#lastSequence = (this.#lastSequence + 1) >>> 0)
      this.#pending.set(sequence, pending)
      all.push(pending)
      const allFlags = flags | messageFlags.request | messageFlags.acknowledge
      return { data: encodeMessage({ type, flags: allFlags, sequence, payload }), address: kernel }
    })
    try {
      const answered = this.#allAnswered(all[0]?.what ?? 'nothing')
      for (let sent = 0; sent < messages.length;) {
        const count = native.socketSend(this.#socket, messages.slice(sent))
        if (count === 0) throw new Error('netlink: the kernel takes no more requests')
        sent += count
      }
      await answered
      return all
    } finally {
      this.#wake?.(null)
      this.#pending.clear()
    }
  }

  /** Resolves when nothing is pending. Its timer keeps the process alive, which the socket does not. */
  #allAnswered(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wake?.(new Error(`netlink: the kernel did not answer about ${what} within ${answerTimeoutMs / 1000} s`))
      }, answerTimeoutMs)
      this.#wake = (failure) => {
        this.#wake = null
        clearTimeout(timer)
        if (failure === null) resolve()
        else reject(failure)
      }
    })
  }

  #take(message: Message): void {
    // Answers that nobody waits for any more come after a timeout.
    const pending = this.#pending.get(message.sequence)
    if (pending === undefined) return
    if ((message.flags & messageFlags.dumpInterrupted) !== 0) pending.interrupted = true
    if (message.type !== messageTypes.error && message.type !== messageTypes.done) {
      // The bytes are the arena's, and the next datagram is read over them.
      pending.messages.push({ ...message, payload: message.payload.slice() })
      return
    }
    const error = kernelError(message, pending.what)
    pending.answer = error === null ? { kind: 'done', messages: pending.messages } : { kind: 'refused', error }
    this.#pending.delete(message.sequence)
    if (this.#pending.size === 0) this.#wake?.(null)
  }
}

export interface Listener {
  /** Payloads are views, valid until it returns. */
  readonly onMessages: (messages: readonly Message[]) => void
  /** Announcements were lost, or could not be read. */
  readonly onLost: (reason: string) => void
}

/** Listens to the announcements of multicast groups. */
export function listen(family: number, groups: readonly number[], listener: Listener): Socket {
  // Binding takes the groups up to 32 as bits, and would end a membership in one of them that it does not name.
  const mask = groups.filter((group) => group <= 32).reduce((bits, group) => (bits | (1 << (group - 1))) >>> 0, 0)
  const socket = native.socketOpen({
    domain: AF_NETLINK,
    type: SOCK_RAW,
    protocol: family,
    address: netlinkAddress(mask),
    options: [
      { level: SOL_SOCKET, name: SO_RCVBUFFORCE, value: u32Bytes(receiveBufferBytes) },
      ...groups
        .filter((group) => group > 32)
        .map((group) => ({ level: SOL_NETLINK, name: NETLINK_ADD_MEMBERSHIP, value: u32Bytes(group) })),
    ],
  })
  receive(socket, listener)
  return socket
}

function receive(socket: Socket, { onMessages, onLost }: Listener): void {
  const arena = new Uint8Array(slots * slotBytes)
  native.socketReceive(socket, arena, slotBytes, (count, lengths, addresses, error) => {
    if (error !== null) return onLost(error)
    for (let i = 0; i < count; i++) {
      const length = lengths[i] ?? 0
      // Only the kernel has port 0. Another process may write to us, and is not heard.
      if (view(addresses).getUint32(i * addressBytes + 4, true) !== 0) continue
      if (length > slotBytes) onLost(`a datagram of ${length} bytes`)
      else deliver(arena.subarray(i * slotBytes, i * slotBytes + length), onMessages, onLost)
    }
  })
}

function deliver(bytes: Uint8Array, onMessages: Listener['onMessages'], onLost: Listener['onLost']): void {
  try {
    onMessages(parseMessages(bytes))
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    onLost(error.message)
  }
}

/** struct sockaddr_nl: family, padding, port (0: the kernel, or chosen by it), groups. */
function netlinkAddress(groups: number): Uint8Array {
  return u32Bytes(AF_NETLINK, 0, groups)
}

const kernel = netlinkAddress(0)
