// The BPF objects and their maps: loaded, shared between the objects, pinned, and seen as plain memory where the kernel
// lets us map them.

import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { native } from '../../native/load.ts'
import { layoutHash, metaSize, readMeta, writeMeta } from './layout.gen.ts'

/** The maps of bpf/lib/maps.h that all programs share; all of them are pinned. */
export const mapNames = [
  'meta',
  'settings',
  'devices',
  'services',
  'vips',
  'slots',
  'members',
  'endpoints',
  'active_flows',
  'port_blocks',
  'flows',
  'closing_flows',
  'fragments',
  'cursors',
  'service_counters',
  'endpoint_counters',
  'verdicts',
  'events',
  'event_sequence',
  'expire_keys',
  'expire_request',
] as const
export type MapName = (typeof mapNames)[number]

/** Sizes that the configuration sets; the rest are in bpf/shared/limits.h. */
export interface Sizes {
  readonly flows: number
  readonly services: number
  readonly endpoints: number
  readonly slotPages: number
}

/**
 * Ids start at 1: 0 says "none" wherever an id stands. There is room for twice the members, because a service's new
 * list is written beside the old one, which packets still read.
 */
const maxEntries = (sizes: Sizes): Partial<Record<MapName, number>> => ({
  services: sizes.services,
  vips: sizes.services,
  slots: sizes.slotPages,
  members: 2 * sizes.endpoints,
  endpoints: sizes.endpoints + 1,
  active_flows: sizes.endpoints + 1,
  flows: 2 * sizes.flows,
  cursors: sizes.services + 1,
  service_counters: sizes.services + 1,
  endpoint_counters: sizes.endpoints + 1,
})

export interface LoadOptions {
  /** directory of the objects */
  readonly objects: string
  readonly sizes: Sizes
  /** kernel ticks a second */
  readonly ticksPerSecond: number
  /** time is what settings.replay_now says */
  readonly replayClock?: boolean
  /** where maps are pinned and found again; null: they live as long as this process */
  readonly pins: string | null
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
export type Programs = Readonly<Record<keyof typeof objectFiles, number>>

/** Kept maps with their memory; programs by what they do. */
export interface Loaded {
  readonly fds: Readonly<Record<MapName, number>>
  readonly programs: Programs
  /** true when pinned maps were found and are used */
  readonly adopted: boolean
  readonly sizes: Sizes
  close(): void
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

const metaOf = (sizes: Sizes): Uint8Array => {
  const bytes = new Uint8Array(metaSize)
  writeMeta(new DataView(bytes.buffer), 0, { layout: layoutHash, ...sizes })
  return bytes
}

const hex = (value: bigint): string => value.toString(16).padStart(16, '0')

/** Refuses maps that this version would misread, naming what differs. */
const checkPins = (pins: string, sizes: Sizes): void => {
  const fd = native.pinGet(join(pins, 'meta'))
  const bytes = new Uint8Array(metaSize)
  try {
    native.mapLookup(fd, u32(0), bytes)
  } finally {
    native.fdClose(fd)
  }
  const found = readMeta(new DataView(bytes.buffer), 0)
  const differences: string[] = []
  if (found.layout !== layoutHash)
    differences.push(`layouts: pinned ${hex(found.layout)}, this version ${hex(layoutHash)}`)
  for (const name of ['flows', 'services', 'endpoints', 'slotPages'] as const)
    if (found[name] !== sizes[name])
      differences.push(`limits.${name}: pinned ${found[name]}, configured ${sizes[name]}`)
  if (differences.length === 0) return
  throw new PinnedMapsError(
    `the maps pinned under ${pins} do not fit: ${differences.join('; ')}. ` +
      'Start the version and configuration that made them, or start with --fresh, which drops all flows.',
  )
}

/** Takes away what a start that was cut short has pinned: without meta the set is not complete. */
const removeStrayPins = (pins: string): void => {
  for (const name of mapNames) rmSync(join(pins, name), { force: true })
}

/** A tick count that changes at least once a second, as a shift. */
const routeShift = (ticksPerSecond: number): number => Math.floor(Math.log2(ticksPerSecond))

/**
 * Loads the three objects over one set of maps. Maps pinned under `pins` are used again, if they fit.
 */
export const load = (options: LoadOptions): Loaded => {
  const { pins, sizes } = options
  if (pins !== null) mkdirSync(pins, { recursive: true, mode: 0o700 })
  const adopted = pins !== null && existsSync(join(pins, 'meta'))
  if (adopted) checkPins(pins, sizes)
  else if (pins !== null) removeStrayPins(pins)
  const shared = new Map<MapName, number>()
  const wanted = maxEntries(sizes)
  const fds: Partial<Record<MapName, number>> = {}
  const programs: Partial<Record<keyof typeof objectFiles, number>> = {}
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
    for (const kind of ['xdp', 'tc', 'expire'] as const) {
      const object = native.objectOpen(join(options.objects, objectFiles[kind]))
      objects.push(object)
      native.objectSetRodata(object, 'replay_clock', Uint8Array.of(options.replayClock === true ? 1 : 0))
      if (kind !== 'expire')
        native.objectSetRodata(object, 'route_shift', Uint8Array.of(routeShift(options.ticksPerSecond)))
      for (const name of mapNames) {
        const existing = shared.get(name) ?? fds[name]
        if (existing !== undefined) native.objectReuseMap(object, name, existing)
        else if (wanted[name] !== undefined) native.objectSetMaxEntries(object, name, wanted[name])
      }
      native.objectLoad(object)
      const mapFds = new Map(native.objectMaps(object).map(({ name, fd }) => [name, fd]))
      for (const name of mapNames) fds[name] ??= mapFds.get(name)!
      programs[kind] = native.objectPrograms(object).find(({ name }) => name === programNames[kind])!.fd
    }
    const loaded = fds as Record<MapName, number>
    if (!adopted) native.mapUpdate(loaded.meta, u32(0), metaOf(sizes))
    // meta goes last: a set of pins with it is complete.
    if (pins !== null)
      for (const name of mapNames.toReversed()) if (!shared.has(name)) native.pin(loaded[name], join(pins, name))
    return { fds: loaded, programs: programs as Programs, adopted, sizes, close }
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
  expireKeys: new Uint8Array(native.mapMemory(fds.expire_keys)),
  expireRequest: new DataView(native.mapMemory(fds.expire_request)),
})
