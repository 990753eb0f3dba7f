// The thread behind a test bed: enters the test network, loads the programs with the daemon's own code, and runs them
// on frames. Time is what the test says.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { native } from '../../native/load.ts'
import {
  deviceFlags,
  deviceSize,
  flowKeySize,
  flowSize,
  flowStateNames,
  hintKeySize,
  hintKind,
  hookNames,
  readFlowEvent,
  settingsFeatures,
  settingsOffsets,
  settingsSize,
  verdictCount,
  verdictNames,
  writeDevice,
  writeSettings,
  type FlowEvent,
  type Hook,
} from '../../src/datapath/layout.gen.ts'
import { ExpiryProgram } from '../../src/datapath/expiry-program.ts'
import { hintKey, uncounted } from '../../src/datapath/hints.ts'
import { load, mapMemory, type Loaded, type Memory } from '../../src/datapath/maps.ts'
import { Services } from '../../src/datapath/services.ts'
import { skbContext, xdpContext } from '../../src/datapath/test-run.ts'
import { userRouteKey } from '../../src/datapath/user-routes.ts'
import { UserSessions } from '../../src/datapath/user-sessions.ts'
import { endpointKey, type Change, type ServiceKey } from '../../src/lb/model.ts'
import type { UserSessionCounts } from '../../src/lb/user-sessions.ts'
import { macBytes } from '../../src/testing/packets/link.ts'
import { familyOf, parseSocket } from '../../src/testing/packets/socket.ts'
import { addressBytes } from '../../src/wire/ip.ts'
import {
  emptyMaps,
  openRing,
  openTagged,
  readPunted,
  spoilUserTags,
  writeHintEntry,
  writeLocalAddresses,
  type Tagged,
} from './bed-maps.ts'
import {
  startTicks,
  timeouts,
  tunnels,
  type BedOptions,
  type Count,
  type Counts,
  type FlowEntry,
  type HintOptions,
  type Outcome,
  type Punted,
  type RunOptions,
  type Setup,
} from './bed.ts'
import { flowEntry, flowKeyOf, keysOf, readCount, readVerdicts, u32, viewOf } from './kernel-bytes.ts'
import { deviceAddress, deviceMac, deviceNames, devices, enterNetwork, pathTo } from './network.ts'

const objects = join(import.meta.dirname, '../../build')
const frameRoomBytes = 16_384
/** Hints of a case are one batch; those that programs learn are looked for at every 64th sweep. */
const sweepsToSeeAll = 66
const generationsPerCase = 17
const sizes = {
  services: 64,
  endpoints: 512,
  slotPages: 1024,
  hints: 4096,
  affinities: 1024,
  fragments: 1024,
  sctpPaths: 1024,
} as const

/** Marks take new flows away from XDP, so only where a case has one. */
function featuresOf({ services }: Setup): number {
  const { sessions, ranges, marks, host, users } = settingsFeatures
  return sessions | ranges | host | users | (services.some(({ mark }) => mark !== null) ? marks : 0)
}

export class BedThread {
  readonly #options: BedOptions
  readonly #cpus = native.possibleCpus()
  #loaded: Loaded | undefined
  #memory: Memory | undefined
  #services: Services | undefined
  #sessions: UserSessions | undefined
  #resets = 0
  #closeRings = (): void => {}
  #drainRing: () => readonly FlowEvent[] = () => []
  #drainPunts: () => readonly Punted[] = () => []
  #tagged: Tagged | undefined
  #now = startTicks
  #slowPath = true

  constructor(options: BedOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    await enterNetwork()
    // Cursors and scratch memory are of a CPU.
    native.pinToCpu(0)
    const loaded = load({
      objects,
      sizes: { ...sizes, ...this.#options },
      ticksPerSecond: 128,
      replayClock: true,
      pins: null,
    })
    this.#loaded = loaded
    this.#memory = mapMemory(loaded.fds)
    this.#tagged = openTagged(objects, loaded.programs.tc)
    const events = openRing(loaded.fds.events, readFlowEvent)
    const punts = openRing(loaded.fds.punts, readPunted)
    this.#drainRing = events.drain
    this.#drainPunts = punts.drain
    this.#closeRings = () => {
      events.close()
      punts.close()
    }
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
    emptyMaps(fds, memory, sizes.services, this.#cpus)
    this.#drainRing()
    this.#drainPunts()
    this.#slowPath = setup.slowPath ?? true
    this.setTime(startTicks)
    this.#writeSettings(setup, portRange)
    this.#writeDevices(setup)
    writeLocalAddresses(
      fds,
      deviceNames.flatMap((name) => [deviceAddress(name, 4), deviceAddress(name, 6)]),
    )
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
      egress: (address) => deviceAddress(pathTo(address).device, familyOf(address)),
    })
    this.apply(setup.services.map((service) => ({ kind: 'add', service })))
    for (const hint of setup.hints ?? []) this.hint(hint)
    this.#sessions = new UserSessions({ fds, needed: (any) => this.#services?.needUplinks(any) })
    for (const session of setup.sessions ?? []) this.#sessions.install(session)
  }

  userCounts(ueAddress: string): UserSessionCounts | null {
    return this.#sessions?.counts(ueAddress) ?? null
  }

  removeUser(ueAddress: string): boolean {
    return this.#sessions?.remove(ueAddress) ?? false
  }

  /** The elements of all user sessions are other keys' from now on. */
  spoilUserTags(): void {
    spoilUserTags(this.#parts().fds)
  }

  hint(options: HintOptions): void {
    const { service, endpoint } = options
    const placed = this.#services?.placed().get(service as ServiceKey)
    if (placed === undefined) throw new Error(`there is no service ${service}`)
    const id = endpoint === null ? null : placed.endpoints.get(endpointKey(parseSocket(endpoint)))
    if (id === undefined) throw new Error(`${endpoint} is no endpoint of ${service}`)
    if (options.kind === 'ue_route') this.#route(options, placed.id, id)
    else writeHintEntry(this.#parts().fds, options, placed.id, id, this.#now)
  }

  #route({ key: prefix, lifetime, prefixBits = 128 }: HintOptions, service: number, endpoint: number | null): void {
    const hints = this.#services?.hints
    const key = userRouteKey(service, prefix, prefixBits)
    const expires = lifetime === undefined ? 0 : this.#now + lifetime
    if (endpoint === null) hints?.removeAll([key])
    else hints?.writeAll([{ key, hint: { ...uncounted, endpoint, identifier: 0, flags: 0, expires } }])
  }

  /** What a hint has counted: packets and bytes. Null: there is none. */
  hintCounts({ service, kind, key, prefixBits = 128 }: Omit<HintOptions, 'endpoint'>): readonly number[] | null {
    const id = this.#services?.placed().get(service as ServiceKey)?.id ?? 0
    const known = kind === 'ue_route' ? userRouteKey(id, key, prefixBits) : hintKey(id, hintKind[kind], key)
    const hint = this.#services?.hints.find(known) ?? null
    return hint === null ? null : [Number(hint.packets), Number(hint.bytes)]
  }

  /** Lets user space look at all hints once, as it does a little at a time; returns how many it freed. */
  sweepHints(): number {
    const { hints } = this.#services ?? {}
    const { fds } = this.#parts()
    if (hints === undefined) return 0
    const before = keysOf(fds.hints, hintKeySize).length
    // A walk may have been on its way, and to an empty map it looks rarely.
    for (let walk = 0; walk < sweepsToSeeAll; walk++) hints.sweep()
    return before - keysOf(fds.hints, hintKeySize).length
  }

  apply(changes: readonly Change[]): void {
    this.#services?.apply(changes)
  }

  setTime(ticks: number): void {
    this.#now = ticks
    const { settings } = this.#parts().memory
    settings.setBigUint64(settingsOffsets.replayNow, BigInt(ticks), true)
    settings.setUint32(settingsOffsets.puntAlive, this.#slowPath ? ticks : 0, true)
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
    const run = native.testRun(options.metadataTag === true ? (this.#tagged?.program ?? -1) : programs[hook], {
      data: frame,
      dataOut,
      context: hook === 'xdp' ? xdpContext(ifindex, frame.length) : skbContext(ifindex, options),
      repeat: 1,
    })
    return {
      action: run.result,
      frame: dataOut.slice(0, run.dataSize),
      verdicts: this.#grown(before),
      punts: this.#drainPunts(),
    }
  }

  /** Events since the last call. */
  events(): readonly FlowEvent[] {
    return this.#drainRing()
  }

  /** What user space was given since it was last asked, but for packets of `run`. */
  punts(): readonly Punted[] {
    return this.#drainPunts()
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
    this.#closeRings()
    this.#tagged?.close()
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
      // What programs remember of the cases before does not count, and changes in a case make generations of their own.
      routeGeneration: ++this.#resets * generationsPerCase,
      snatFirst: portRange.first,
      snatLast: portRange.last,
      events: setup.events === true ? 1 : 0,
      timeouts: Array.from({ length: 16 }, (_, state) => inOrder[state] ?? 0),
      encapSource4: addressBytes(tunnels[4]),
      encapSource6: addressBytes(tunnels[6]),
      guePort: tunnels.guePort,
      features: featuresOf(setup),
      flowsAdmitted: setup.flowsAdmitted ?? 0,
      seidsAdmitted: setup.seidsAdmitted ?? 0,
      puntAlive: this.#slowPath ? this.#now : 0,
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
