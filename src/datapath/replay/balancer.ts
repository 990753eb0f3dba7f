// The parts of a daemon's datapath over maps of their own, which nobody else sees: nothing is pinned, nothing is
// attached, and time is the capture's.

import { isNativeError, native } from '../../../native/load.ts'
import { ExpiryProgram } from '../expiry-program.ts'
import { Expiry } from '../expiry.ts'
import { settingsOffsets } from '../layout.gen.ts'
import { load, mapMemory } from '../maps.ts'
import { Services } from '../services.ts'
import { SessionHints } from '../session-hints.ts'
import { admittedFlows, admittedSeids, stepsPerWalk, timeoutTicks, writeSettings } from '../settings.ts'
import { slowPathParts } from '../slow-path/open.ts'
import { Status } from '../status.ts'
import { UserSessions } from '../user-sessions.ts'
import { UserSessionOwners } from '../../lb/user-session-owners.ts'
import { Clockwork } from './clockwork.ts'
import { CannotReplayError } from './errors.ts'
import { FastPath } from './fast-path.ts'
import { longestFrame } from './frames.ts'
import { LearnedHints } from './learned-hints.ts'
import { seededRandom } from './random.ts'
import { ReplaySlowPath } from './slow-path.ts'
import { isProxied } from '../../lb/proxied.ts'
import type { Datapath } from '../../lb/datapath.ts'
import type { HintControl } from '../../lb/hints.ts'
import type { Log } from '../../lb/log.ts'
import type { Service } from '../../lb/model.ts'
import type { Hook } from '../layout.gen.ts'
import type { Loaded } from '../maps.ts'
import type { PortRange } from '../ports.ts'
import type { EncapsulationSettings, FlowTimeouts } from '../settings.ts'
import type { Sizes } from '../sizes.ts'
import type { Network } from './network.ts'

/** What the configuration says, as a daemon has it. */
export interface BalancerConfig {
  readonly services: readonly Service[]
  readonly sizes: Sizes & { readonly flowsReserve?: number }
  readonly timeouts: FlowTimeouts
  readonly portRange: PortRange
  readonly encapsulation: EncapsulationSettings
  /** of selection */
  readonly seed: number
}

export interface BalancerOptions {
  /** directory of the BPF objects */
  readonly objects: string
  readonly config: BalancerConfig
  readonly hook: Hook
  readonly network: Network
  /** of what the slow path does by chance */
  readonly seed: number
  /** frames that will come, at most: a flow needs one */
  readonly mostFrames: number
  /** an IP packet of the slow path, and milliseconds since the first frame */
  readonly onSend: (packet: Uint8Array, ms: number) => void
  readonly log: Log
}

/** A tick of the programs' clock is a millisecond, on every machine. */
const ticksPerSecond = 1000
/** any but 0, which says "never" in some places */
const startTicks = 1_000_000
const graceMs = 1000
const expiryStepMs = 250

export class Balancer {
  readonly #loaded: Loaded
  readonly #clockwork: Clockwork
  #ms = 0
  readonly services: Services
  readonly status: Status
  readonly fastPath: FastPath
  readonly slowPath: ReplaySlowPath
  readonly learned: LearnedHints
  /** for those who read signalling */
  readonly hints: HintControl
  readonly userSessions: UserSessionOwners
  /** map endpoints */
  readonly endpoints: DataView
  readonly #liveFlows: BigInt64Array

  private constructor(options: BalancerOptions, loaded: Loaded) {
    const { config, hook, log, network, onSend, seed } = options
    const { encapsulation, portRange, sizes, timeouts } = config
    const memory = mapMemory(loaded.fds)
    const { settings } = memory
    const now = (): number => this.#ms
    const deferred: { readonly at: number; readonly release: () => void }[] = []
    this.#loaded = loaded
    this.endpoints = memory.endpoints
    this.#liveFlows = new BigInt64Array(native.mapMemory(loaded.fds.live_flows))
    const flowsAdmitted = admittedFlows(sizes.flows, sizes.flowsReserve ?? 0)
    const seidsAdmitted = admittedSeids(loaded.sizes.hints)
    const times = { timeouts, ticksPerSecond }
    writeSettings(settings, { ...times, portRange, events: false, flowsAdmitted, seidsAdmitted, encapsulation })
    this.services = new Services({
      loaded,
      memory,
      seed: config.seed,
      portRange,
      previousPortRange: portRange,
      now,
      defer: (release) => deferred.push({ at: now() + graceMs, release }),
      egress: (address) => network.egress(address),
      drainMs: timeouts.drain * 1000,
    })
    this.status = new Status(loaded.fds, this.services)
    const program = new ExpiryProgram({ program: loaded.programs.expire, request: memory.expireRequest })
    const random = seededRandom(seed)
    const { parts, step } = slowPathParts({ loaded, memory, services: this.services, program, now, random, log })
    this.slowPath = new ReplaySlowPath({ parts, startTicks, onSend: (packet) => onSend(packet, this.#ms) })
    const expiry = new Expiry({
      flowsFd: loaded.fds.flows,
      program,
      expireKeys: memory.expireKeys,
      timeoutTicks: (state, service) => timeoutTicks(settings, memory.serviceIdle, state, service),
      dropEndpoints: () => new Set(),
      stepsPerWalk: 1,
    })
    this.fastPath = new FastPath({ loaded, hook, ifindex: network.ifindex, longest: longestFrame })
    this.#clockwork = new Clockwork({
      walkMs: stepsPerWalk(timeouts, expiryStepMs) * expiryStepMs,
      set: (ms) => {
        this.#ms = ms
        const ticks = startTicks + ms
        settings.setBigUint64(settingsOffsets.replayNow, BigInt(ticks), true)
        settings.setUint32(settingsOffsets.puntAlive, ticks >>> 0 || 1, true)
      },
      expire: () => {
        expiry.now() // empties the queue of closed flows
        this.slowPath.take()
        step()
        while (deferred[0] && deferred[0].at <= now()) deferred.shift()!.release()
        this.services.collect(graceMs)
      },
      walk: () => {
        expiry.walk()
        return this.slowPath.take()
      },
      slowPath: () => this.slowPath.step(),
      isEmpty: () => this.#liveFlows[0] === 0n,
    })
    network.tell(loaded.fds)
    const balanced = config.services.filter((service) => !isProxied(service))
    this.services.apply(balanced.map((service) => ({ kind: 'add', service })))
    this.learned = new LearnedHints(loaded.fds.hints)
    this.hints = new SessionHints({
      hints: this.services.hints,
      placed: () => this.services.placed(),
      addressOf: (endpoint) => this.services.endpoints.read(endpoint).address,
    })
    this.userSessions = new UserSessionOwners(
      new UserSessions({ fds: loaded.fds, needed: (any) => this.services.needUplinks(any) }),
    )
  }

  /** In the calling thread's namespace. Throws CannotReplayError, and ResourceError where a limit is too low. */
  static open(options: BalancerOptions): Balancer {
    const { config, mostFrames, objects } = options
    // A table that cannot get full may be smaller: a million flows take the kernel a while to lay out.
    const sizes = { ...config.sizes, flows: Math.max(1, Math.min(config.sizes.flows, mostFrames)) }
    let loaded: Loaded
    try {
      loaded = load({ objects, sizes, ticksPerSecond, replayClock: true, explain: true, pins: null })
    } catch (error) {
      if (!isNativeError(error)) throw error
      throw new CannotReplayError(`the BPF programs cannot be loaded: ${error.message}`, { cause: error })
    }
    try {
      return new Balancer(options, loaded)
    } catch (error) {
      loaded.close()
      throw error
    }
  }

  /** A frame comes in at that time; what was due until then is done. */
  advance(ms: number): void {
    this.#clockwork.advance(ms)
  }

  /** The program has given a packet to the slow path. */
  punted(): void {
    this.slowPath.take()
    if (this.slowPath.step()) this.#clockwork.hurry(this.#ms)
  }

  /** For proxies, whose services come on top of those that are here already. */
  get datapath(): Datapath {
    return {
      apply: async () => {},
      services: () => this.status.services(),
      flows: () => [],
      verdicts: () => this.status.verdicts(),
      slowPath: () => this.slowPath.status(),
      interfaces: () => [],
      hints: this.hints,
      userSessions: this.userSessions,
    }
  }

  get liveFlows(): number {
    return Number(this.#liveFlows[0])
  }

  close(): void {
    this.slowPath.close()
    this.#loaded.close()
  }
}
