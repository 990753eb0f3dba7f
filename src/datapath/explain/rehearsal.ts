// The fast path once more, beside the one that runs: the same programs, loaded to tell their steps, over maps of their
// own wherever a program may write. Only what programs never write is shared with the live maps.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { native } from '../../../native/load.ts'
import { FlowReader } from '../flow-reader.ts'
import { flowKeySize, layoutHash, metaSize, readMeta, readTrace, traceSize, writeFlowKey } from '../layout.gen.ts'
import { mapKeys } from '../map-keys.ts'
import { routeShift } from '../maps.ts'
import { mapNames } from '../sizes.ts'
import { skbContext, xdpContext } from '../test-run.ts'
import type { Hook, Trace } from '../layout.gen.ts'
import type { MapName } from '../sizes.ts'

/** Programs read these and never write them. Every other map is made anew, also one that does not exist yet. */
const sharedMaps = [
  'meta',
  'devices',
  'services',
  'service_ranges',
  'vips',
  'masquerades',
  'user_pools',
  'classifiers',
  'user_routes',
  'local_addresses',
  'sources',
  'slots',
  'members',
  'endpoints',
  'snat_pools',
  'service_idle',
  'teid_ranges',
  'session_ports',
  'returns',
  'sctp_powers',
] as const satisfies readonly MapName[]

/** Copied whole before each run: arrays that programs read by a number, and write. */
const wholeMaps = ['settings', 'active_flows', 'live_flows', 'embryonic', 'seid_counts', 'port_blocks'] as const

/** Of these only the entries that a packet may meet are copied: the live ones may be huge. */
const keyedMaps = ['flows', 'fragments', 'sctp_paths', 'affinities', 'hints', 'seid_requests', 'cursors'] as const
export type KeyedMap = (typeof keyedMaps)[number]

/** Must have the live map's number of entries, since ids are places in them. */
const sizedLikeLive: ReadonlySet<MapName> = new Set([
  ...wholeMaps,
  'cursors',
  'service_counters',
  'endpoint_counters',
  'verdicts',
])
/** Of all others: a packet adds a handful. */
const entries = 256
const ringBytes = 65_536

const shared: ReadonlySet<MapName> = new Set<MapName>(sharedMaps)
const rings: ReadonlySet<MapName> = new Set<MapName>(['events', 'punts'])
/** Have their size in bpf/lib/maps.h. */
const ofFixedSize: ReadonlySet<MapName> = new Set<MapName>(['event_sequence', 'punt_sequence', 'expire_request'])

const objectFiles = { xdp: 'lb.xdp.o', tc: 'lb.tc.o' } as const
const programNames = { xdp: 'sluice_xdp', tc: 'sluice_tc' } as const
export interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Entries of live maps, by map and key. */
export type Copied = ReadonlyMap<KeyedMap, ReadonlyMap<string, Entry>>

export interface RehearsalOptions {
  /** directory of the BPF objects */
  readonly objects: string
  readonly pins: string
  readonly hook: Hook
}

export interface Ran {
  /** XDP or TC action */
  readonly action: number
  /** the frame as the program left it */
  readonly frame: Uint8Array
  readonly steps: readonly Trace[]
}

interface Stage {
  readonly program: number
  readonly steps: number
  readonly count: number
  readonly templates: number
}

/** There is nothing to explain, or nothing that this version can read. */
export class ExplainError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ExplainError'
  }
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const perCpuArray = 6 // BPF_MAP_TYPE_PERCPU_ARRAY

/** Bytes that one call reads or writes: of a per-CPU map a value for each CPU. */
const valueBytes = (fd: number): number => {
  const { type, valueSize } = native.mapInfo(fd)
  return type === perCpuArray ? ((valueSize + 7) & ~7) * native.possibleCpus() : valueSize
}

/** How many entries the table of flows has; not exact while packets pass. */
const countFlows = (fd: number): number => {
  const reader = new FlowReader(fd)
  for (let sum = 0; ;) {
    const { count, done } = reader.next()
    sum += count
    if (done) return sum
  }
}

export class Rehearsal {
  readonly #directory: string
  readonly #live: ReadonlyMap<MapName, number>
  readonly #own = new Map<MapName, number>()
  readonly #objects: ReturnType<typeof native.objectOpen>[] = []
  readonly #stages = new Map<Hook, Stage>()
  #room: number | undefined

  private constructor(directory: string, live: ReadonlyMap<MapName, number>) {
    this.#directory = directory
    this.#live = live
  }

  /**
   * Over the maps pinned under `pins`, which must be whole and of this version. The programs of `hook` are loaded at
   * once, those of the other when they run: the verifier takes its time.
   */
  static open({ hook, objects, pins }: RehearsalOptions): Rehearsal {
    const rehearsal = new Rehearsal(objects, openLive(pins))
    try {
      checkLayout(rehearsal.#live)
      rehearsal.#load(hook)
      return rehearsal
    } catch (error) {
      rehearsal.close()
      throw error
    }
  }

  close(): void {
    for (const object of this.#objects.toReversed()) native.objectClose(object)
    for (const fd of this.#live.values()) native.fdClose(fd)
  }

  /** For reading alone. */
  live(name: MapName): number {
    return this.#live.get(name)!
  }

  /** The live entry, if there is one. */
  lookup(name: KeyedMap, key: Uint8Array): Uint8Array | undefined {
    const fd = this.live(name)
    const value = new Uint8Array(valueBytes(fd))
    return native.mapLookup(fd, key, value) ? value : undefined
  }

  /** Everything as in the live maps again, as far as `copied` has it. */
  reset(copied: Copied): void {
    for (const name of wholeMaps)
      new Uint8Array(native.mapMemory(this.#ownFd(name))).set(new Uint8Array(native.mapMemory(this.live(name))))
    for (const name of keyedMaps) this.#resetKeyed(name, copied.get(name)?.values() ?? [])
    this.#fillUp(copied.get('flows')?.size ?? 0)
    for (const { count, templates } of this.#stages.values()) {
      native.mapUpdate(count, u32(0), u32(0))
      const zeros = new Uint8Array(valueBytes(templates))
      for (let at = 0; at < native.mapInfo(templates).maxEntries; at++) native.mapUpdate(templates, u32(at), zeros)
    }
  }

  run(hook: Hook, frame: Uint8Array, { ifindex, mark }: { readonly ifindex: number; readonly mark: number }): Ran {
    const stage = this.#stages.get(hook) ?? this.#load(hook)
    const dataOut = new Uint8Array(frame.length + roomForHeaders)
    const context = hook === 'xdp' ? xdpContext(ifindex, frame.length) : skbContext(ifindex, { mark })
    const { result, dataSize } = native.testRun(stage.program, { data: frame, dataOut, context, repeat: 1 })
    return { action: result, frame: dataOut.slice(0, dataSize), steps: readSteps(stage) }
  }

  /** An entry as the last run left it. */
  after(name: KeyedMap, key: Uint8Array): Uint8Array | undefined {
    const fd = this.#ownFd(name)
    const value = new Uint8Array(valueBytes(fd))
    return native.mapLookup(fd, key, value) ? value : undefined
  }

  #load(hook: Hook): Stage {
    const object = native.objectOpen(join(this.#directory, objectFiles[hook]))
    this.#objects.push(object)
    const stage = loadStage(object, hook, this.#live, this.#own)
    this.#stages.set(hook, stage)
    return stage
  }

  #ownFd(name: MapName): number {
    return this.#own.get(name)!
  }

  #resetKeyed(name: KeyedMap, wanted: Iterable<Entry>): void {
    const fd = this.#ownFd(name)
    const { keySize } = native.mapInfo(fd)
    // An array has each key, and an entry of it that is not copied is not met either.
    if (name !== 'cursors') for (const key of mapKeys(fd, keySize)) native.mapDelete(fd, key)
    for (const { key, value } of wanted) native.mapUpdate(fd, key, value)
  }

  /** Where the live table of flows is nearly full, so is this one: keys that no packet has take the rest. */
  #fillUp(copied: number): void {
    this.#room ??= this.#freeFlows()
    const strangers = entries - copied - this.#room
    if (strangers <= 0) return
    const fd = this.#ownFd('flows')
    const [key, value] = [new Uint8Array(flowKeySize), new Uint8Array(valueBytes(fd))]
    const nobody = new Uint8Array(16)
    for (let port = 0; port < strangers; port++) {
      writeFlowKey(viewOf(key), 0, {
        source: nobody,
        destination: nobody,
        sourcePort: port,
        destinationPort: 0,
        zone: 0xffff,
        protocol: 255,
      })
      native.mapUpdate(fd, key, value)
    }
  }

  /** Counted only where it may matter: a large table takes its time. */
  #freeFlows(): number {
    const fd = this.live('flows')
    const live = new BigInt64Array(native.mapMemory(this.live('live_flows')))[0] ?? 0n
    const { maxEntries } = native.mapInfo(fd)
    const least = maxEntries - 2 * Number(live)
    return least >= entries ? least : maxEntries - countFlows(fd)
  }
}

/** What encapsulation puts in front, and more. */
const roomForHeaders = 256

function openLive(pins: string): ReadonlyMap<MapName, number> {
  if (!existsSync(join(pins, 'meta')))
    throw new ExplainError(`no maps are pinned under ${pins}: this instance has not run since the machine started`)
  const live = new Map<MapName, number>()
  try {
    for (const name of mapNames) {
      const path = join(pins, name)
      if (!existsSync(path)) throw new ExplainError(`${path} is missing: the maps were made by another version`)
      live.set(name, native.pinGet(path))
    }
    return live
  } catch (error) {
    for (const fd of live.values()) native.fdClose(fd)
    throw error
  }
}

function checkLayout(live: ReadonlyMap<MapName, number>): void {
  const bytes = new Uint8Array(metaSize)
  native.mapLookup(live.get('meta')!, u32(0), bytes)
  if (readMeta(viewOf(bytes), 0).layout !== layoutHash)
    throw new ExplainError('the maps were made by another version, which alone can explain what its programs do')
}

function loadStage(
  object: ReturnType<typeof native.objectOpen>,
  hook: Hook,
  live: ReadonlyMap<MapName, number>,
  own: Map<MapName, number>,
): Stage {
  native.objectSetRodata(object, 'explain', Uint8Array.of(1))
  native.objectSetRodata(object, 'route_shift', Uint8Array.of(routeShift(native.ticksPerSecond())))
  for (const name of mapNames) {
    const existing = shared.has(name) ? live.get(name) : own.get(name)
    if (existing !== undefined) native.objectReuseMap(object, name, existing)
    else if (rings.has(name)) native.objectSetMaxEntries(object, name, ringBytes)
    else if (sizedLikeLive.has(name))
      native.objectSetMaxEntries(object, name, native.mapInfo(live.get(name)!).maxEntries)
    else if (!ofFixedSize.has(name)) native.objectSetMaxEntries(object, name, entries)
  }
  native.objectLoad(object)
  const fds = new Map(native.objectMaps(object).map(({ name, fd }) => [name, fd]))
  for (const name of mapNames) if (!shared.has(name) && !own.has(name)) own.set(name, fds.get(name)!)
  return {
    program: native.objectPrograms(object).find(({ name }) => name === programNames[hook])!.fd,
    steps: fds.get('trace_steps')!,
    count: fds.get('trace_count')!,
    templates: fds.get('session_templates')!,
  }
}

function readSteps({ steps, count }: Stage): readonly Trace[] {
  const told = new Uint8Array(4)
  native.mapLookup(count, u32(0), told)
  const bytes = new Uint8Array(traceSize)
  return Array.from(
    { length: Math.min(viewOf(told).getUint32(0, true), native.mapInfo(steps).maxEntries) },
    (_, at) => {
      native.mapLookup(steps, u32(at), bytes)
      return readTrace(viewOf(bytes), 0)
    },
  )
}
