// Expectations over the maps and numbers that services have.

import { pinsFor, SmallMaps } from '../testing/datapath/small-maps.ts'
import { testWith } from '../testing/needs.ts'
import { endpoint, service } from '../testing/services.ts'
import { addressBytes, formatAddress } from '../wire/ip.ts'
import { Expectations } from './expectations.ts'
import { serviceKeySize, vipKeySize } from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import type { Expectation } from './expectations.ts'

const needs = ['root', 'bpf'] as const
const vip = '192.0.2.1'
const ftp = service({ address: vip, port: 21, alg: 'ftp', mode: 'fullnat', endpoints: [endpoint('10.0.0.5')] })
const expected = (part: Partial<Expectation> = {}): Expectation => ({
  service: 1,
  protocol: 6,
  address: addressBytes(vip),
  port: 5282,
  from: addressBytes('192.0.2.9'),
  to: { address: addressBytes('10.0.0.5'), port: 6000 },
  source: addressBytes(vip),
  lifetimeMs: 60_000,
  owner: 'a',
  ...part,
})
const over = (maps: SmallMaps, limit = 10): Expectations =>
  new Expectations({
    fd: maps.loaded.fds.services,
    room: maps.services.expectationRoom,
    limit,
    now: () => maps.now,
    random: () => 0,
  })
const services = (maps: SmallMaps): number => mapKeys(maps.loaded.fds.services, serviceKeySize).length

testWith(needs, 'expectations: numbers and ports come back, however many there have been', (t) => {
  const maps = SmallMaps.open(t)
  maps.add(ftp)
  const expectations = over(maps)
  for (let count = 0; count < 50; count++) {
    t.is(expectations.expect(expected({ port: 5000 + count, owner: String(count) })), null, String(count))
    t.is(services(maps), 2)
    maps.now += 60_000
    expectations.step()
    t.is(services(maps), 1)
    maps.now += 1000
    expectations.step()
    maps.settle()
  }
})

testWith(needs, 'expectations: one that has no number is refused, and services are as before', (t) => {
  const maps = SmallMaps.open(t)
  maps.add(ftp)
  const expectations = over(maps)
  const answers = [1, 2, 3, 4].map((count) =>
    expectations.expect(expected({ port: 5000 + count, owner: String(count) })),
  )
  t.deepEqual(answers, [null, null, null, 'no service number'])
  t.is(services(maps), 4)
})

testWith(needs, 'expectations: connections are shown as those of the service that announced them', (t) => {
  const maps = SmallMaps.open(t)
  maps.add(ftp)
  const id = maps.entry(ftp)!.id
  over(maps).expect(expected({ service: id }))
  t.is(maps.services.serviceOf(id === 1 ? 2 : 1)?.name, ftp.name)
})

testWith(needs, 'expectations: after a restart nothing is waited for that was announced before', (t) => {
  const pins = pinsFor(t)
  const first = new SmallMaps({ pins })
  first.add(ftp)
  const foreign = { address: addressBytes('192.0.2.9'), port: 7000, from: addressBytes('10.0.0.5'), owner: 'b' }
  over(first).expect(expected())
  over(first).expect(expected(foreign))
  t.is(services(first), 3)
  first.close()

  const second = SmallMaps.open(t, { pins })
  second.add(ftp)
  t.is(services(second), 1)
  const vips = mapKeys(second.loaded.fds.vips, vipKeySize).map((key) => formatAddress(key))
  t.deepEqual([vips.includes(vip), vips.includes('192.0.2.9')], [true, false])
  second.settle()
  const expectations = over(second)
  for (const owner of ['x', 'y', 'z'])
    t.is(expectations.expect(expected({ port: owner.charCodeAt(0) + 5000, owner })), null)
})
