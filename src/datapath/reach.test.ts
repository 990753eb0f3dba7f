import test from 'ava'
import { endpoint, service } from '../testing/services.ts'
import { endpointEntry } from './entries.ts'
import { readEndpointReturn, readServiceKey, settingsFeatures } from './layout.gen.ts'
import { isVip, markOf, reachOf, readTarget, serviceKeyBytes, targetsOf, vipKeyBytes } from './reach.ts'
import type { Service } from '../lb/model.ts'
import type { Reach } from './reach.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const reach = (given: Partial<Service>): Reach => {
  const whole = service(given)
  return reachOf(
    7,
    whole,
    whole.endpoints.map((each, index) => ({ id: 20 + index, entry: endpointEntry(7, whole, each, () => null) })),
  )
}

test('reach: the key of a service is its address, its port in network order and its protocol', (t) => {
  const bytes = serviceKeyBytes({ address: '192.0.2.1', port: 0x1234, protocol: 'udp' })
  t.is(hex(bytes), '00000000000000000000ffffc00002011234000011000000')
  t.like(readServiceKey(new DataView(bytes.buffer), 0), { port: 0x1234, protocol: 17, zone: 0 })
  t.is(hex(vipKeyBytes('2001:db8::1')), '20010db800000000000000000000000100000000')
  t.is(hex(serviceKeyBytes({ address: '2001:db8::1', port: 0, protocol: 'icmp' })).slice(-8), '01000000')
})

test('reach: a service stands under each of its VIPs', (t) => {
  const found = reach({ secondary: ['192.0.2.2', '2001:db8::1'] })
  t.deepEqual(
    [...found.targets.values()].map(({ key }) => hex(key.subarray(0, 16))),
    ['00000000000000000000ffffc0000201', '00000000000000000000ffffc0000202', '20010db8000000000000000000000001'],
  )
  t.deepEqual(
    found.vips.map(({ address }) => address),
    ['192.0.2.1', '192.0.2.2', '2001:db8::1'],
  )
  t.is(found.features, 0)
})

test('reach: a range is prefixes of ports, any port is one prefix without a port', (t) => {
  const keys = (given: Partial<Service>): readonly string[] =>
    [...targetsOf(service(given)).values()].map(({ map, key }) => `${map} ${hex(key)}`)
  const vip = '00000000000000000000ffffc0000201'
  t.deepEqual(keys({ port: 8000, lastPort: 8005 }), [
    // 128 + 16 + 8 bits and those of the port, in the machine's order
    `service_ranges a6000000${vip}0000061f40000000`,
    `service_ranges a7000000${vip}0000061f44000000`,
  ])
  t.deepEqual(keys({ port: 0, protocol: 'sctp' }), [`service_ranges 98000000${vip}0000840000000000`])
  t.deepEqual(keys({ port: 0, protocol: 'icmp' }), [`services ${vip}0000000001000000`])
  t.is(reach({ port: 8000, lastPort: 8005 }).features, settingsFeatures.ranges)
  t.true(reach({ port: 0 }).vips[0]?.isRange)
  t.deepEqual(
    [...targetsOf(service({ port: 8000, lastPort: 8005 })).values()].map(readTarget).map(({ port }) => port),
    [8000, 8004],
  )
})

test('reach: a mark has an address that no packet has', (t) => {
  const found = reach({ mark: 0x0a0b0c0d })
  const [target] = found.targets.values()
  t.is(hex(target!.key), '00000000000000000000fffe0a0b0c0d0000000006000000')
  t.deepEqual([found.vips, found.features], [[], settingsFeatures.marks])
  const { address } = readTarget(target!)
  t.deepEqual([markOf(address), isVip(address)], [0x0a0b0c0d, false])
})

test('reach: every address of this host is the unspecified one of its family', (t) => {
  for (const [address, key] of [
    ['0.0.0.0', '00000000000000000000ffff00000000'],
    ['::', '00000000000000000000000000000000'],
  ] as const) {
    const found = reach({ mode: 'hostonearm', address })
    const [target] = found.targets.values()
    t.is(hex(target!.key.subarray(0, 16)), key)
    t.deepEqual([found.vips, found.features], [[], settingsFeatures.host])
    t.is(markOf(readTarget(target!).address), null)
    t.false(isVip(readTarget(target!).address))
  }
})

test('reach: prefixes of sources stand behind the number of the service', (t) => {
  const { sources } = reach({ allowedSources: ['10.0.0.0/8', '2001:db8::/32'] })
  t.deepEqual([...sources.values()].map(hex), [
    // 32 + 104 and 32 + 32 bits
    '880000000000000700000000000000000000ffff0a000000',
    '400000000000000720010db8000000000000000000000000',
  ])
})

test('reach: endpoints of services without flows have a way back, and their ports carry session keys too', (t) => {
  const endpoints = [endpoint('10.0.0.1', { port: 2153 }), endpoint('10.0.0.2', { port: 0 })]
  const n3 = reach({ select: 'n3', protocol: 'udp', port: 2152, endpoints })
  t.deepEqual([...n3.sessionPorts], [2152, 2153])
  t.is(n3.features, settingsFeatures.sessions)
  const [first, second] = n3.returns.values()
  t.is(hex(first!.key), '00000000000000000000ffff0a0000010869000011000000')
  t.is(hex(second!.key), '00000000000000000000ffff0a0000020868000011000000')
  t.like(readEndpointReturn(new DataView(first!.value.buffer), 0), { port: 2152, service: 7, endpoint: 20 })
  t.is(hex(first!.value.subarray(0, 16)), '00000000000000000000ffffc0000201')
  const rr = reach({ protocol: 'udp', port: 2152, endpoints })
  t.deepEqual([rr.returns.size, rr.sessionPorts.size, rr.features], [0, 0, 0])
})

test('reach: inside clients lead to their service by protocol and prefix, which are no sources of it', (t) => {
  const found = reach({
    mode: 'masquerade',
    address: '0.0.0.0',
    port: 0,
    protocol: 'udp',
    endpoints: [],
    allowedSources: ['10.0.0.0/8', '192.168.7.0/24'],
    sources: ['198.51.100.1', '198.51.100.2'],
  })
  const targets = [...found.targets.values()]
  t.deepEqual(
    targets.map(({ map, key }) => `${map} ${hex(key)}`),
    [
      // 32 + 104 and 32 + 120 bits, and the number of UDP where others have that of the service
      'masquerades 880000000000001100000000000000000000ffff0a000000',
      'masquerades 980000000000001100000000000000000000ffffc0a80700',
    ],
  )
  t.like(readTarget(targets[1]!), { port: 0, protocol: 17, insideBits: 120 })
  t.deepEqual([found.vips, found.sources.size, found.answering.size], [[], 0, 0])
  t.deepEqual([...found.pool], ['198.51.100.1', '198.51.100.2'])
  t.is(found.features, settingsFeatures.masquerade)
})
