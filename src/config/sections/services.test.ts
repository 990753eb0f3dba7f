import test from 'ava'
import fc from 'fast-check'
import {
  encapsulations,
  gtpcDefaults,
  modes,
  outOfTheBlues,
  selects,
  serviceDefaults,
  serviceKey,
  transports,
} from '../../lb/model.ts'
import { ConfigErrors } from '../errors.ts'
import { checkServiceInputs, parse } from '../parse.ts'
import { toService, toServiceInput } from './services.ts'
import type { ServiceInput } from './services.ts'

const web = { vip: '192.0.2.1', port: 80, protocol: 'tcp', endpoints: [{ address: '10.0.0.1' }] }

/** What is wrong with services: `path: message`. */
const mistakes = (...services: readonly object[]): readonly string[] => {
  try {
    checkServiceInputs(services.map((fields) => JSON.parse(JSON.stringify({ ...web, ...fields })) as unknown))
    return []
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error
    return error.errors.map((one) => `${one.path.replace(/^services/, '')}: ${one.message}`)
  }
}

const resolved = (fields: object) => {
  const [input] = checkServiceInputs([JSON.parse(JSON.stringify({ ...web, ...fields }))])
  if (input === undefined) throw new Error('no service')
  return toService(input, 'file')
}

test('service: a port is one, a range, or any; endpoints without one take that of the client', (t) => {
  t.like(resolved({}), { port: 80, lastPort: 80, name: '192.0.2.1:80/tcp', endpoints: [{ port: 80 }] })
  t.like(resolved({ port: '8000-8100' }), {
    port: 8000,
    lastPort: 8100,
    name: '192.0.2.1:8000-8100/tcp',
    endpoints: [{ port: 0 }],
  })
  t.like(resolved({ port: 'any' }), { port: 0, lastPort: 65535, name: '192.0.2.1:any/tcp', endpoints: [{ port: 0 }] })
  t.like(resolved({ port: 'any', endpoints: [{ address: '10.0.0.1', port: 5 }] }), { endpoints: [{ port: 5 }] })
  t.is(serviceKey(resolved({ port: '8000-8100' })), '192.0.2.1:8000/tcp' as ReturnType<typeof serviceKey>)
})

const out = {
  mode: 'masquerade',
  vip: '0.0.0.0',
  port: undefined,
  endpoints: undefined,
  allowedSources: ['10.2.0.0/16', '10.1.2.3/16'],
  sources: ['198.51.100.1'],
}

test('service: masquerade has one endpoint that nobody names, and its name and key say who is inside', (t) => {
  const made = resolved(out)
  t.like(made, {
    name: '0.0.0.0:any/tcp@10.1.0.0/16',
    port: 0,
    lastPort: 65535,
    announce: 'routed',
    allowedSources: ['10.2.0.0/16', '10.1.0.0/16'],
    endpoints: [{ address: '0.0.0.0', port: 0, weight: 1, drained: false }],
  })
  t.is(serviceKey(made), '0.0.0.0:0/tcp@10.1.0.0/16' as ReturnType<typeof serviceKey>)
  t.is(serviceKey({ ...made, allowedSources: made.allowedSources.toReversed() }), serviceKey(made))
  t.like(resolved({ ...out, protocol: 'icmp' }), { port: 0, lastPort: 0, name: '0.0.0.0:0/icmp@10.1.0.0/16' })
  t.like(toServiceInput(made), { port: 'any', endpoints: [] })
  t.deepEqual(toService(toServiceInput(made), 'file'), made)
})

test('service: two of masquerade that have the same clients inside are refused, and it is said which', (t) => {
  const named = { ...out, name: 'lan' }
  t.deepEqual(
    mistakes(named, { ...out, allowedSources: ['10.3.0.0/16'] }, { ...named, name: 'x', protocol: 'udp' }),
    [],
  )
  t.deepEqual(mistakes(named, { ...out, allowedSources: ['10.1.0.0/24', '10.1.0.0/16'] }), [
    '[1].allowedSources: tcp packets from 10.1.0.0/16 are already for services[0] (lan): one prefix and protocol has ' +
      'one pool; merge them or change one',
  ])
})

test('service: all other modes need endpoints', (t) => {
  t.deepEqual(mistakes({ endpoints: undefined }), ['[0].endpoints: is missing: add `endpoints:`. The servers.'])
})

for (const port of ['90-80', '0-10', '1-65536']) {
  test(`service: refuses the range ${port}`, (t) => {
    t.regex(mistakes({ port }).join(), /^\[0\]\.port: .* is no range of ports: write the lower one first/)
  })
}

for (const port of ['all', '80', '80-', '80-90-100', true, {}, 0, 65536, 1.5]) {
  test(`service: refuses ${JSON.stringify(port)} as a port`, (t) => {
    t.regex(mistakes({ port }).join(), /^\[0\]\.port: must be (a port from 1 to 65535, a range|a whole number from 1)/)
  })
}

test('service: what is left out is what the model has by default', (t) => {
  t.like(resolved({}), { ...serviceDefaults, endpoints: [{ blocked: false, priority: 0, serverId: null }] })
})

test('service: left out, direct return is by MAC address, and what comes out of the blue follows the hash', (t) => {
  t.is(resolved({ mode: 'dsr' }).encapsulation, 'l2')
  t.is(resolved({ select: 'hash' }).outOfTheBlue, 'hash')
  t.is(resolved({ select: 'hash', mode: 'dsr' }).outOfTheBlue, 'hash')
  t.is(resolved({ select: 'hash', mode: 'fullnat' }).outOfTheBlue, 'drop')
  t.is(resolved({ select: 'hash', protocol: 'sctp' }).outOfTheBlue, 'drop')
  t.is(resolved({ select: 'hash', endpoints: [{ address: 'fd00::1' }] }).outOfTheBlue, 'drop')
})

test('service: left out, a VIP is announced, unless it is every address or a mark chooses the packets', (t) => {
  t.is(resolved({}).announce, 'local')
  t.is(resolved({ mark: 1 }).announce, 'routed')
  t.is(resolved({ vip: '::', mode: 'hostonearm' }).announce, 'routed')
})

test('service: every family of VIP may have endpoints of every family', (t) => {
  const endpoints = [{ address: '10.0.0.1' }, { address: 'fd00::1' }]
  for (const vip of ['192.0.2.1', '2001:db8::1']) {
    for (const mode of ['dnat', 'onearm', 'fullnat']) t.deepEqual(mistakes({ vip, mode, endpoints }), [], mode)
  }
})

test('service: an address that is the VIP in another spelling is the VIP, further ones included', (t) => {
  const vips = ['2001:db8::2']
  t.regex(
    mistakes({ vips, endpoints: [{ address: '2001:DB8:0::2' }] }).join(),
    /^\[0\]\.endpoints\[0\].*the VIP itself/,
  )
  t.regex(mistakes({ vips: ['192.0.2.1'] }).join(), /^\[0\]\.vips\[0\]: 192\.0\.2\.1 is already vip of this service/)
  t.regex(mistakes({ vips: [...vips, '2001:db8:0::2'] }).join(), /^\[0\]\.vips\[1\]: .* is already vips\[0\]/)
  t.regex(mistakes({ vips: ['0.0.0.0'] }).join(), /^\[0\]\.vips\[0\]: 0\.0\.0\.0 stands for "any address"/)
})

test('service: ports of one VIP that meet are a conflict, and it is said which', (t) => {
  t.regex(
    mistakes({ name: 'a', port: '80-90' }, { port: 85 }).join(),
    /^\[1\]\.port: the tcp ports 85 of 192\.0\.2\.1 meet 80-90 of services\[0\] \(a\)/,
  )
  t.regex(mistakes({ port: 'any' }, { port: '5-6' }).join(), /^\[1\]\.port: the tcp ports 5-6 .* meet any of/)
  t.regex(mistakes({ port: 'any' }, { port: 'any' }).join(), /^\[1\]\.vip: the tcp ports any .* meet any of/)
  t.regex(
    mistakes({}, { vip: '192.0.2.2', vips: ['192.0.2.3', '192.0.2.1'] }).join(),
    /^\[1\]\.vips\[1\]: 192\.0\.2\.1:80\/tcp is already balanced by services\[0\]/,
  )
  t.regex(mistakes({ mark: 4 }, { mark: 4, vip: '192.0.2.2' }).join(), /^\[1\]\.mark: tcp packets with mark 4 are/)
  t.deepEqual(mistakes({ port: '80-90' }, { port: 91 }, { port: 85, protocol: 'sctp' }, { mark: 4 }), [])
})

test('service: a source address is no server of anybody and stands there once', (t) => {
  const fullnat = { mode: 'fullnat', sources: ['192.0.2.8', '192.0.2.9'] }
  t.deepEqual(mistakes(fullnat), [])
  t.regex(
    mistakes(fullnat, { name: 'b', port: 81, endpoints: [{ address: '192.0.2.9' }] }).join(),
    /^\[0\]\.sources\[1\]: 192\.0\.2\.9 is an endpoint of services\[1\] \(b\)/,
  )
  t.regex(mistakes({ ...fullnat, sources: ['192.0.2.8', '192.0.2.8'] }).join(), /^\[0\]\.sources\[1\]: .* is already/)
  t.regex(mistakes({ ...fullnat, sources: ['127.0.0.1'] }).join(), /^\[0\]\.sources\[0\]: .* cannot be a source/)
})

test('service: a prefix is one', (t) => {
  for (const prefix of ['10.0.0.0/33', '10.0.0/8', '::/129', ':::']) {
    t.regex(mistakes({ allowedSources: [prefix] }).join(), /^\[0\]\.allowedSources\[0\]: .* is no prefix/, prefix)
  }
  t.regex(mistakes({ allowedSources: ['all'] }).join(), /^\[0\]\.allowedSources\[0\]: must be a prefix like/)
})

test('service: what looks like a prefix of a UE pool is one, written in its only way (N4.5)', (t) => {
  const pools = (...uePools: readonly string[]) => {
    const n4 = { mode: 'proxy', select: 'n4', protocol: 'udp', port: 8805, n4: { tunnels: 'n3' } }
    return mistakes({ ...n4, endpoints: [{ address: '10.0.0.1', upf: { uePools } }] })
  }
  t.deepEqual(pools('10.45.0.0/16', '2001:db8::/32', '0.0.0.0/0', '10.45.0.1/32', 'pool-1', 'ten.45', 'fixed'), [])
  const at = (index: number): string => `[0].endpoints[0].upf.uePools[${index}]`
  const none = 'is no prefix: write one like 10.45.0.0/16 or 2001:db8::/32, or the name of a pool, which has no "/"'
  t.deepEqual(pools('10.45.0.0/33', 'a', '10.45/16', 'pool/1', '2001:db8::/129'), [
    `${at(0)}: 10.45.0.0/33 ${none}`,
    `${at(2)}: 10.45/16 ${none}`,
    `${at(3)}: pool/1 ${none}`,
    `${at(4)}: 2001:db8::/129 ${none}`,
  ])
  t.deepEqual(pools('10.45.0.1/16', '2001:DB8::/32', '10.45.0.1'), [
    `${at(0)}: 10.45.0.1/16 is the prefix 10.45.0.0/16: write it so`,
    `${at(1)}: 2001:DB8::/32 is the prefix 2001:db8::/32: write it so`,
    `${at(2)}: 10.45.0.1 is the prefix 10.45.0.1/32: write it so`,
  ])
})

test('service: two servers never have one server id', (t) => {
  const endpoints = [
    { address: '10.0.0.1', serverId: '0a0b' },
    { address: '10.0.0.2', serverId: '0A0B' },
  ]
  const quic = { serverIdLength: 2, nonceLength: 4 }
  t.regex(
    mistakes({ protocol: 'udp', select: 'quic', quic, endpoints }).join(),
    /^\[0\]\.endpoints\[1\]\.serverId: 0a0b is already that of endpoints\[0\]/,
  )
  t.deepEqual(mistakes({ endpoints }), [])
  for (const serverId of ['0', '0g', '']) {
    t.regex(mistakes({ endpoints: [{ address: '10.0.0.1', serverId }] }).join(), /must be bytes in hexadecimal/)
  }
  t.regex(mistakes({ protocol: 'udp', select: 'quic', quic: { ...quic, key: '00' } })[0] ?? '', /key of 16 bytes/)
})

test('service: 4,096 endpoints are possible, and not one more', (t) => {
  const endpoints = Array.from({ length: 4097 }, (_, i) => ({ address: `10.0.${i >> 8}.${i & 255}` }))
  t.deepEqual(mistakes({ endpoints: endpoints.slice(1) }), [])
  t.deepEqual(mistakes({ endpoints }), ['[0].endpoints: has 4097 items, more than the 4096 that are possible'])
})

test('service: further VIPs and prefixes count for the limits', (t) => {
  const text = (limits: string) => `version: 1
interfaces: [{ name: eth0 }]
limits: ${limits}
services:
  - { vip: 192.0.2.1, vips: [192.0.2.2], protocol: tcp, port: 80, allowedSources: [10.0.0.0/8], endpoints: [] }
`
  t.throws(() => parse(text('{ services: 1 }')), { message: /1 services with 2 VIPs are more than limits\.services/ })
  t.notThrows(() => parse(text('{ services: 2 }')))
})

test('encapsulation: the last 16 bits of a source are left free', (t) => {
  const text = (fields: string) => `version: 1\ninterfaces: [{ name: eth0 }]\nencapsulation: ${fields}\n`
  t.like(parse(text('{ source4: 10.9.0.0, source6: "FD00:1::", guePort: 1 }')).encapsulation, {
    source4: '10.9.0.0',
    source6: 'fd00:1::',
    guePort: 1,
  })
  t.throws(() => parse(text('{ source4: 10.9.0.1 }')), { message: /source4: the last 16 bits of 10\.9\.0\.1/ })
  t.throws(() => parse(text('{ source6: "fd00::1:0:1" }')), { message: /source6: the last 16 bits/ })
  t.throws(() => parse(text('{ source4: 224.0.0.0 }')), { message: /is multicast and no source/ })
  t.throws(() => parse(text('{ source6: 10.9.0.0 }')), { message: /source6: must be an IPv6 address/ })
})

const gtpc = { protocol: 'udp', port: 2123, mode: 'proxy', select: 'gtpc' }

test('service: GTP-C has its settings where none are written, and is written back as it stands', (t) => {
  t.like(resolved(gtpc), { gtpc: gtpcDefaults, announce: 'local', endpoints: [{ port: 2123, gtpVersions: [] }] })
  t.is(resolved({}).gtpc, null)
  const endpoints = [{ address: '10.0.0.1', gtpVersions: [2] }]
  const made = resolved({ ...gtpc, gtpc: { versions: [2, 1, 2], balance: 'hash', echo: 0, t3: 500 }, endpoints })
  t.deepEqual(made.gtpc, { ...gtpcDefaults, balance: 'hash', echo: 0, t3: 500 })
  t.deepEqual(made.endpoints[0]?.gtpVersions, [2])
  const [again] = checkServiceInputs([JSON.parse(JSON.stringify(toServiceInput(made)))])
  t.deepEqual(again && toService(again, 'file'), made)
})

const wrongGtpc: readonly (readonly [object, string])[] = [
  [{ versions: [] }, 'versions: needs at least 1'],
  [{ versions: [0] }, 'versions[0]: must be a whole number from 1 to 2'],
  [{ balance: 'rr' }, 'balance: must be one of least-sessions, weighted, hash'],
  [{ echo: 3601 }, 'echo: must be a whole number from 0 to 3600'],
  [{ t3: 99 }, 't3: must be'],
  [{ n3: 17 }, 'n3: must be'],
  [{ wait: 0 }, 'wait: must be'],
  [{ drain: 0 }, 'drain: must be'],
  [{ timeout: 1 }, 'timeout: there is no field'],
]
for (const [settings, message] of wrongGtpc) {
  test(`service: refuses ${JSON.stringify(settings)} of gtpc, and says where`, (t) => {
    const found = mistakes({ ...gtpc, gtpc: settings })
    t.is(found.length, 1, found.join('\n'))
    t.true(found[0]?.startsWith(`[0].gtpc.${message}`), found[0])
  })
}

// Services as they may be written: most are refused for what they combine, and the rest must survive.
const anyAddress = fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', 'FD00:0::2')
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, value)
const anyService = fc.record(
  {
    name: fc.constantFrom('web', 'dns'),
    vip: fc.constantFrom('192.0.2.1', '2001:DB8::1', '::'),
    vips: optional(fc.subarray(['192.0.2.2', '2001:db8:0::2'])),
    port: fc.constantFrom<number | string | undefined>(80, '80-90', 'any', undefined),
    protocol: fc.constantFrom(...transports),
    mode: optional(fc.constantFrom(...modes)),
    encapsulation: optional(fc.constantFrom(...encapsulations)),
    select: optional(fc.constantFrom(...selects)),
    persistTimeout: fc.integer({ min: 1, max: 10 }),
    miss: optional(fc.constantFrom('hash', 'drop', 'error')),
    quic: optional(fc.constant({ serverIdLength: 1, nonceLength: 4, key: 'Ab'.repeat(16) })),
    gtpc: optional(fc.constant({ versions: [2, 1], echo: 0 })),
    outOfTheBlue: optional(fc.constantFrom(...outOfTheBlues)),
    alg: optional(fc.constantFrom('ftp', 'tftp')),
    mark: optional(fc.integer({ min: 1, max: 3 })),
    allowedSources: fc.subarray(['10.1.0.0/8', '2001:db8::/32', '192.0.2.7']),
    idleTimeout: optional(fc.integer({ min: 1, max: 10 })),
    resetOnIdle: optional(fc.boolean()),
    embryonicLimit: optional(fc.integer({ min: 1, max: 10 })),
    sources: optional(fc.subarray(['192.0.2.8', 'fd00::8'])),
    announce: optional(fc.constantFrom('local', 'routed')),
    endpoints: fc.uniqueArray(
      fc.record(
        {
          address: anyAddress,
          port: fc.integer({ min: 1, max: 65535 }),
          weight: fc.integer({ min: 0, max: 255 }),
          drained: fc.boolean(),
          blocked: fc.boolean(),
          priority: fc.integer({ min: 0, max: 3 }),
          serverId: fc.constantFrom('0a', '0B'),
        },
        { requiredKeys: ['address'] },
      ),
      { maxLength: 3, selector: ({ address }) => address },
    ),
  },
  { requiredKeys: ['vip', 'protocol', 'endpoints'] },
)

test('service: what the model holds, written down and read again, is the same', (t) => {
  let accepted = 0
  fc.assert(
    fc.property(anyService, (fields) => {
      let input: ServiceInput | undefined
      try {
        ;[input] = checkServiceInputs([JSON.parse(JSON.stringify(fields))])
      } catch (error) {
        if (error instanceof ConfigErrors) return
        throw error
      }
      if (input === undefined) return
      accepted++
      const service = toService(input, 'api', { kept: true })
      const [again] = checkServiceInputs([JSON.parse(JSON.stringify(toServiceInput(service)))])
      t.deepEqual(again && toService(again, 'api', { kept: true }), service)
    }),
    { numRuns: 20_000 },
  )
  t.true(accepted > 50, `${accepted} services were accepted`)
})
