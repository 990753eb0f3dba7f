import type { ExecutionContext } from 'ava'
import { Session } from 'node:inspector'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { native } from '../../native/load.ts'
import { loadSmall, objects, pinsFor, smallSizes } from '../testing/datapath/small-maps.ts'
import { testWith } from '../testing/needs.ts'
import { power } from '../wire/crc32c.ts'
import { ExpiryProgram } from './expiry-program.ts'
import { layoutHash, limits, metaSize, readMeta, writeMeta } from './layout.gen.ts'
import { mapMemory, pinnedNames } from './maps.ts'

import type { Loaded, LoadOptions } from './maps.ts'

const kernel = (title: string, run: (t: ExecutionContext) => void): void => testWith(['root', 'bpf'], title, run)

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

/** Ends with the test. */
const loadFor = (t: ExecutionContext, options: Partial<LoadOptions> = {}): Loaded => {
  const loaded = loadSmall(options)
  t.teardown(() => loaded.close())
  return loaded
}

/** The map that a descriptor of this process is for; null for anything else, or when it has just been closed. */
const mapOf = (fd: string): number | null => {
  try {
    const id = /^map_id:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
    return id === undefined ? null : Number(id)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** Descriptors that this process has open for some maps. */
const descriptorsOf = (ids: ReadonlySet<number>): number =>
  readdirSync('/proc/self/fdinfo').filter((fd) => ids.has(mapOf(fd) ?? 0)).length

kernel('maps: have the sizes that were asked for', (t) => {
  const { fds, adopted } = loadFor(t, { sizes: { flows: 100, services: 3, endpoints: 7, slotPages: 5, portBlocks: 2 } })
  t.false(adopted)
  const entries = (name: keyof typeof fds): number => native.mapInfo(fds[name]).maxEntries
  t.deepEqual(
    (['flows', 'services', 'vips', 'cursors', 'slots', 'endpoints', 'active_flows'] as const).map(entries),
    [200, 3, 12, 4, 5, 8, 8],
    'an address of a VIP, of an endpoint or of a pool has a place in `vips`',
  )
  t.is(entries('service_counters'), 4)
  t.is(entries('endpoint_counters'), 8)
  t.is(entries('members'), 14, 'a list and the one that replaces it')
  t.deepEqual((['service_idle', 'embryonic', 'returns'] as const).map(entries), [4, 4, 7])
})

kernel('maps: programs are loaded while a profiler interrupts this thread all the time', (t) => {
  const session = new Session()
  session.connect()
  t.teardown(() => session.disconnect())
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: 200 })
  session.post('Profiler.start')
  loadFor(t)
  session.post('Profiler.stop', (error, { profile }) => {
    t.is(error, null)
    t.true(profile.nodes.length > 1)
  })
})

kernel('maps: what is not said has the size of bpf/shared/limits.h, what is has its own', (t) => {
  const named = { portBlocks: 3, ranges: 5, sources: 7, affinities: 9, hints: 11, sctpPaths: 13, fragments: 15 }
  const sizes = { flows: 100, services: 3, endpoints: 7, slotPages: 5 }
  const entries = ({ fds }: Loaded): readonly number[] =>
    (['port_blocks', 'service_ranges', 'sources', 'affinities', 'hints', 'sctp_paths', 'fragments'] as const).map(
      (name) => native.mapInfo(fds[name]).maxEntries,
    )
  // Number 0 of the port blocks says "none".
  t.deepEqual(entries(loadFor(t, { sizes: { ...sizes, ...named } })), [4, 5, 7, 9, 11, 13, 15])
  const { portBlocks, ranges, sources, affinities, hints, sctpPaths, fragments } = limits
  t.deepEqual(entries(loadFor(t, { sizes })), [
    portBlocks + 1,
    ranges,
    sources,
    affinities,
    hints,
    sctpPaths,
    fragments,
  ])
})

kernel('maps: the table that moves changes of a CRC32c is there', (t) => {
  const { fds } = loadFor(t)
  const value = new Uint8Array(4)
  for (const n of [0, 1, 4, 1400, limits.sctpPowers - 1]) {
    native.mapLookup(fds.sctp_powers, u32(n), value)
    t.is(new Uint32Array(value.buffer)[0], power(n), `${n}`)
  }
  t.false(native.mapLookup(fds.sctp_powers, u32(limits.sctpPowers), value))
})

kernel('maps: are one set for all three objects, and memory that we share with the kernel', (t) => {
  const { fds, programs } = loadFor(t)
  const memory = mapMemory(fds)
  memory.settings.setBigUint64(0, 12345n, true)
  const { now } = new ExpiryProgram({ program: programs.expire, request: memory.expireRequest }).run(0, false)
  t.is(now, 12345, 'the expiry program reads the time')
  t.is(memory.slots.length, smallSizes.slotPages * 256)
  t.is(memory.activeFlows.length, smallSizes.endpoints + 1)
})

kernel('maps: pinned ones are found again with what they hold', (t) => {
  const pins = pinsFor(t)
  const first = loadFor(t, { pins })
  t.deepEqual(readdirSync(pins).toSorted(), pinnedNames.toSorted())
  native.mapUpdate(first.fds.devices, u32(7), new Uint8Array(12).fill(9))
  first.close()
  const second = loadFor(t, { pins })
  t.true(second.adopted)
  const value = new Uint8Array(12)
  native.mapLookup(second.fds.devices, u32(7), value)
  t.deepEqual(value, new Uint8Array(12).fill(9))
})

kernel('maps: pinned ones of other sizes are refused, each difference with both numbers', (t) => {
  const pins = pinsFor(t)
  loadFor(t, { pins })
  const error = t.throws(() => loadSmall({ pins, sizes: { ...smallSizes, flows: 512, slotPages: 99 } }))
  t.is(error?.name, 'PinnedMapsError')
  t.regex(
    error?.message ?? '',
    /limits\.flows: pinned 256, configured 512; limits\.slotPages: pinned 128, configured 99/,
  )
  t.regex(error?.message ?? '', /--fresh, which drops all flows/)
  t.notRegex(error?.message ?? '', /limits\.services|layouts/)
  const others = { ...smallSizes, portBlocks: 5, hints: 7 }
  t.throws(() => loadSmall({ pins, sizes: others }), {
    message: /limits\.portBlocks: pinned 64, configured 5; limits\.hints: pinned 64, configured 7\./,
  })
  t.true(loadFor(t, { pins }).adopted, 'they are still there')
})

kernel('maps: pinned ones of another layout are refused, naming both', (t) => {
  const pins = pinsFor(t)
  const { fds } = loadFor(t, { pins })
  const bytes = new Uint8Array(metaSize)
  const view = new DataView(bytes.buffer)
  native.mapLookup(fds.meta, u32(0), bytes)
  t.is(readMeta(view, 0).layout, layoutHash)
  writeMeta(view, 0, { ...readMeta(view, 0), layout: 0xabcn })
  native.mapUpdate(fds.meta, u32(0), bytes)
  const ours = layoutHash.toString(16).padStart(16, '0')
  t.throws(() => loadSmall({ pins }), {
    message: new RegExp(`under ${pins} do not fit: layouts: pinned 0000000000000abc, this version ${ours}\\.`),
  })
})

kernel('maps: pins of a start that was cut short are made again', (t) => {
  const pins = pinsFor(t)
  const first = loadFor(t, { pins })
  native.mapUpdate(first.fds.devices, u32(7), new Uint8Array(12).fill(9))
  rmSync(join(pins, 'meta'))
  rmSync(join(pins, 'flows'))
  const second = loadFor(t, { pins })
  t.false(second.adopted)
  t.not(native.mapInfo(second.fds.devices).id, native.mapInfo(first.fds.devices).id)
  t.deepEqual(readdirSync(pins).toSorted(), pinnedNames.toSorted())
})

kernel('maps: a pin that is missing beside its meta is made again', (t) => {
  const pins = pinsFor(t)
  loadFor(t, { pins })
  rmSync(join(pins, 'cursors'))
  t.true(loadFor(t, { pins }).adopted)
  t.true(existsSync(join(pins, 'cursors')))
})

kernel('maps: a load that fails closes everything, however far it came', (t) => {
  const pins = pinsFor(t)
  const loaded = loadSmall({ pins })
  const ids = new Set(Object.values(loaded.fds).map((fd) => native.mapInfo(fd).id))
  t.true(descriptorsOf(ids) >= ids.size)
  loaded.close()
  t.is(descriptorsOf(ids), 0)
  t.throws(() => loadSmall({ pins, sizes: { ...smallSizes, flows: 99 } }), { message: /do not fit/ })

  const objectsOfOne = mkdtempSync(join(tmpdir(), 'sluice-objects-'))
  t.teardown(() => rmSync(objectsOfOne, { recursive: true }))
  symlinkSync(join(objects, 'lb.xdp.o'), join(objectsOfOne, 'lb.xdp.o'))
  t.throws(() => loadSmall({ objects: objectsOfOne, pins }), { message: /lb\.tc\.o/ })

  // A map of another shape fails the first object; a directory in a pin's place, what comes before that.
  rmSync(join(pins, 'verdicts'))
  const wrong = native.mapCreate({ type: 2, name: 'wrong', keySize: 4, valueSize: 4, maxEntries: 1 })
  native.pin(wrong, join(pins, 'verdicts'))
  native.fdClose(wrong)
  t.throws(() => loadSmall({ pins }), { message: /verdicts/ })
  rmSync(join(pins, 'verdicts'))
  mkdirSync(join(pins, 'verdicts'))
  t.throws(() => loadSmall({ pins }))
  t.is(descriptorsOf(ids), 0)
})
