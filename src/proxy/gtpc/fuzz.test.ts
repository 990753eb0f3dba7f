import test from 'ava'
import fc from 'fast-check'
import { gatewayOf, causeIn, startedBed } from './test-bed.ts'
import { causeV2, fTeid, gsn, ie, imsiOf, tv, tv32, v1, v2 } from './test-elements.ts'
import type { Bed } from './test-bed.ts'

const pool = [gatewayOf('a', '10.0.0.1'), gatewayOf('b', '10.0.0.2')]
const senders = ['10.1.0.1', '10.3.0.1', '10.0.0.1', '10.0.0.2', '10.7.7.7']

interface Known {
  readonly given: number
  readonly told: number
}

/** One of each kind, as they are when nothing is wrong. */
const templates = ({ given, told }: Known, n: number): readonly Uint8Array[] => [
  v2(1, null, n, ie(3, 0, n)),
  v2(2, null, n, ie(3, 0, n)),
  v2(
    32,
    0,
    n,
    imsiOf(n % 4),
    ie(3, 0, 1),
    fTeid(0, 10, n, '10.1.0.1'),
    ie(93, 0, ie(73, 0, 5)),
    ie(132, 0, 1, 1, 1, 1, 1, 0, 1),
  ),
  v2(32, given, n, imsiOf(1), fTeid(0, 10, n, '10.1.0.1'), ie(93, 0, ie(73, 0, 6))),
  v2(33, told, n, causeV2(16), fTeid(0, 11, 9, '10.0.0.1'), ie(181, 2, ie(182, 0, 50))),
  v2(34, given, n, fTeid(0, 10, n, '10.7.7.7'), ie(3, 0, n)),
  v2(35, told, n, causeV2(64)),
  v2(36, given, n, ie(73, 0, 5)),
  v2(66, given, 0x80_0000 + n, ie(93, 0, ie(73, 0, 5))),
  v2(99, told, 0x80_0000 + n, ie(73, 0, 5)),
  v2(95, told, n, ie(73, 0, 5)),
  v2(101, 0, n, ie(132, 0, 1, 1, 1, 1, 1, 0, 1), ie(132, 1, 0x12, 1, 1, 1, 1, 0, 1, 0, 2)),
  v2(176, told, n),
  v2(176, 0, n, imsiOf(1)),
  v2(70, given, n),
  v1(1, 0, n),
  v1(
    16,
    0,
    n,
    tv(2, 0, 1, 1, 0, 0, 0, 0, 0xf0),
    tv(14, 1),
    tv32(16, 5),
    tv32(17, n),
    tv(20, 5),
    gsn('10.3.0.1'),
    gsn('10.3.0.1'),
  ),
  v1(17, told, n, tv(1, 128), tv32(17, n), gsn('10.0.0.1')),
  v1(18, given, n, tv(14, n), tv32(17, n), gsn('10.3.0.1'), gsn('10.3.0.1')),
  v1(20, given, n, tv(19, 255), tv(20, 5)),
  v1(27, 0, n, tv(2, 0, 1, 1, 0, 0, 0, 0, 0xf0), tv32(17, n), gsn('10.0.0.1')),
]

function busyBed(): { bed: Bed; known: Known } {
  const bed = startedBed(pool, {
    limits: { sessions: 40, answers: 40, pending: 40, clients: 4 },
    timers: { exchangeMs: 5000, answersMs: 5000, echoMs: 2000, retransmitMs: 300, joinMs: 300 },
  })
  bed.client('10.3.0.1')
  bed.gateway('10.0.0.1').piggyback = (teid) => v2(95, teid, 0x99, ie(73, 0, 5))
  const { given } = bed.client('10.1.0.1').create(imsiOf(1))
  const [told = 0] = bed.gateway('10.0.0.1').sessions.values()
  return { bed, known: { given, told } }
}

const mutation = fc.record({
  template: fc.nat(20),
  other: fc.option(fc.nat(20), { freq: 5 }),
  sender: fc.nat(4),
  sequence: fc.nat(12),
  cuts: fc.option(fc.nat(90), { freq: 6 }),
  changes: fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 }),
  /** what the gateways do about it */
  gateways: fc.constantFrom('accept', 'accept', 'refuse', 'lose', 'wait', 'restart', 'forget'),
  pauseMs: fc.constantFrom(0, 0, 0, 100, 6000),
})

function misbehave(bed: Bed, address: string, how: string): void {
  const gateway = bed.gateway(address)
  gateway.cause = how === 'refuse' ? 73 : null
  gateway.lose = how === 'lose' ? 1 : 0
  gateway.waits = how === 'wait'
  if (how === 'restart') gateway.restart = (gateway.restart + 1) & 0xff
  if (how === 'restart' || how === 'forget') gateway.sessions.clear()
}

test('gtpc: whatever arrives, nothing is thrown, no limit is passed, and nothing is left in the end', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 40 }), (mutations) => {
        const { bed, known } = busyBed()
        for (const { changes, cuts, gateways, other, pauseMs, sender, sequence, template } of mutations) {
          for (const { address } of pool) misbehave(bed, address, gateways)
          const all = templates(known, sequence)
          const first = all[template]!.slice()
          // Another one behind it, piggybacked.
          if (other !== null) first[0] = first[0]! | 0x10
          const bytes = other === null ? first : Uint8Array.from([...first, ...all[other]!])
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
          const datagram = cuts === null ? bytes : bytes.subarray(0, cuts)
          bed.deliver({ address: senders[sender]!, port: 2123 }, datagram)
          bed.advance(pauseMs)
        }
        const { clients, pending, sessions } = bed.proxy.status()
        if (sessions > 40 || pending > 200 || clients.length > 4) return false
        for (const { address } of pool) bed.gateway(address).dead = true
        bed.advance(30_000)
        const after = bed.proxy.status()
        return after.sessions + after.clients.length === 0 && after.pending <= 2 * pool.length
      }),
      { numRuns: 300 },
    ),
  )
})

test('gtpc: messages of nothing but odd elements are refused or passed on, and leave the proxy at work', (t) => {
  const { bed, known } = busyBed()
  const place = { address: '10.1.0.1', port: 2123 }
  let sequence = 1000
  for (const type of [1, 2, 32, 33, 34, 36, 66, 70, 99, 101, 176]) {
    for (const element of [1, 2, 3, 71, 73, 75, 87, 93, 132, 180, 181, 255]) {
      for (const size of [0, 1, 5, 64]) {
        for (const teid of [0, known.given, known.told]) {
          const odd = ie(element, 0, new Uint8Array(size).fill(size))
          bed.deliver(place, v2(type, teid, sequence++, odd, fTeid(0, 10, sequence, '10.1.0.1'), odd))
        }
      }
    }
  }
  bed.advance(10_000)
  const client = bed.client('10.1.0.9')
  t.is(causeIn(client.create(imsiOf(7)).response), 16)
})

test('gtpc: a message as long as a datagram can be, whose elements grow on the way, is no harm', (t) => {
  const bed = startedBed(pool, { address: { ipv4: null, ipv6: '2001:db8::1' } })
  const node = 'fd00::1:1'
  const place = { address: node, port: 2123 }
  const filling = (count: number, element: Uint8Array): readonly Uint8Array[] =>
    Array.from({ length: count }, () => element)
  bed.deliver(place, v2(32, 0, 1, fTeid(0, 10, 5, node), ...filling(16_000, ie(3, 0)), ...filling(100, ie(87, 0))))
  bed.deliver(place, v2(32, 0, 2, fTeid(0, 10, 6, node), ...filling(16_300, ie(3, 0))))
  bed.deliver(place, v1(16, 0, 3, tv32(17, 5), gsn(node), gsn(node), ...filling(9300, gsn('10.1.0.1'))))
  t.is(bed.proxy.status().sessions, 2)
})
