// The fast path and the control plane's parts over its maps, for tests that need flows: frames go through the TC
// program as the kernel would run it. Lives in the thread of a lab host; a test opens one with `openBed`.

import { native } from '../../../native/load.ts'
import { Expiry } from '../../datapath/expiry.ts'
import { ExpiryProgram } from '../../datapath/expiry-program.ts'
import { FlowEvents } from '../../datapath/flow-events.ts'
import {
  flowKeySize,
  flowSize,
  flowState,
  readFlow,
  settingsOffsets,
  type Flow,
  type FlowState,
} from '../../datapath/layout.gen.ts'
import { timeoutTicks } from '../../datapath/settings.ts'
import { Status } from '../../datapath/status.ts'
import { skbContext } from '../../datapath/test-run.ts'
import { buildFrame, type Packet } from '../packets.ts'
import { SmallMaps, type Start } from './small-maps.ts'
import type { FlowStatus, ServiceStatus, Verdicts } from '../../lb/datapath.ts'
import type { Change, ServiceKey } from '../../lb/model.ts'

const ticksPerSecond = 100

/** Ticks a flow may be idle; no two states have the same. */
export const timeouts: Readonly<Record<Exclude<FlowState, 'none'>, number>> = {
  syn_sent: 300,
  syn_received: 400,
  established: 5000,
  closing: 600,
  closed: 50,
  unreplied: 800,
  replied: 900,
}

export interface BedOptions extends Omit<Start, 'egress'> {
  readonly events?: boolean
  /** of expiry; 1 looks at the whole table in each step */
  readonly stepsPerWalk?: number
}

interface LogLine {
  readonly message: string
  readonly [field: string]: unknown
}

export class Bed {
  readonly #options: BedOptions
  readonly #lines: LogLine[] = []
  readonly #frameOut = new Uint8Array(4096)
  #maps: SmallMaps
  #status: Status
  #expiry: Expiry
  #events: FlowEvents
  #dropped: ReadonlySet<number> = new Set()
  #ticks = 1_000_000

  constructor(options: BedOptions) {
    // Counters and sequences are of a CPU.
    native.pinToCpu(0)
    this.#options = options
    this.#maps = this.#open()
    this.#status = new Status(this.#maps.loaded.fds, this.#maps.services)
    this.#expiry = this.#openExpiry()
    this.#events = this.#openEvents()
  }

  /** Another daemon over the same maps. */
  restart(): void {
    this.#events.close()
    this.#maps.close()
    this.#maps = this.#open()
    this.#status = new Status(this.#maps.loaded.fds, this.#maps.services)
    this.#expiry = this.#openExpiry()
    this.#events = this.#openEvents()
  }

  close(): void {
    this.#events.close()
    this.#maps.close()
  }

  apply(changes: readonly Change[]): void {
    this.#maps.apply(...changes)
  }

  /** Grace has passed. */
  settle(): void {
    this.#maps.settle()
  }

  /** Runs the TC program on a frame; returns its verdict. */
  send(packet: Packet, device: 'client' | 'server' = 'client'): string {
    const before = this.#status.verdicts().tc
    this.#run(packet, device)
    const after = this.#status.verdicts().tc
    return Object.keys(after).find((name) => after[name] !== before[name]) ?? 'none'
  }

  /** As many UDP flows to a socket, each from a client of its own; the numbers of flows that were made. */
  sendUdp(count: number, to: string, first = 0): void {
    for (let number = first; number < first + count; number++) {
      const from = `10.1.${100 + (number >> 14)}.${(number >> 8) & 63}:${10_000 + (number & 255)}`
      this.#run({ kind: 'udp', from, to }, 'client')
    }
  }

  setTicks(ticks: number): void {
    this.#ticks = ticks
    this.#maps.memory.settings.setBigUint64(settingsOffsets.replayNow, BigInt(ticks), true)
  }

  addTicks(ticks: number): void {
    this.setTicks(this.#ticks + ticks)
  }

  /** One step of expiry; returns how many flows it freed. */
  expire(): number {
    const before = this.#expiry.expired
    this.#expiry.step()
    return this.#expiry.expired - before
  }

  flush(): void {
    this.#expiry.flush()
  }

  /** Frees the flows of blocked endpoints at once. */
  flushBlocked(): Promise<void> {
    return this.#expiry.flushEndpoints(this.#maps.services.toFlush())
  }

  /** Flows of these endpoints go at the next look at them. */
  drop(ids: readonly number[]): void {
    this.#dropped = new Set(ids)
  }

  flows(limit = 1000): readonly FlowStatus[] {
    return this.#status.flows(limit, this.#expiry.now(), ticksPerSecond)
  }

  /** Entries as they are in the map, keys and values. */
  entries(): readonly { readonly key: Uint8Array; readonly flow: Flow }[] {
    const { flows } = this.#maps.loaded.fds
    const found: { key: Uint8Array; flow: Flow }[] = []
    const value = new Uint8Array(flowSize)
    for (let last: Uint8Array | null = null; ;) {
      const key = new Uint8Array(flowKeySize)
      if (!native.mapNextKey(flows, last, key)) return found
      if (native.mapLookup(flows, key, value)) found.push({ key, flow: readFlow(new DataView(value.buffer), 0) })
      last = key
    }
  }

  services(): readonly ServiceStatus[] {
    return this.#status.services()
  }

  verdicts(): Verdicts {
    return this.#status.verdicts()
  }

  /** Ids in the order of the service's endpoints. */
  endpointIds(key: ServiceKey): readonly number[] {
    return [...(this.#maps.services.placed().get(key)?.endpoints.values() ?? [])]
  }

  portIsUsed(endpoint: number, port: number): boolean {
    const { portBlock } = this.#maps.services.endpoints.read(endpoint)
    return ((this.#maps.memory.portBlocks[portBlock * 1024 + (port >> 6)]! >> BigInt(port & 63)) & 1n) === 1n
  }

  /** What was logged of flow events until now. */
  events(): readonly LogLine[] {
    this.#events.drain()
    return this.#lines.splice(0)
  }

  #open(): SmallMaps {
    const maps = new SmallMaps({
      ...this.#options,
      hooks: true,
      egress: (address) => (address.includes(':') ? '2001:db8:2::1' : '10.2.0.1'),
    })
    const { settings } = maps.memory
    for (const [name, ticks] of Object.entries(timeouts))
      settings.setUint32(settingsOffsets.timeouts + flowState[name as FlowState] * 4, ticks, true)
    settings.setUint32(settingsOffsets.events, this.#options.events === true ? 1 : 0, true)
    settings.setBigUint64(settingsOffsets.replayNow, BigInt(this.#ticks), true)
    return maps
  }

  #openExpiry(): Expiry {
    const { loaded, memory } = this.#maps
    return new Expiry({
      flowsFd: loaded.fds.flows,
      program: new ExpiryProgram({ program: loaded.programs.expire, request: memory.expireRequest }),
      stepsPerWalk: this.#options.stepsPerWalk ?? 1,
      expireKeys: memory.expireKeys,
      timeoutTicks: (state, id) => timeoutTicks(memory.settings, memory.serviceIdle, state, id),
      dropEndpoints: () => this.#dropped,
    })
  }

  #openEvents(): FlowEvents {
    const write = (fields: object, message: string): void => void this.#lines.push({ message, ...fields })
    return new FlowEvents(this.#maps.loaded.fds.events, { debug: write, info: write, warn: write, error: write })
  }

  #run(packet: Packet, device: 'client' | 'server'): void {
    const context = skbContext(native.interfaceIndex(device))
    native.testRun(this.#maps.loaded.programs.tc, { data: buildFrame(packet), dataOut: this.#frameOut, context })
  }
}

/** Methods that can be called without their object, as the lab does. */
export const makeBed = (options: BedOptions): Bed =>
  new Proxy(new Bed(options), {
    get: (bed, name) => {
      const value: unknown = Reflect.get(bed, name)
      return typeof value === 'function' ? (value.bind(bed) as unknown) : value
    },
  })
