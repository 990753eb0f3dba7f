// An engine on a socket: what all proxies of datagrams have in common. Engines (`n4/`, `gtpc/`) know neither sockets
// nor timers; datagrams and time go in here, and what comes out is carried out, for all that one call of the kernel
// brought together. What is of one kind of proxy, such as hints, is that kind's runner's: it is called before anything
// is sent.

import type { Place, Surroundings, UdpSocket } from '../sockets/surroundings.ts'

/** What UDP can carry; long messages come in IP fragments, which the kernel puts together. */
const longestMessage = 65_535
const tickMs = 100

interface EngineEffects<Event> {
  readonly send: readonly { readonly to: Place; readonly bytes: Uint8Array }[]
  /** what an operator wants to read about */
  readonly events: readonly Event[]
}

interface Engine<Effects> {
  receive(from: Place, bytes: Uint8Array, nowMs: number): Effects
  /** to be called ten times a second */
  tick(nowMs: number): Effects
}

export interface LoopOptions<Event, Effects extends EngineEffects<Event>> {
  readonly engine: Engine<Effects>
  readonly surroundings: Surroundings
  /** where it is listened, and sent from */
  readonly place: Place
  /** Called before what stands in `owed` is sent. */
  readonly prepare?: (owed: readonly Effects[]) => void
  readonly tell: (event: Event) => void
}

export class EngineLoop<Event, Effects extends EngineEffects<Event>> {
  readonly #options: LoopOptions<Event, Effects>
  readonly #socket: UdpSocket
  readonly #stopTicking: () => void
  /** of datagrams that one call of the kernel has brought: at most as many as the socket reads at once */
  #owed: Effects[] = []

  /** Throws what the kernel throws when the place cannot be listened at. */
  constructor(options: LoopOptions<Event, Effects>) {
    const { engine, place, surroundings } = options
    this.#options = options
    this.#socket = surroundings.open(place, longestMessage, (bytes, from) => this.#receive(bytes, from))
    this.#stopTicking = surroundings.every(tickMs, () => this.carryOut(engine.tick(surroundings.nowMs())))
  }

  carryOut(effects: Effects): void {
    this.#owed.push(effects)
    this.#settle()
  }

  /** What the socket has refused, by name. */
  counters(): Readonly<Record<string, number>> {
    const { cut, refused, unsent } = this.#socket.counts()
    return { 'socket: unsent': unsent, 'socket: refused': refused, 'socket: too long': cut }
  }

  close(): void {
    this.#stopTicking()
    this.#settle()
    this.#socket.close()
  }

  /** What came in one call of the kernel is carried out together: hints of many sessions cost little more than one. */
  #receive(bytes: Uint8Array, from: Place): void {
    const { engine, surroundings } = this.#options
    if (this.#owed.length === 0) queueMicrotask(() => this.#settle())
    this.#owed.push(engine.receive(from, bytes, surroundings.nowMs()))
  }

  #settle(): void {
    const { prepare, tell } = this.#options
    const owed = this.#owed
    if (owed.length === 0) return
    this.#owed = []
    prepare?.(owed)
    for (const { send } of owed) for (const { bytes, to } of send) this.#socket.send(bytes, to)
    for (const { events } of owed) for (const event of events) tell(event)
  }
}
