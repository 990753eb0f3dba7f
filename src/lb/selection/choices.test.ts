import test from 'ava'
import { connectionIds } from '../../protocols/quic-lb/index.ts'
import { endpointDefaults, type Endpoint } from '../model.ts'
import { clientDigest, flowDigest, sessionDigest } from './flow-hash.ts'
import { hashChoice } from './hash.ts'
import { selections } from './index.ts'
import { leastChoice } from './lc.ts'
import { persistChoice, type PersistState } from './persist.ts'
import { quicChoice } from './quic.ts'
import { sessionChoice, type SessionKey } from './session.ts'

const seed = 11
const endpoints = (count: number, given: Partial<Endpoint> = {}): readonly Endpoint[] =>
  Array.from({ length: count }, (_, i) => ({ ...endpointDefaults, address: `10.0.0.${i}`, port: 80, ...given }))
const address = (last: number): Uint8Array =>
  Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, last >> 8, last & 255)
const digest = (sourcePort: number, client = 1): bigint =>
  flowDigest({ source: address(client), destination: address(2), sourcePort, destinationPort: 443, protocol: 17 })
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

const four = endpoints(4)
const table = selections.hash.build(four, seed)

/** Each of four endpoints gets about a quarter. */
const isEven = (places: readonly unknown[]): boolean =>
  [0, 1, 2, 3].every((place) => {
    const share = places.filter((each) => each === place).length / places.length
    return share > 0.2 && share < 0.3
  })

test('hash: spreads flows over the endpoints, and gives none where there is no endpoint', (t) => {
  t.true(isEven(numbers(4000).map((port) => hashChoice(table, seed, digest(port)))))
  t.is(hashChoice(selections.hash.build([], seed), seed, digest(1)), null)
})

const persistState: PersistState = { endpoints: four, table, seed, known: null, timeoutTicks: 100 }

test('persist: a client stays with its endpoint until it has been idle for the time-out', (t) => {
  const client = address(9)
  const byHash = persistChoice(persistState, client)!
  const place = (byHash + 1) % 4
  t.is(persistChoice({ ...persistState, known: { place, idleTicks: 99 } }, client), place)
  t.is(persistChoice({ ...persistState, known: { place, idleTicks: 100 } }, client), byHash)
})

test('persist: a client whose endpoint takes no new flows gets another by its address', (t) => {
  const client = address(9)
  for (const state of [{ drained: true }, { blocked: true }, { weight: 0 }]) {
    const place = persistChoice(persistState, client)!
    const changed = four.with(place, { ...four[place]!, ...state })
    const now = { ...persistState, endpoints: changed, table: selections.persist.build(changed, seed) }
    const next = persistChoice({ ...now, known: { place, idleTicks: 0 } }, client)
    t.not(next, place)
    t.is(next, hashChoice(now.table, seed, clientDigest(client)))
  }
})

test('persist: clients that nobody remembers are spread by their addresses', (t) => {
  t.true(isEven(numbers(4000).map((client) => persistChoice(persistState, address(client)))))
})

const least = (active: readonly number[], all: readonly Endpoint[] = four): number | null =>
  leastChoice({ endpoints: all, active, seed, sample: 64 }, digest(1))

test('lc: takes the endpoint with the fewest flows, of equals the first', (t) => {
  t.is(least([3, 2, 1, 2]), 2)
  t.is(least([0, 0, 0, 0]), 0)
  t.is(least([5, 4, 4, 4]), 1)
})

test('lc: measures flows by weight, with the new one counted', (t) => {
  const [a, b] = endpoints(2)
  const weighted = [
    { ...a!, weight: 1 },
    { ...b!, weight: 3 },
  ]
  t.is(least([0, 0], weighted), 1)
  t.is(least([0, 2], weighted), 0) // 1/1 against 3/3
  t.is(least([1, 4], weighted), 1) // 2/1 against 5/3
  const active = [0, 0]
  for (let n = 0; n < 400; n++) active[least(active, weighted)!]!++
  t.deepEqual(active, [100, 300])
})

test('lc: passes over endpoints that take no new flows', (t) => {
  const one = (state: Partial<Endpoint>): readonly Endpoint[] => four.with(0, { ...four[0]!, ...state })
  for (const state of [{ drained: true }, { blocked: true }, { weight: 0 }]) t.is(least([0, 5, 4, 5], one(state)), 2)
  t.is(least([0, 0, 0, 0], endpoints(4, { drained: true })), null)
  t.is(least([], []), null)
})

test('lc: of more endpoints than are compared, a flow sees a row that its hash begins', (t) => {
  const many = endpoints(200)
  const choose = (port: number): number =>
    leastChoice({ endpoints: many, active: numbers(200).map(() => 1), seed, sample: 64 }, digest(port))!
  const starts = numbers(3000).map(choose)
  t.true(new Set(starts).size > 190)
  // The one that is idle is found by those whose row reaches it, around the end as well.
  const idle = numbers(200).map((place) => (place === 10 ? 0 : 1))
  const found = numbers(3000).filter(
    (port) => leastChoice({ endpoints: many, active: idle, seed, sample: 64 }, digest(port)) === 10,
  )
  t.true(found.every((port) => (10 - choose(port) + 200) % 200 < 64))
  t.true(Math.abs(found.length / 3000 - 64 / 200) < 0.04)
})

test('n3: a tunnel has one endpoint wherever its packets come from, and tunnels are spread', (t) => {
  const teids = numbers(4000).map((teid) => Uint8Array.of(0, 0, teid >> 8, teid & 255))
  const chosen = teids.map((bytes) =>
    sessionChoice({ table, seed, miss: 'hash', hinted: null }, { kind: 'message', bytes }),
  )
  t.true(isEven(chosen))
  t.is(chosen[7], hashChoice(table, seed, sessionDigest(Uint8Array.of(0, 0, 0, 7))))
})

test('hint: a hint comes first, and without one the service says what happens', (t) => {
  const keys: readonly SessionKey[] = [
    { kind: 'message', bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
    { kind: 'client', address: address(5) },
    { kind: 'flow', digest: digest(5) },
  ]
  for (const key of keys) {
    const byHash = sessionChoice({ table, seed, miss: 'hash', hinted: null }, key)
    t.true([0, 1, 2, 3].includes(byHash as number))
    t.is(sessionChoice({ table, seed, miss: 'error', hinted: 2 }, key), 2)
    t.is(sessionChoice({ table, seed, miss: 'drop', hinted: null }, key), 'drop')
    t.is(sessionChoice({ table, seed, miss: 'error', hinted: null }, key), 'error')
  }
})

test('hint: a message without a key goes where its client goes, whatever becomes of keys without a hint', (t) => {
  const key: SessionKey = { kind: 'none', address: address(5) }
  const wanted = hashChoice(table, seed, clientDigest(address(5)))
  for (const miss of ['hash', 'drop', 'error'] as const)
    t.is(sessionChoice({ table, seed, miss, hinted: null }, key), wanted)
})

for (const [name, key] of [
  ['plain', null],
  ['encrypted', '8f95f09245765f80256934e50c66207f'],
] as const) {
  const ids = connectionIds({ serverIdLength: 2, nonceLength: 6, key, configId: 3 })
  const named = four.map((endpoint, i) => ({ ...endpoint, serverId: `00a${i}` }))
  const short = (server: number, nonce: number): Uint8Array =>
    Uint8Array.of(0x41, ...ids.encode(Uint8Array.of(0, 0xa0 | server), Uint8Array.of(nonce, 1, 2, 3, 4, 5)), 7, 7, 7)
  const state = { endpoints: named, table, seed, ids }

  test(`quic: a client that moves keeps its endpoint by its ${name} connection id`, (t) => {
    for (const server of [0, 1, 2, 3])
      for (const client of numbers(20))
        t.is(quicChoice(state, short(server, client), digest(1000 + client, client)), server)
  })

  test(`quic: a ${name} connection id that names nobody, or somebody who is blocked, counts for nothing`, (t) => {
    for (const datagram of [
      short(9, 1),
      Uint8Array.of(0x41, 0, 1),
      new Uint8Array(0),
      short(1, 1).with(1, 0xe8),
      short(1, 1).subarray(0, 9),
    ])
      t.is(quicChoice(state, datagram, digest(5)), hashChoice(table, seed, digest(5)))
    const blocked = { ...state, endpoints: named.map((endpoint) => ({ ...endpoint, blocked: true })) }
    t.is(quicChoice(blocked, short(1, 1), digest(5)), hashChoice(table, seed, digest(5)))
  })
}
