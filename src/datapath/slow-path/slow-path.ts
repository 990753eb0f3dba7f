// The slow path as one mechanism: reads punted packets, has them handled, changes the maps, sends what is to be sent.
// SlowPathCore is all of it but ring, clock and sockets; `replay` drives it too.

import { native } from '../../../native/load.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { Gaps } from '../flow-events.ts'
import { settingsOffsets } from '../layout.gen.ts'
import { Dispatch } from './dispatch.ts'
import { FlowMaker } from './flow-maker.ts'
import { FragmentHandler } from './handlers/fragment.ts'
import { icmpErrorHandler } from './handlers/icmp-error.ts'
import { Resets } from './handlers/reset.ts'
import { sctpAbortHandler } from './handlers/sctp-abort.ts'
import { tooBigHandler } from './handlers/too-big.ts'
import { KernelMaps } from './kernel-maps.ts'
import { slowPathLimits } from './limits.ts'
import { decodePunt, eachRecord, readPuntHead } from './punt-record.ts'
import { RawSink } from './raw-sink.ts'
import { Statistics } from './statistics.ts'
import type { PacketSink } from './dispatch.ts'
import type { Handler, Lookups, MapChange, PuntedPacket } from './handler.ts'
import type { KernelMapsOptions } from './kernel-maps.ts'
import type { SlowPathLimits } from './limits.ts'
import type { SlowPathStatus } from '../../lb/datapath.ts'
import type { Log } from '../../lb/log.ts'

/** Packets handled before other work of the daemon has its turn. */
const packetsPerTurn = 256
/** The fast path wants to be told four times a second that somebody reads. */
const stepMs = 100
/** When a handler hurries. */
const hurryMs = 5
/** Read from the ring in one go. */
const arenaBytes = 1024 * 1024

export interface CoreOptions {
  /** They go before those built in. */
  readonly handlers: readonly Handler[]
  readonly limits: SlowPathLimits
  readonly maps: Lookups & { change(changes: readonly MapChange[]): void }
  readonly sink: PacketSink
  readonly makeFlow?: (first: PuntedPacket) => void
  /** The packet as the fast path would send it. */
  readonly forward?: (punted: PuntedPacket) => Uint8Array | null
  /** milliseconds that never go back */
  readonly now: () => number
  /** when a tick of the fast path was, on that clock */
  readonly msOfTick: (tick: number) => number
  /** packets wait for `run` */
  readonly onReady: () => void
  /** a whole number from 0 to below `count`; by the machine's chance, where it is left out */
  readonly random?: (count: number) => number
  readonly log: Log
}

export class SlowPathCore {
  readonly #options: CoreOptions
  readonly #statistics = new Statistics()
  readonly #gaps = new Gaps()
  readonly #dispatch: Dispatch
  #steppedMs = -Infinity

  constructor(options: CoreOptions) {
    const { forward, handlers, limits, log, makeFlow, maps, now, onReady, random, sink } = options
    this.#options = options
    const resets = new Resets(limits.resets, maps, random && (() => random(0x1_0000_0000)))
    const making = makeFlow === undefined ? {} : { makeFlow }
    const fastPath = forward && { change: (changes: readonly MapChange[]): void => maps.change(changes), forward }
    const fragments = new FragmentHandler({
      limits: limits.fragments,
      lookups: maps,
      ...making,
      ...(fastPath === undefined ? {} : { fastPath }),
    })
    this.#dispatch = new Dispatch({
      handlers: [
        resets.answers,
        ...handlers,
        resets.expired,
        fragments,
        icmpErrorHandler,
        sctpAbortHandler(limits.sctpAborts, now()),
        tooBigHandler({ limits: limits.tooBig, lookups: maps, nowMs: now(), ...making }),
      ],
      limits: limits.dispatch,
      change: (changes) => maps.change(changes),
      sink,
      statistics: this.#statistics,
      ageMs: ({ punt }) => now() - options.msOfTick(punt.at),
      now,
      onReady,
      log,
    })
  }

  /** One record of the ring; its bytes are copied. */
  receive(record: Uint8Array): void {
    try {
      const head = readPuntHead(record)
      this.#statistics.lost += this.#gaps.before(head.cpu, head.sequence)
      if (!this.#dispatch.admits(head.reason, head.hasFlow)) return
      this.#dispatch.add(decodePunt(record, head, this.#options.now()))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#statistics.unreadable.add(error.reason)
    }
  }

  /** Hands up to `most` packets to their handlers; true when there are more. */
  run(most: number): boolean {
    return this.#dispatch.run(most)
  }

  /** What is due without a packet; to be called many times a second. True: again in a few milliseconds. */
  step(): boolean {
    const nowMs = this.#options.now()
    if (nowMs - this.#steppedMs >= hurryMs) {
      this.#steppedMs = nowMs
      this.#dispatch.due()
    }
    return this.#dispatch.hurries()
  }

  status(): SlowPathStatus {
    return this.#statistics.read()
  }

  close(): void {
    this.#dispatch.close()
  }
}

/** What a handler may be made with. */
export interface HandlerMaps extends Lookups {
  /** at once, where an answer would be too late */
  readonly change: (changes: readonly MapChange[]) => void
  /** Lets the fast path make the flow that a packet begins; nothing where there is no TC program. */
  readonly makeFlow: (first: PuntedPacket) => void
}

/** What it has of a datapath, whatever clock and sockets it has. */
export interface SlowPathParts extends Omit<KernelMapsOptions, 'ticks'> {
  readonly fds: KernelMapsOptions['fds'] & Readonly<Record<'punts', number>>
  /** the TC program; with it a packet that was not sent, since it was too long, can begin a flow */
  readonly tcProgram?: number
  /** They go before those built in. */
  readonly handlers?: (maps: HandlerMaps) => readonly Handler[]
  readonly limits?: SlowPathLimits
  /** milliseconds that never go back */
  readonly now: () => number
  /** as of CoreOptions */
  readonly random?: (count: number) => number
  readonly log: Log
}

export interface SlowPathOptions extends SlowPathParts {
  /** the kernel's time in ticks */
  readonly ticks: () => number
  readonly ticksPerSecond: number
  /** firewall mark of what is sent; 0: none */
  readonly mark?: number
}

type Surroundings = Pick<CoreOptions, 'sink' | 'msOfTick' | 'onReady'> & Pick<KernelMapsOptions, 'ticks'>

/** The mechanism over the fast path's maps. */
export const coreOf = (parts: SlowPathParts, { ticks, ...surroundings }: Surroundings): SlowPathCore => {
  const maps = new KernelMaps({ ...parts, ticks })
  const maker = parts.tcProgram === undefined ? null : new FlowMaker(parts.tcProgram)
  return new SlowPathCore({
    handlers:
      parts.handlers?.({
        flow: (key) => maps.flow(key),
        fragment: (key) => maps.fragment(key),
        encapsulation: () => maps.encapsulation(),
        change: (changes) => maps.change(changes),
        makeFlow: (first) => maker?.make(first),
      }) ?? [],
    limits: parts.limits ?? slowPathLimits,
    maps,
    ...(maker === null
      ? {}
      : { makeFlow: (first) => maker.make(first), forward: (punted: PuntedPacket) => maker.forward(punted) }),
    now: parts.now,
    ...(parts.random === undefined ? {} : { random: parts.random }),
    log: parts.log,
    ...surroundings,
  })
}

export class SlowPath {
  readonly #options: SlowPathOptions
  readonly #core: SlowPathCore
  readonly #sink: RawSink
  readonly #ring: ReturnType<typeof native.ringOpen>
  readonly #timer: NodeJS.Timeout
  /** what the kernel's clock and ours said at the same time */
  #clock: { readonly ticks: number; readonly ms: number }
  #turn: NodeJS.Immediate | null = null
  #hurry: NodeJS.Timeout | null = null

  private constructor(options: SlowPathOptions, sink: RawSink) {
    this.#options = options
    this.#sink = sink
    this.#clock = { ticks: options.ticks(), ms: options.now() }
    this.#core = coreOf(options, {
      sink,
      ticks: () => this.#ticks(),
      msOfTick: (tick) => this.#msOfTick(tick),
      onReady: () => this.#wake(),
    })
    const arena = new Uint8Array(arenaBytes)
    this.#ring = native.ringOpen(options.fds.punts, arena, (count) => {
      eachRecord(arena, count, (record) => this.#core.receive(record))
      this.#run()
    })
    this.#timer = setInterval(() => this.#step(), stepMs)
    this.#step()
  }

  /** Begins to read, and says so to the fast path. In the network namespace of the calling thread. */
  static open(options: SlowPathOptions): SlowPath {
    const sink = new RawSink({ mark: options.mark ?? 0 })
    try {
      return new SlowPath(options, sink)
    } catch (error) {
      sink.close()
      throw error
    }
  }

  status(): SlowPathStatus {
    return this.#core.status()
  }

  /** The fast path drops by name from now on what it would have left to us. */
  close(): void {
    clearInterval(this.#timer)
    if (this.#turn) clearImmediate(this.#turn)
    if (this.#hurry) clearTimeout(this.#hurry)
    this.#options.settings.setUint32(settingsOffsets.puntAlive, 0, true)
    native.ringClose(this.#ring)
    this.#core.close()
    this.#sink.close()
  }

  #step(): void {
    this.#clock = { ticks: this.#options.ticks(), ms: this.#options.now() }
    // 0 says "never"
    this.#options.settings.setUint32(settingsOffsets.puntAlive, this.#clock.ticks || 1, true)
    native.ringConsume(this.#ring)
    this.#run()
  }

  #run(): void {
    if (this.#core.run(packetsPerTurn)) this.#wake()
    if (!this.#core.step()) return
    this.#hurry ??= setTimeout(() => {
      this.#hurry = null
      this.#run()
    }, hurryMs)
  }

  #wake(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = null
      this.#run()
    })
  }

  #ticks(): number {
    const passed = ((this.#options.now() - this.#clock.ms) * this.#options.ticksPerSecond) / 1000
    return (this.#clock.ticks + Math.floor(passed)) >>> 0
  }

  #msOfTick(tick: number): number {
    return this.#clock.ms + (((tick - this.#clock.ticks) | 0) * 1000) / this.#options.ticksPerSecond
  }
}
