import test from 'ava'
import fc from 'fast-check'
import { service } from '../testing/services.ts'
import { claimsOf, findOverlaps } from './overlap.ts'
import type { Service } from '../lb/model.ts'

const pairs = (services: readonly Service[]): readonly (readonly [number, number])[] =>
  findOverlaps(services.map(claimsOf)).map(({ item, other }) => [item, other])

test('overlap: one port in a range, ranges that meet, and any port with all of them', (t) => {
  const range = service({ port: 80, lastPort: 90 })
  t.deepEqual(pairs([range, service({ port: 91 })]), [])
  t.deepEqual(pairs([service({ port: 90 }), range]), [[1, 0]])
  t.deepEqual(pairs([range, service({ port: 90, lastPort: 100 })]), [[1, 0]])
  t.deepEqual(pairs([service({ port: 0 }), range, service({ port: 65535 })]), [
    [1, 0],
    [2, 0],
  ])
})

test('overlap: other addresses, protocols and marks do not meet', (t) => {
  const others = [service(), service({ protocol: 'udp' }), service({ address: '192.0.2.2' }), service({ mark: 1 })]
  t.deepEqual(pairs(others), [])
})

test('overlap: a further VIP meets as the first one does', (t) => {
  t.deepEqual(pairs([service(), service({ address: '192.0.2.2', secondary: ['192.0.2.1'] })]), [[1, 0]])
})

test('overlap: a mark meets the same mark whatever the destination is', (t) => {
  const marked = (port: number, mark: number) => service({ address: `192.0.2.${port}`, port, mark })
  t.deepEqual(pairs([marked(1, 5), marked(2, 5), marked(3, 6)]), [[1, 0]])
})

test('overlap: inside clients are of one service of their protocol; of a longer prefix another may be', (t) => {
  const out = (...allowedSources: readonly string[]) =>
    service({ mode: 'masquerade', address: '0.0.0.0', port: 0, endpoints: [], allowedSources })
  t.deepEqual(pairs([out('10.0.0.0/8'), out('10.1.0.0/16'), { ...out('10.0.0.0/8'), protocol: 'udp' }]), [])
  t.deepEqual(pairs([out('10.0.0.0/8'), out('10.1.0.0/16', '10.0.0.0/8')]), [[1, 0]])
  t.deepEqual(pairs([service({ address: '0.0.0.0', port: 0, mode: 'hostonearm' }), out('10.0.0.0/8')]), [])
})

test('overlap: finds every service that meets another, as comparing each with each does', (t) => {
  const anyService = fc
    .record({ first: fc.integer({ min: 1, max: 12 }), count: fc.integer({ min: 0, max: 5 }) })
    .map(({ first, count }) => service({ port: first, lastPort: first + count }))
  fc.assert(
    fc.property(fc.array(anyService, { maxLength: 6 }), (services) => {
      const meets = (a: Service, b: Service): boolean => a.port <= b.lastPort && b.port <= a.lastPort
      const expected = services.flatMap((one, index) =>
        services.some((other, place) => place !== index && meets(one, other)) ? [index] : [],
      )
      t.deepEqual(
        [...new Set(pairs(services).flat())].toSorted((a, b) => a - b),
        expected,
      )
    }),
  )
})
