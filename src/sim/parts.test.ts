// The parts of simulated peers that have rules of their own.

import { shortAddressBytes } from '../wire/ip.ts'
import test from 'ava'
import { internetChecksum, pseudoHeaderSum } from '../wire/checksum.ts'
import { textOf, UePrefix } from './addresses.ts'
import { Jobs } from './jobs.ts'
import { Latencies } from './latencies.ts'
import { Pace } from './pace.ts'
import { Requests } from './requests.ts'
import { Teids, UeAddresses } from './upf-pools.ts'
import { countPacket, markOf, nameUpf, sessionOf, turnRound, upfOf, userPacket } from './user-packet.ts'

/** 0 if the checksum is right. */
const udpChecksum = (packet: Uint8Array): number => {
  const [addresses, length, header] = packet[0]! >> 4 === 4 ? [12, 4, 20] : [8, 16, 40]
  const udp = packet.subarray(header)
  const source = packet.subarray(addresses, addresses + length)
  const destination = packet.subarray(addresses + length, addresses + 2 * length)
  return internetChecksum(udp, pseudoHeaderSum(source, destination, 17, udp.length))
}

for (const [family, ue, server] of [
  [4, '10.48.0.1', '192.0.2.1'],
  [6, '2001:db8:1::1', '2001:db8:ffff::1'],
] as const) {
  test(`sim: checksums of packets over IPv${family} stay right, whatever their marks say`, (t) => {
    const packet = userPacket(shortAddressBytes(ue), shortAddressBytes(server), 70_000, 111)
    const mark = markOf(packet, 0)
    t.is(sessionOf(packet, mark), 70_000)
    t.is(upfOf(packet, mark), 0)
    t.is(udpChecksum(packet), 0)
    countPacket(packet, mark, 0xdead_beef)
    t.is(udpChecksum(packet), 0)
    turnRound(packet, 0, mark)
    nameUpf(packet, mark, 513)
    t.is(udpChecksum(packet), 0)
    t.is(upfOf(packet, mark), 513)
    if (family === 4) t.is(internetChecksum(packet.subarray(0, 20)), 0)
    t.is(textOf(family === 4 ? packet.subarray(16, 20) : packet.subarray(24, 40)), ue)
  })
}

test('sim: a packet without a mark is not of a simulated UE', (t) => {
  const packet = userPacket(shortAddressBytes('10.0.0.1'), shortAddressBytes('10.0.0.2'), 1, 100)
  t.is(markOf(packet.subarray(0, 40), 0), -1)
  packet[28] = 0
  t.is(markOf(packet, 0), -1)
})

test('sim: a prefix of UEs gives each an address of its own, and none that is no host', (t) => {
  const four = new UePrefix('10.0.0.248/29')
  t.deepEqual(
    Array.from({ length: four.size }, (_, i) => textOf(four.at(i))),
    ['10.0.0.249', '10.0.0.250', '10.0.0.251', '10.0.0.252', '10.0.0.253', '10.0.0.254'],
  )
  const six = new UePrefix('2001:db8:40::/62')
  t.deepEqual(
    Array.from({ length: six.size }, (_, i) => textOf(six.at(i))),
    ['2001:db8:40::1', '2001:db8:40:1::1', '2001:db8:40:2::1', '2001:db8:40:3::1'],
  )
  for (const text of ['10.0.0.1/24', '10.0.0.0/31', '10.0.0.0', '2001:db8::/64', '2001::/16', 'ten/8'])
    t.throws(() => new UePrefix(text), { instanceOf: RangeError }, text)
})

test('sim: addresses and TEIDs are given to one holder at a time, until there are none', (t) => {
  const ues = new UeAddresses(new UePrefix('10.0.0.0/30'))
  const given = [ues.give(), ues.give()]
  t.deepEqual(
    given.map((ue) => textOf(ue!.address)),
    ['10.0.0.1', '10.0.0.2'],
  )
  t.is(ues.give(), null)
  ues.free(0)
  t.is(textOf(ues.give()!.address), '10.0.0.1')
  const teids = new Teids<string>({ value: 0xfe, bits: 7 }, 2 ** 25 - 1)
  t.is(teids.give('a'), 0xffff_ffff)
  t.is(teids.give('b'), 0xfe00_0000)
  t.false(teids.take(0xfe00_0000, 'c'))
  teids.free(0xfe00_0000)
  t.true(teids.take(0xfe00_0000, 'c'))
  t.is(teids.holderOf(0xfe00_0000), 'c')
})

test('sim: a pace makes up for a little time, not for much', (t) => {
  const pace = new Pace(1000, 0)
  t.is(pace.due(0), 0)
  t.is(pace.due(10), 10)
  pace.take(10)
  t.is(pace.due(10), 0)
  t.is(pace.due(60_000), 100)
})

test('sim: a job never has more under way than it may, and ends early when it is cancelled', async (t) => {
  const jobs = new Jobs(() => 0)
  const open: (() => void)[] = []
  const begin = (ended: () => void): void => void open.push(ended)
  const all = jobs.run(5, { perSecond: Infinity, concurrency: 2 }, begin)
  t.is(open.length, 2)
  open.shift()!()
  t.is(open.length, 2)
  jobs.cancel()
  for (const ended of open.splice(0)) ended()
  t.is(await all, 3)
  t.is(await jobs.run(0, { perSecond: 1, concurrency: 1 }, begin), 0)
})

test('sim: percentiles are right to a twentieth', (t) => {
  const latencies = new Latencies()
  for (let ms = 1; ms <= 1000; ms++) latencies.add(ms)
  const { count, maxMs, p50Ms, p99Ms } = latencies.summary()
  t.is(count, 1000)
  t.is(maxMs, 1000)
  t.true(p50Ms >= 500 && p50Ms <= 525, `${p50Ms}`)
  t.true(p99Ms >= 990 && p99Ms <= 1000, `${p99Ms}`)
  t.deepEqual(new Latencies().summary(), { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 })
})

test('sim: sequence numbers go round behind 24 bits, past those that wait', (t) => {
  const sent: number[] = []
  const send = (bytes: Uint8Array): void => void sent.push((bytes[4]! << 16) | (bytes[5]! << 8) | bytes[6]!)
  const requests = new Requests({ retransmitMs: 1000, tries: 1, firstSequence: 2 ** 24 - 1, send })
  const to = { address: '10.0.0.1', port: 8805 }
  for (let i = 0; i < 3; i++) requests.ask(to, { type: 1, seid: null, elements: [] }, 0, () => undefined)
  t.deepEqual(sent, [2 ** 24 - 1, 0, 1])
  const answer = { type: 2, seid: null, sequence: 0, priority: null, followOn: false, spare: 0, body: new Uint8Array() }
  t.is(requests.take(answer, { ...to, port: 1 }, 0), 'wrong sender')
  t.is(requests.take({ ...answer, type: 6 }, to, 0), 'wrong type')
  t.is(requests.take(answer, to, 0), 'taken')
  t.is(requests.take(answer, to, 0), 'unasked')
  requests.tick(1000)
  t.is(requests.outstanding, 0)
  t.is(requests.unanswered, 2)
})
