// A million hints as signalling makes them: what the kernel needs for them, and how fast they are there.

import { readFileSync } from 'node:fs'
import { hintKey } from '../../src/datapath/hints.ts'
import { hintKind, limits } from '../../src/datapath/layout.gen.ts'
import { SessionHints } from '../../src/datapath/session-hints.ts'
import { makeService, endpointDefaults } from '../../src/lb/model.ts'
import { SmallMaps } from '../../src/testing/datapath/small-maps.ts'
import { seeds, shuffled } from '../datapath/order.ts'
import type { HintChange } from '../../src/lb/hints.ts'
import type { Row } from './worker.ts'

export const tunnels = 1_000_000
/** 200 MB, for a million hints */
const goalMegabytes = 200
const bytesOfMegabyte = 1_000_000
/** of those that one call installs, as a restart or a restoration does */
const batch = 4096
/** how many are installed one by one, as establishments do */
const singles = 100_000

const upfs = ['10.2.0.10', '10.2.0.11', '10.2.0.12']
const service = makeService({
  name: 'n3',
  address: '10.99.0.1',
  port: 2152,
  protocol: 'udp',
  select: 'n3',
  announce: 'routed',
  endpoints: upfs.map((address) => ({ ...endpointDefaults, address, port: 2152 })),
})

export const teidBytes = (teid: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, teid)
  return bytes
}

const install = (teid: number): HintChange => ({
  action: 'install',
  service: 'n3',
  kind: 'teid',
  key: teidBytes(teid),
  endpoint: upfs[teid % upfs.length]!,
  identifier: null,
  graceMs: 0,
})

/** A number of a text of lines `name: value`; bytes, or kilobytes where the kernel says so. */
const numberOf = (path: string, name: string): number => {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(path, 'utf8'))?.[1]
  if (found === undefined) throw new Error(`${path} has no ${name}`)
  return Number(found)
}

const megabytes = (bytes: number): number => Math.round((bytes / bytesOfMegabyte) * 10) / 10

export const measureHints = (progress: (text: string) => void): readonly Row[] => {
  const maps = new SmallMaps({ sizes: { hints: limits.hints } })
  try {
    maps.add(service)
    const { services } = maps
    const control = new SessionHints({
      hints: services.hints,
      placed: () => services.placed(),
      addressOf: (id) => services.endpoints.read(id).address,
    })
    const mapBytes = (): number => numberOf(`/proc/self/fdinfo/${maps.loaded.fds.hints}`, 'memlock')
    const slabBytes = (): number => numberOf('/proc/meminfo', 'Slab') * 1024
    const before = { map: mapBytes(), slab: slabBytes() }
    const order = shuffled(1, tunnels, seeds.fill)

    progress(`installing ${singles} hints one by one`)
    const beganAt = performance.now()
    for (const teid of order.subarray(0, singles)) control.apply([install(teid)])
    const oneByOneMs = performance.now() - beganAt
    progress(`installing ${tunnels - singles} hints in batches of ${batch}`)
    const batchesAt = performance.now()
    for (let first = singles; first < tunnels; first += batch)
      control.apply(Array.from(order.subarray(first, Math.min(first + batch, tunnels)), install))
    const batchesMs = performance.now() - batchesAt

    const after = { map: mapBytes(), slab: slabBytes() }
    const [id = 0] = [...services.placed().values()].map((placed) => placed.id)
    const isMissing = (teid: number): boolean =>
      services.hints.find(hintKey(id, hintKind.teid, teidBytes(teid))) === null
    const missing = order.filter(isMissing).length
    const problem = missing === 0 ? {} : { problem: `${missing} of the hints are not in the kernel` }
    const value = megabytes(after.map)
    return [
      {
        ...common,
        case: 'hints-memory-1m',
        unit: 'MB',
        value,
        goal: goalMegabytes,
        ok: value <= goalMegabytes && missing === 0,
        beside: {
          empty_mb: megabytes(before.map),
          bytes_a_hint: Math.round((after.map - before.map) / tunnels),
          slab_growth_mb: megabytes(after.slab - before.slab),
        },
        ...problem,
      },
      rate('hints-install-batches', tunnels - singles, batchesMs, { hints_of_a_call: batch }),
      rate('hints-install-one-by-one', singles, oneByOneMs, { hints_of_a_call: 1 }),
    ]
  } finally {
    maps.close()
  }
}

const common = { bench: 'n3', hook: null } as const

const rate = (name: string, count: number, milliseconds: number, beside: Row['beside']): Row => ({
  ...common,
  case: name,
  unit: 'hints/s',
  value: Math.round((count * 1000) / milliseconds),
  goal: null,
  ok: true,
  beside,
})
