// What a test bed does with maps and programs by itself: empties maps, reads rings, writes hints, tags packets.

import { join } from 'node:path'
import { native } from '../../native/load.ts'
import {
  addressSize,
  affinityKeySize,
  countersSize,
  downlinkOffsets,
  downlinkSize,
  flowKeySize,
  fragmentKeySize,
  hintKeySize,
  hintKind,
  hintSize,
  seidRequestKeySize,
  puntReasonNames,
  puntSize,
  readPunt,
  sctpPathKeySize,
  serviceKeySize,
  serviceRangeKeySize,
  sourceKeySize,
  teidRangeKeySize,
  uplinkKeySize,
  uplinkOffsets,
  uplinkSize,
  vipKeySize,
  writeHint,
  writeHintKey,
  writeVipKey,
} from '../../src/datapath/layout.gen.ts'
import { keyTag } from '../../src/lb/selection/flow-hash.ts'
import { concat } from '../../src/testing/packets/bytes.ts'
import { addressBytes } from '../../src/wire/ip.ts'
import { keysOf, u32, viewOf } from './kernel-bytes.ts'
import type { Loaded, Memory } from '../../src/datapath/maps.ts'
import type { HintOptions, Punted } from './bed.ts'

type Fds = Loaded['fds']

/** Maps that a case may fill, and the size of their keys. */
const keyed = [
  ['flows', flowKeySize],
  ['services', serviceKeySize],
  ['service_ranges', serviceRangeKeySize],
  ['vips', vipKeySize],
  ['local_addresses', vipKeySize],
  ['sources', sourceKeySize],
  ['masquerades', sourceKeySize],
  ['user_pools', sourceKeySize],
  ['user_routes', sourceKeySize],
  ['fragments', fragmentKeySize],
  ['sctp_paths', sctpPathKeySize],
  ['affinities', affinityKeySize],
  ['hints', hintKeySize],
  ['seid_requests', seidRequestKeySize],
  ['returns', serviceKeySize],
  ['teid_ranges', teidRangeKeySize],
] as const

export function emptyMaps(fds: Fds, memory: Memory, services: number, cpus: number): void {
  for (const [name, keyBytes] of keyed) {
    for (const key of keysOf(fds[name], keyBytes)) native.mapDelete(fds[name], key)
  }
  memory.members.fill(0n)
  memory.activeFlows.fill(0n)
  memory.portBlocks.fill(0n)
  memory.embryonic.fill(0n)
  memory.seidCounts.fill(0n)
  memory.sessionPorts.fill(0n)
  memory.serviceIdle.fill(0)
  new Uint8Array(memory.endpoints.buffer).fill(0)
  new Uint8Array(memory.snatPools.buffer).fill(0)
  native.mapUpdate(fds.live_flows, u32(0), new Uint8Array(8))
  const zeros = new Uint8Array(countersSize * cpus)
  for (let id = 0; id <= services; id++) {
    native.mapUpdate(fds.cursors, u32(id), zeros.subarray(0, 8 * cpus))
    native.mapUpdate(fds.service_counters, u32(id), zeros)
  }
}

export function writeLocalAddresses(fds: Fds, addresses: readonly string[]): void {
  const key = new Uint8Array(vipKeySize)
  for (const address of addresses) {
    writeVipKey(viewOf(key), 0, { address: addressBytes(address), zone: 0 })
    native.mapUpdate(fds.local_addresses, key, u32(1))
  }
}

/** As if each element of these maps had become another key's while a packet looks at it. */
export function spoilUserTags(fds: Fds): void {
  for (const [name, keyBytes, valueBytes, { tag }] of [
    ['uplinks', uplinkKeySize, uplinkSize, uplinkOffsets],
    ['downlinks', addressSize, downlinkSize, downlinkOffsets],
  ] as const) {
    for (const key of keysOf(fds[name], keyBytes)) {
      const value = new Uint8Array(valueBytes)
      native.mapLookup(fds[name], key, value)
      value[tag]! ^= 1
      native.mapUpdate(fds[name], key, value)
    }
  }
}

/** enum hint_flags, which is not in the programs' types. */
const hintRewrite = 1

/** Without an endpoint the hint goes. */
export function writeHintEntry(
  fds: Fds,
  { kind, key: given, lifetime, identifier }: HintOptions,
  service: number,
  endpoint: number | null,
  now: number,
): void {
  const key = new Uint8Array(hintKeySize)
  const bytes = concat(given, new Uint8Array(16 - given.length))
  writeHintKey(viewOf(key), 0, { service, kind: hintKind[kind], length: given.length, bytes })
  if (endpoint === null) {
    native.mapDelete(fds.hints, key)
    return
  }
  const value = new Uint8Array(hintSize)
  writeHint(viewOf(value), 0, {
    tag: keyTag(key),
    endpoint,
    expires: lifetime === undefined ? 0 : now + lifetime,
    identifier: identifier ?? 0,
    flags: identifier === undefined ? 0 : hintRewrite,
    seen: 0,
    packets: 0n,
    bytes: 0n,
  })
  native.mapUpdate(fds.hints, key, value)
}

export interface RingReader<T> {
  /** records since the last call */
  readonly drain: () => readonly T[]
  readonly close: () => void
}

export function openRing<T>(fd: number, read: (view: DataView, at: number) => T): RingReader<T> {
  const drained: T[] = []
  const arena = new Uint8Array(1 << 20)
  const ring = native.ringOpen(fd, arena, (count) => {
    const view = viewOf(arena)
    let at = 0
    for (let i = 0; i < count; i++) {
      drained.push(read(view, at + 4))
      at += (4 + view.getUint32(at, true) + 7) & ~7
    }
  })
  const drain = (): readonly T[] => {
    native.ringConsume(ring)
    return drained.splice(0)
  }
  return { drain, close: () => native.ringClose(ring) }
}

export function readPunted(view: DataView, at: number): Punted {
  const { reason, mtu, length } = readPunt(view, at)
  const frame = new Uint8Array(view.buffer, view.byteOffset + at + puntSize, length).slice()
  return { reason: puntReasonNames[reason] ?? 'fragment', mtu, frame }
}

/** Puts a tag into a packet's metadata, and goes on with the program of TC. */
export interface Tagged {
  readonly program: number
  readonly close: () => void
}

export function openTagged(objects: string, program: number): Tagged {
  const object = native.objectOpen(join(objects, 'test/tagged.tc.o'))
  native.objectLoad(object)
  const fdOf = (list: readonly { readonly name: string; readonly fd: number }[], wanted: string): number =>
    list.find(({ name }) => name === wanted)?.fd ?? -1
  native.mapUpdate(fdOf(native.objectMaps(object), 'under_test'), u32(0), u32(program))
  return {
    program: fdOf(native.objectPrograms(object), 'sluice_tagged'),
    close: () => native.objectClose(object),
  }
}
