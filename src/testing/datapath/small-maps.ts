// The fast path's real maps in tests: loaded small, with the control plane's half of them beside, and time that only
// moves when the test says so. Needs `root` and `bpf`.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import type { ExecutionContext } from 'ava'
import { native } from '../../../native/load.ts'
import { countersSize, readService, serviceSize, settingsOffsets, writeCounters } from '../../datapath/layout.gen.ts'
import { load, mapMemory } from '../../datapath/maps.ts'
import { targetsOf, vipKeyBytes } from '../../datapath/reach.ts'
import { Services } from '../../datapath/services.ts'
import { serviceKey } from '../../lb/model.ts'
import type { Service as ServiceLayout } from '../../datapath/layout.gen.ts'
import type { Loaded, LoadOptions, Memory } from '../../datapath/maps.ts'
import type { PortRange } from '../../datapath/ports.ts'
import type { Sizes } from '../../datapath/sizes.ts'
import type { Change, Service } from '../../lb/model.ts'

export const objects = join(import.meta.dirname, '../../../build')
export const smallSizes: Sizes = {
  flows: 256,
  services: 4,
  endpoints: 8,
  slotPages: 128,
  portBlocks: 64,
  affinities: 64,
  hints: 64,
  sctpPaths: 64,
  fragments: 64,
  closing: 256,
  puntRingBytes: 65_536,
}

const bpfFileSystem = '/sys/fs/bpf'
let made = 0

/** A directory in the bpf file system that no other test has; it goes with the test. */
export const pinsFor = (t: ExecutionContext): string => {
  const parent = join(bpfFileSystem, `sluice-unit-${process.pid}-${threadId}-${++made}`)
  mkdirSync(parent)
  t.teardown(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'pins')
}

export const loadSmall = (options: Partial<LoadOptions> = {}): Loaded =>
  load({ objects, sizes: smallSizes, ticksPerSecond: 100, replayClock: true, pins: null, ...options })

export interface Start {
  readonly pins?: string | null
  readonly sizes?: Partial<Sizes>
  readonly portRange?: PortRange
  readonly egress?: (address: string) => string | null
  readonly seed?: number
  readonly drainMs?: number
  /** packets will be sent through them; left out: there are only the maps, which takes a hundredth of the time */
  readonly hooks?: boolean
}

const defaultPorts: PortRange = { first: 1024, last: 2047 }

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

/** Loaded or adopted maps and the services in them, as the daemon has them. */
export class SmallMaps {
  readonly loaded: Loaded
  readonly memory: Memory
  readonly services: Services
  /** milliseconds */
  now = 0
  #deferred: (() => void)[] = []

  constructor(start: Start = {}) {
    const portRange = start.portRange ?? defaultPorts
    const { pins = null, sizes, egress } = start
    this.loaded = loadSmall({ pins, sizes: { ...smallSizes, ...sizes }, withoutHooks: start.hooks !== true })
    this.memory = mapMemory(this.loaded.fds)
    const { settings } = this.memory
    const previousPortRange = {
      first: settings.getUint16(settingsOffsets.snatFirst, true),
      last: settings.getUint16(settingsOffsets.snatLast, true),
    }
    settings.setUint16(settingsOffsets.snatFirst, portRange.first, true)
    settings.setUint16(settingsOffsets.snatLast, portRange.last, true)
    this.services = new Services({
      loaded: this.loaded,
      memory: this.memory,
      seed: start.seed ?? 1,
      portRange,
      previousPortRange,
      now: () => this.now,
      defer: (release) => this.#deferred.push(release),
      egress: egress ?? (() => null),
      drainMs: start.drainMs ?? 0,
    })
  }

  static open(t: ExecutionContext, start: Start = {}): SmallMaps {
    const maps = new SmallMaps(start)
    t.teardown(() => maps.close())
    return maps
  }

  apply(...changes: readonly Change[]): void {
    this.services.apply(changes)
  }

  add(...services: readonly Service[]): void {
    this.apply(...services.map((service): Change => ({ kind: 'add', service })))
  }

  remove(...services: readonly Service[]): void {
    this.apply(...services.map((service): Change => ({ kind: 'remove', service })))
  }

  update(from: Service, to: Service): void {
    this.apply({ kind: 'update', from, to })
  }

  /** Grace has passed: what was replaced is free, and what was retired without flows or hints too. */
  settle(): void {
    this.now += 2000
    for (const release of this.#deferred.splice(0)) release()
    for (let walks = 0; walks < 3; walks++) this.services.collect(1000)
  }

  /** What the fast path finds for a service, by its first key; null when it finds none. */
  entry(service: Service): ServiceLayout | null {
    const [first] = this.entries(service)
    return first ?? null
  }

  /** The same by every key that the service has. */
  entries(service: Service): readonly (ServiceLayout | null)[] {
    const { fds } = this.loaded
    return [...targetsOf(service).values()].map(({ map, key }) => {
      const bytes = new Uint8Array(serviceSize)
      return native.mapLookup(fds[map], key, bytes) ? readService(new DataView(bytes.buffer), 0) : null
    })
  }

  /** The slots of a service, each the id of an endpoint. */
  slots(service: Service): readonly number[] {
    const entry = this.entry(service)
    if (entry === null) return []
    const start = entry.firstPage * 256
    return Array.from(this.memory.slots.subarray(start, start + entry.slotCount), (slot) =>
      Number(this.memory.members[entry.memberBase + slot]),
    )
  }

  /** Ids in the order of the service's endpoints. */
  endpointIds(service: Service): readonly number[] {
    return [...(this.services.placed().get(serviceKey(service))?.endpoints.values() ?? [])]
  }

  /** How many services the fast path thinks an address has, and whether some of them take several ports. */
  vip(address: string): number {
    return this.#vipValue(address) & 0x7fffffff
  }

  vipHasRanges(address: string): boolean {
    return this.#vipValue(address) >>> 31 === 1
  }

  #vipValue(address: string): number {
    const bytes = new Uint8Array(4)
    return native.mapLookup(this.loaded.fds.vips, vipKeyBytes(address), bytes) ? new Uint32Array(bytes.buffer)[0]! : 0
  }

  /** As if packets had been counted for this id. */
  count(map: 'service_counters' | 'endpoint_counters', id: number): void {
    const bytes = new Uint8Array(countersSize * native.possibleCpus())
    writeCounters(new DataView(bytes.buffer), 0, { packets: 5n, bytes: 500n, flows: 1n })
    native.mapUpdate(this.loaded.fds[map], u32(id), bytes)
  }

  counted(map: 'service_counters' | 'endpoint_counters', id: number): boolean {
    const bytes = new Uint8Array(countersSize * native.possibleCpus())
    native.mapLookup(this.loaded.fds[map], u32(id), bytes)
    return bytes.some((byte) => byte !== 0)
  }

  close(): void {
    this.loaded.close()
  }
}
