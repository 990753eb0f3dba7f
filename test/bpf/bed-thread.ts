// The thread behind a test bed: enters the test network, loads the programs with the daemon's own code, and runs them
// on frames. Time is what the test says.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { native } from '../../native/load.ts'
import {
  countersSize,
  deviceFlags,
  deviceSize,
  flowKeySize,
  flowSize,
  flowStateNames,
  readFlowEvent,
  settingsOffsets,
  settingsSize,
  verdictCount,
  verdictNames,
  writeDevice,
  writeSettings,
  hookNames,
  flowEventSize,
  type FlowEvent,
  type Hook,
} from '../../src/datapath/layout.gen.ts'
import { ExpiryProgram } from '../../src/datapath/expiry-program.ts'
import { load, mapMemory, type Loaded, type Memory } from '../../src/datapath/maps.ts'
import { Services } from '../../src/datapath/services.ts'
import type { Change } from '../../src/lb/model.ts'
import { macBytes } from '../../src/testing/packets.ts'
import {
  startTicks,
  timeouts,
  type BedOptions,
  type Count,
  type Counts,
  type FlowEntry,
  type Outcome,
  type RunOptions,
  type Setup,
} from './bed.ts'
import {
  flowEntry,
  flowKeyOf,
  keysOf,
  readCount,
  readVerdicts,
  skbContext,
  u32,
  viewOf,
  xdpContext,
} from './kernel-bytes.ts'
import { deviceAddress, deviceMac, deviceNames, devices, enterNetwork, pathTo } from './network.ts'

const objects = join(import.meta.dirname, '../../build')
const frameRoomBytes = 16_384
const sizes = { services: 64, endpoints: 512, slotPages: 1024 } as const

export class BedThread {
  readonly #options: BedOptions
  readonly #cpus = native.possibleCpus()
  readonly #ring = new Uint8Array(1 << 20)
  #loaded: Loaded | undefined
  #memory: Memory | undefined
  #services: Services | undefined
  #closeRing: (() => void) | undefined
  #drainRing: () => readonly FlowEvent[] = () => []
  #now = startTicks

  constructor(options: BedOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    await enterNetwork()
    // Cursors and scratch memory are of a CPU.
    native.pinToCpu(0)
    const loaded = load({
      objects,
      sizes: { ...sizes, flows: this.#options.flows },
      ticksPerSecond: 128,
      replayClock: true,
      pins: null,
    })
    this.#loaded = loaded
    this.#memory = mapMemory(loaded.fds)
    this.#openRing(loaded.fds.events)
  }

  /** Instructions that the verifier walked, by program. */
  verifiedInstructions(): Readonly<Record<string, number>> {
    const { programs } = this.#parts()
    return Object.fromEntries(
      Object.values(programs)
        .map((fd) => native.programInfo(fd))
        .map(({ name, verifiedInstructions }) => [name, verifiedInstructions]),
    )
  }

  reset(setup: Setup): void {
    const { fds, memory, loaded } = this.#parts()
    const portRange = setup.snat ?? { first: 32_768, last: 61_000 }
    this.#emptyQueue()
    for (const [name, keyBytes] of [
      ['flows', flowKeySize],
      ['services', 24],
      ['vips', 20],
    ] as const) {
      for (const key of keysOf(fds[name], keyBytes)) native.mapDelete(fds[name], key)
    }
    memory.members.fill(0n)
    memory.activeFlows.fill(0n)
    memory.portBlocks.fill(0n)
    new Uint8Array(memory.endpoints.buffer).fill(0)
    const zeros = new Uint8Array(countersSize * this.#cpus)
    for (let id = 0; id <= sizes.services; id++) {
      native.mapUpdate(fds.cursors, u32(id), zeros.subarray(0, 8 * this.#cpus))
      native.mapUpdate(fds.service_counters, u32(id), zeros)
    }
    this.#drainRing()
    this.setTime(startTicks)
    this.#writeSettings(setup, portRange)
    this.#writeDevices(setup)
    this.#services = new Services({
      loaded,
      memory,
      seed: setup.seed ?? 0,
      portRange,
      previousPortRange: portRange,
      now: () => 0,
      defer: (release) => {
        release()
      },
      egress: (address) => deviceAddress(pathTo(address).device),
    })
    this.apply(setup.services.map((service) => ({ kind: 'add', service })))
  }

  apply(changes: readonly Change[]): void {
    this.#services?.apply(changes)
  }

  setTime(ticks: number): void {
    this.#now = ticks
    this.#parts().memory.settings.setBigUint64(settingsOffsets.replayNow, BigInt(ticks), true)
  }

  addTime(ticks: number): void {
    this.setTime(this.#now + ticks)
  }

  /** Void for all cached next hops. */
  bumpRouteGeneration(): void {
    const { settings } = this.#parts().memory
    settings.setUint32(
      settingsOffsets.routeGeneration,
      settings.getUint32(settingsOffsets.routeGeneration, true) + 1,
      true,
    )
  }

  run(hook: Hook, frame: Uint8Array, options: RunOptions = {}): Outcome {
    const { programs } = this.#parts()
    const ifindex = native.interfaceIndex(options.device ?? 'client')
    const before = readVerdicts(this.#parts().fds.verdicts)
    const dataOut = new Uint8Array(Math.max(frameRoomBytes, frame.length))
    const run = native.testRun(programs[hook], {
      data: frame,
      dataOut,
      context: hook === 'xdp' ? xdpContext(ifindex, frame.length) : skbContext(ifindex, options),
      repeat: 1,
    })
    return {
      action: run.result,
      frame: dataOut.slice(0, run.dataSize),
      verdicts: this.#grown(before),
    }
  }

  /** Events since the last call. */
  events(): readonly FlowEvent[] {
    return this.#drainRing()
  }

  flows(): readonly FlowEntry[] {
    const { fds } = this.#parts()
    const entries = keysOf(fds.flows, flowKeySize).flatMap((key) => this.#flow(key) ?? [])
    return entries.toSorted((a, b) => Number(a.reverse) - Number(b.reverse) || (a.from < b.from ? -1 : 1))
  }

  /** The flow that a packet with these addresses and ports belongs to. */
  flow(protocol: number, from: string, to: string): FlowEntry | null {
    return this.#flow(flowKeyOf(protocol, from, to))
  }

  /** Runs the expiry program over all flows, or over none but the queue of closed ones; returns how many it freed. */
  expire(which: 'all' | 'queue' = 'all', force = false): number {
    const { fds, memory } = this.#parts()
    const keys = which === 'queue' ? [] : [...keysOf(fds.flows, flowKeySize)]
    const stride = flowKeySize
    for (const [i, key] of keys.entries()) memory.expireKeys.set(key, i * stride)
    return this.#runExpire(keys.length, force)
  }

  /** By service and endpoint, as `ADDRESS:PORT/PROTOCOL` and `service endpoint`; packets, bytes, flows, live flows. */
  counts(): Counts {
    const { fds, memory } = this.#parts()
    const counts: Record<string, Count & { active?: number }> = {}
    for (const [key, placed] of this.#services?.placed() ?? []) {
      counts[key] = readCount(fds.service_counters, placed.id)
      for (const [endpoint, id] of placed.endpoints) {
        const active = Number(memory.activeFlows[id] ?? 0n)
        counts[`${key} ${endpoint}`] = { ...readCount(fds.endpoint_counters, id), active }
      }
    }
    return counts
  }

  end(): void {
    this.#closeRing?.()
    this.#loaded?.close()
  }

  #parts(): { loaded: Loaded; fds: Loaded['fds']; programs: Loaded['programs']; memory: Memory } {
    if (this.#loaded === undefined || this.#memory === undefined) throw new Error('the bed is not open')
    return { loaded: this.#loaded, fds: this.#loaded.fds, programs: this.#loaded.programs, memory: this.#memory }
  }

  #flow(keyBytes: Uint8Array): FlowEntry | null {
    const value = new Uint8Array(flowSize)
    if (!native.mapLookup(this.#parts().fds.flows, keyBytes, value)) return null
    return flowEntry(keyBytes, value)
  }

  #openRing(fd: number): void {
    const drained: FlowEvent[] = []
    const ring = native.ringOpen(fd, this.#ring, (count) => {
      const view = viewOf(this.#ring)
      let at = 0
      for (let i = 0; i < count; i++) {
        const length = view.getUint32(at, true)
        if (length === flowEventSize) drained.push(readFlowEvent(view, at + 4))
        at += (4 + length + 7) & ~7
      }
    })
    this.#drainRing = () => {
      native.ringConsume(ring)
      return drained.splice(0)
    }
    this.#closeRing = () => {
      native.ringClose(ring)
    }
  }

  /** Only a program can take from a queue: one that believes it is long after. */
  #emptyQueue(): void {
    this.setTime((startTicks + 0x4000_0000) >>> 0)
    this.#runExpire(0, false)
  }

  #runExpire(count: number, force: boolean): number {
    const { programs, memory } = this.#parts()
    return new ExpiryProgram({ program: programs.expire, request: memory.expireRequest }).run(count, force).expired
  }

  #writeSettings(setup: Setup, portRange: { readonly first: number; readonly last: number }): void {
    const bytes = new Uint8Array(settingsSize)
    const inOrder = flowStateNames.map((name) => timeouts[name])
    writeSettings(viewOf(bytes), 0, {
      replayNow: BigInt(this.#now),
      routeGeneration: 1,
      snatFirst: portRange.first,
      snatLast: portRange.last,
      events: setup.events === true ? 1 : 0,
      timeouts: Array.from({ length: 16 }, (_, state) => inOrder[state] ?? 0),
    })
    native.mapUpdate(this.#parts().fds.settings, u32(0), bytes)
  }

  #writeDevices(setup: Setup): void {
    const bytes = new Uint8Array(deviceSize)
    for (const name of deviceNames) {
      const known = setup.unknownDevices?.includes(name) === true ? 0 : deviceFlags.known
      const flags = known | (devices[name].xdpTransmit ? deviceFlags.xdpTransmit : 0)
      writeDevice(viewOf(bytes), 0, { flags, mac: macBytes(deviceMac(name)) })
      native.mapUpdate(this.#parts().fds.devices, u32(native.interfaceIndex(name)), bytes)
    }
  }

  #grown(before: readonly number[]): Outcome['verdicts'] {
    return readVerdicts(this.#parts().fds.verdicts).flatMap((count, index) =>
      Array.from({ length: count - (before[index] ?? 0) }, () => ({
        hook: hookNames[Math.floor(index / verdictCount)] ?? 'xdp',
        verdict: verdictNames[index % verdictCount] ?? 'continue',
      })),
    )
  }

  /** Runs the `ip` command in the test network. */
  ip(...args: string[]): void {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  }
}
