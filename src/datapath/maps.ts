// The BPF objects and their maps: loaded, shared between the objects, pinned, and seen as plain memory where the kernel
// lets us map them.

import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { native } from '../../native/load.ts'
import { powers } from '../wire/crc32c.ts'
import { layoutHash, metaSize, readMeta, writeMeta } from './layout.gen.ts'
import { mapNames, mapSizes, mapsOfSize, maxEntries, noneOf, wholeSizes } from './sizes.ts'
import type { MapName, Sizes } from './sizes.ts'

export interface LoadOptions {
  /** directory of the objects */
  readonly objects: string
  readonly sizes: Sizes
  /** kernel ticks a second */
  readonly ticksPerSecond: number
  /** time is what settings.replay_now says */
  readonly replayClock?: boolean
  /** programs tell the steps of each packet */
  readonly explain?: boolean
  /** where maps are pinned and found again; null: they live as long as this process */
  readonly pins: string | null
  /** For who needs no packets: neither verified nor loaded are the programs of the hooks, whose descriptors are -1. */
  readonly withoutHooks?: boolean
}

/** The pinned maps were made by another version, or for other sizes. */
class PinnedMapsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PinnedMapsError'
  }
}

const objectFiles = { xdp: 'lb.xdp.o', tc: 'lb.tc.o', expire: 'lb.gc.o' } as const
const programNames = { xdp: 'sluice_xdp', tc: 'sluice_tc', expire: 'sluice_expire' } as const
/** Where each object's programs jump to; each has its own. Emptied by the kernel when nobody holds it, so pinned. */
const jumpMaps = { xdp: 'xdp_jumps', tc: 'tc_jumps', expire: null } as const
/** Everything that is pinned but links. */
export const pinnedNames: readonly string[] = [...mapNames, 'xdp_jumps', 'tc_jumps']
export type Programs = Readonly<Record<keyof typeof objectFiles, number>>

/** Where a program that was loaded with `explain` tells a packet's steps: `count` of them so far. */
export interface TraceMaps {
  readonly steps: number
  readonly count: number
}

/** Kept maps with their memory; programs by what they do. */
export interface Loaded {
  readonly fds: Readonly<Record<MapName, number>>
  readonly programs: Programs
  /** null: loaded without `explain` */
  readonly traces: Readonly<Record<'xdp' | 'tc', TraceMaps>> | null
  /** true when pinned maps were found and are used */
  readonly adopted: boolean
  readonly sizes: Required<Sizes>
  /** kernel ticks a second */
  readonly ticksPerSecond: number
  close(): void
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

const metaOf = ({ flows, services, endpoints, slotPages }: Sizes): Uint8Array => {
  const bytes = new Uint8Array(metaSize)
  writeMeta(new DataView(bytes.buffer), 0, { layout: layoutHash, flows, services, endpoints, slotPages })
  return bytes
}

const hex = (value: bigint): string => value.toString(16).padStart(16, '0')

/** Calls with a map that is pinned; undefined when it is not. */
const withPinned = <T>(path: string, use: (fd: number) => T): T | undefined => {
  if (!existsSync(path)) return undefined
  const fd = native.pinGet(path)
  try {
    return use(fd)
  } finally {
    native.fdClose(fd)
  }
}

/** Refuses maps that this version would misread, naming what differs. */
const checkPins = (pins: string, sizes: Required<Sizes>): void => {
  const bytes = new Uint8Array(metaSize)
  withPinned(join(pins, 'meta'), (fd) => native.mapLookup(fd, u32(0), bytes))
  const found = readMeta(new DataView(bytes.buffer), 0)
  const differences: string[] = []
  const compare = (name: keyof Sizes, pinned: number | undefined): void => {
    if (pinned !== undefined && pinned !== sizes[name])
      differences.push(`limits.${name}: pinned ${pinned}, configured ${sizes[name]}`)
  }
  if (found.layout !== layoutHash)
    differences.push(`layouts: pinned ${hex(found.layout)}, this version ${hex(layoutHash)}`)
  for (const name of ['flows', 'services', 'endpoints', 'slotPages'] as const) compare(name, found[name])
  for (const name of mapSizes)
    compare(
      name,
      withPinned(join(pins, mapsOfSize[name]), (fd) => native.mapInfo(fd).maxEntries - noneOf(name)),
    )
  if (differences.length === 0) return
  throw new PinnedMapsError(
    `the maps pinned under ${pins} do not fit: ${differences.join('; ')}. ` +
      'Start the version and configuration that made them, or start with --fresh, which drops all flows.',
  )
}

/** Takes away what a start that was cut short has pinned: without meta the set is not complete. */
const removeStrayPins = (pins: string): void => {
  for (const name of pinnedNames) rmSync(join(pins, name), { force: true })
}

/** A tick count that changes at least once a second, as a shift. */
export const routeShift = (ticksPerSecond: number): number => Math.floor(Math.log2(ticksPerSecond))

/** What moves the change of a CRC32c over n bytes, for each n; places of a mapped array are 8 bytes apart. */
const fillPowers = (fd: number): void => {
  const words = new Uint32Array(native.mapMemory(fd))
  let at = 0
  for (const value of powers(words.length / 2)) {
    words[at] = value
    at += 2
  }
}

/**
 * Loads the three objects over one set of maps. Maps pinned under `pins` are used again, if they fit.
 */
export const load = (options: LoadOptions): Loaded => {
  const { pins, ticksPerSecond } = options
  const sizes = wholeSizes(options.sizes)
  if (pins !== null) mkdirSync(pins, { recursive: true, mode: 0o700 })
  const adopted = pins !== null && existsSync(join(pins, 'meta'))
  if (adopted) checkPins(pins, sizes)
  else if (pins !== null) removeStrayPins(pins)
  const shared = new Map<MapName, number>()
  const wanted = maxEntries(sizes)
  const fds: Partial<Record<MapName, number>> = {}
  const programs = { xdp: -1, tc: -1, expire: -1 }
  const traces: Partial<Record<keyof typeof objectFiles, TraceMaps>> = {}
  const objects: ReturnType<typeof native.objectOpen>[] = []
  const close = (): void => {
    for (const object of objects.toReversed()) native.objectClose(object)
    for (const fd of shared.values()) native.fdClose(fd)
    objects.length = 0
    shared.clear()
  }
  try {
    if (pins !== null)
      for (const name of mapNames) if (existsSync(join(pins, name))) shared.set(name, native.pinGet(join(pins, name)))
    // Each of them declares all maps.
    const kinds = options.withoutHooks === true ? (['expire'] as const) : (['xdp', 'tc', 'expire'] as const)
    for (const kind of kinds) {
      const object = native.objectOpen(join(options.objects, objectFiles[kind]))
      objects.push(object)
      native.objectSetRodata(object, 'replay_clock', Uint8Array.of(options.replayClock === true ? 1 : 0))
      if (kind !== 'expire') {
        native.objectSetRodata(object, 'route_shift', Uint8Array.of(routeShift(ticksPerSecond)))
        native.objectSetRodata(object, 'explain', Uint8Array.of(options.explain === true ? 1 : 0))
      }
      for (const name of mapNames) {
        const existing = shared.get(name) ?? fds[name]
        if (existing !== undefined) native.objectReuseMap(object, name, existing)
        else if (wanted[name] !== undefined) native.objectSetMaxEntries(object, name, wanted[name])
      }
      const jumps = jumpMaps[kind]
      const pinnedJumps = jumps === null || pins === null ? null : join(pins, jumps)
      // Programs that are attached jump into the new ones from here on: their layouts are the same.
      if (jumps !== null && pinnedJumps !== null)
        withPinned(pinnedJumps, (fd) => native.objectReuseMap(object, jumps, fd))
      native.objectLoad(object)
      const mapFds = new Map(native.objectMaps(object).map(({ name, fd }) => [name, fd]))
      for (const name of mapNames) fds[name] ??= mapFds.get(name)!
      if (jumps !== null && pinnedJumps !== null && !existsSync(pinnedJumps))
        native.pin(mapFds.get(jumps)!, pinnedJumps)
      traces[kind] = { steps: mapFds.get('trace_steps') ?? -1, count: mapFds.get('trace_count') ?? -1 }
      programs[kind] = native.objectPrograms(object).find(({ name }) => name === programNames[kind])!.fd
    }
    const loaded = fds as Record<MapName, number>
    fillPowers(loaded.sctp_powers)
    if (!adopted) native.mapUpdate(loaded.meta, u32(0), metaOf(sizes))
    // meta goes last: a set of pins with it is complete.
    if (pins !== null)
      for (const name of mapNames.toReversed()) if (!shared.has(name)) native.pin(loaded[name], join(pins, name))
    return {
      fds: loaded,
      programs,
      traces: options.explain === true ? (traces as Record<'xdp' | 'tc', TraceMaps>) : null,
      adopted,
      sizes,
      ticksPerSecond,
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

/** The maps that user space reads and writes as plain memory. */
export interface Memory {
  readonly settings: DataView
  readonly slots: Uint16Array
  readonly members: BigUint64Array
  readonly endpoints: DataView
  readonly activeFlows: BigInt64Array
  readonly portBlocks: BigUint64Array
  readonly snatPools: DataView
  /** of service n: ticks at 2n, whether both sides are told at 2n + 1 */
  readonly serviceIdle: Uint32Array
  readonly embryonic: BigInt64Array
  /** of service n: learnt SEIDs at 2n, those of them that are gone at 2n + 1 */
  readonly seidCounts: BigUint64Array
  readonly sessionPorts: BigUint64Array
  readonly expireKeys: Uint8Array
  readonly expireRequest: DataView
}

export const mapMemory = (fds: Readonly<Record<MapName, number>>): Memory => ({
  settings: new DataView(native.mapMemory(fds.settings)),
  slots: new Uint16Array(native.mapMemory(fds.slots)),
  members: new BigUint64Array(native.mapMemory(fds.members)),
  endpoints: new DataView(native.mapMemory(fds.endpoints)),
  activeFlows: new BigInt64Array(native.mapMemory(fds.active_flows)),
  portBlocks: new BigUint64Array(native.mapMemory(fds.port_blocks)),
  snatPools: new DataView(native.mapMemory(fds.snat_pools)),
  serviceIdle: new Uint32Array(native.mapMemory(fds.service_idle)),
  embryonic: new BigInt64Array(native.mapMemory(fds.embryonic)),
  seidCounts: new BigUint64Array(native.mapMemory(fds.seid_counts)),
  sessionPorts: new BigUint64Array(native.mapMemory(fds.session_ports)),
  expireKeys: new Uint8Array(native.mapMemory(fds.expire_keys)),
  expireRequest: new DataView(native.mapMemory(fds.expire_request)),
})
