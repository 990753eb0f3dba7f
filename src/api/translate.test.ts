import test from 'ava'
import fc from 'fast-check'
import { endpointDefaults, makeService, serviceDefaults, serviceKey } from '../lb/model.ts'
import type { Service } from '../lb/model.ts'
import type { LoadbalanceEntry } from './schemas.ts'
import { Refused } from './errors.ts'
import { editFor, fromLoxilb, shownName, toLoxilb } from './translate.ts'

type Arguments = LoadbalanceEntry['serviceArguments']

const entry = (args: Partial<Arguments> = {}, more: Partial<LoadbalanceEntry> = {}): LoadbalanceEntry => ({
  serviceArguments: { externalIP: '10.0.0.1', port: 80, protocol: 'tcp', ...args },
  endpoints: [
    { endpointIP: '10.1.0.1', targetPort: 8080, weight: 1 },
    { endpointIP: '10.1.0.2', targetPort: 8080, weight: 2 },
  ],
  ...more,
})

const statusOf = (service: Service) => ({
  service,
  counters: { packets: 0n, bytes: 0n, flows: 0n },
  endpoints: service.endpoints.map(({ address, port }) => ({
    address,
    port,
    counters: { packets: 3n, bytes: 200n, flows: 1n },
    activeFlows: 0,
  })),
})

const put = (from: LoadbalanceEntry, services: readonly Service[] = []): Service => {
  const [service] = editFor(from, services).put ?? []
  if (service === undefined) throw new Error('not a put')
  return service
}

/** What GET shows, through JSON and back. */
const shown = (service: Service): LoadbalanceEntry =>
  JSON.parse(JSON.stringify(toLoxilb(statusOf(service)))) as LoadbalanceEntry

test('translate: an entry becomes a service of the API with our words', (t) => {
  t.deepEqual(fromLoxilb(entry({ mode: 2, sel: 1, name: 'web', managed: true, inactiveTimeOut: 1800 }), []), {
    ...serviceDefaults,
    name: 'web',
    owner: 'api',
    address: '10.0.0.1',
    port: 80,
    lastPort: 80,
    protocol: 'tcp',
    mode: 'fullnat',
    select: 'hash',
    idleTimeout: 1800,
    resetOnIdle: true,
    endpoints: [
      { ...endpointDefaults, address: '10.1.0.1', port: 8080 },
      { ...endpointDefaults, address: '10.1.0.2', port: 8080, weight: 2 },
    ],
    annotations: { managed: true },
  })
})

test('translate: a service without a name is named by its address, port and protocol', (t) => {
  t.is(fromLoxilb(entry(), []).name, '10.0.0.1:80/tcp')
})

const refusals: readonly (readonly [string, LoadbalanceEntry, RegExp])[] = [
  ['fullproxy', entry({ mode: 4 }), /mode 4 \(fullproxy\)/],
  ['n2', entry({ sel: 5 }), /sel 5 \(n2\)/],
  ['bgp', entry({ bgp: true }), /bgp/],
  ['TLS', entry({ security: 1 }), /security/],
  ['snat', entry({ snat: true }), /snat/],
  ['egress', entry({ egress: true }), /egress/],
  ['the proxy protocol', entry({ proxyprotocolv2: true }), /proxyprotocolv2/],
  ['a host name', entry({ host: 'a.example' }), /host/],
  ['a private address', entry({ privateIP: '10.9.9.9' }), /privateIP/],
  ['no address', entry({ externalIP: '10.0.0' }), /externalIP: "10.0.0" is not an IP address/],
  ['no endpoint address', entry({}, { endpoints: [{ endpointIP: 'x', targetPort: 1, weight: 1 }] }), /endpointIP/],
]

for (const [title, asked, reason] of refusals) {
  test(`translate: refuses ${title} with its reason`, (t) => {
    t.regex(t.throws(() => fromLoxilb(asked, []), { instanceOf: Refused }).message, reason)
  })
}

test('translate: names every field it refuses at once', (t) => {
  const { message } = t.throws(() => fromLoxilb(entry({ bgp: true, sel: 5, mode: 4 }), []), { instanceOf: Refused })
  t.regex(message, /mode 4.*sel 5.*bgp/)
})

test('translate: takes foreign fields whose value asks for nothing', (t) => {
  const harmless = entry(
    { bgp: false, block: 0, security: 0, host: '', portMax: 80, privateIP: '10.0.0.1', egress: false },
    { allowedSources: [], secondaryIPs: [{ secondaryIP: '10.0.0.9' }] },
  )
  t.deepEqual(fromLoxilb(harmless, []), fromLoxilb(entry(), []))
})

const words: readonly (readonly [string, LoadbalanceEntry, Partial<Service>])[] = [
  [
    'sctp with further VIPs',
    entry({ protocol: 'sctp' }, { secondaryIPs: [{ secondaryIP: '10.0.0.9' }] }),
    { protocol: 'sctp', secondary: ['10.0.0.9'] },
  ],
  ['an IPv6 VIP', entry({ externalIP: '2001:DB8::0:1' }), { address: '2001:db8::1', name: '[2001:db8::1]:80/tcp' }],
  ['dsr', entry({ mode: 3, sel: 1 }), { mode: 'dsr', encapsulation: 'l2', select: 'hash', outOfTheBlue: 'hash' }],
  ['hostonearm', entry({ mode: 5, externalIP: '0.0.0.0' }), { mode: 'hostonearm', announce: 'routed' }],
  ['priority, which are weights', entry({ sel: 2 }), { select: 'rr', annotations: { sel: 2 } }],
  ['persist', entry({ sel: 3 }), { select: 'persist' }],
  ['lc', entry({ sel: 4 }), { select: 'lc' }],
  ['n3', entry({ sel: 6, protocol: 'udp' }), { select: 'n3', annotations: {} }],
  ["kube-loxilb's n3", entry({ sel: 7, protocol: 'udp' }), { select: 'n3', annotations: { sel: 7 } }],
  ['a firewall mark', entry({ block: 3 }), { mark: 3, name: '10.0.0.1:80/tcp@3' }],
  ['a port range', entry({ portMax: 90 }), { port: 80, lastPort: 90, name: '10.0.0.1:80-90/tcp' }],
  ['any port', entry({ port: 0, portMax: 65535 }), { port: 0, lastPort: 65535, name: '10.0.0.1:any/tcp' }],
  ['allowed sources', entry({}, { allowedSources: [{ prefix: '10.0.0.0/8' }] }), { allowedSources: ['10.0.0.0/8'] }],
  ['an idle timeout, at which TCP is reset', entry({ inactiveTimeOut: 60 }), { idleTimeout: 60, resetOnIdle: true }],
  ['one for UDP', entry({ inactiveTimeOut: 60, protocol: 'udp' }), { idleTimeout: 60, resetOnIdle: false }],
  [
    'our own fields',
    entry({}, { sluice: { alg: 'ftp', sources: ['10.0.0.8'] } }),
    { alg: 'ftp', sources: ['10.0.0.8'] },
  ],
]

for (const [title, asked, expected] of words) {
  test(`translate: takes ${title}, and GET gives it back as it was sent`, (t) => {
    const service = fromLoxilb(asked, [])
    t.like(service, expected)
    const { serviceArguments: args, ...lists } = shown(service)
    t.like(args, { ...asked.serviceArguments, externalIP: service.address })
    t.like(lists, { secondaryIPs: asked.secondaryIPs ?? [], allowedSources: asked.allowedSources ?? [] })
    t.deepEqual(lists.sluice, asked.sluice)
    t.deepEqual(fromLoxilb(shown(service), []), service)
  })
}

test('translate: the first port of a range as target keeps the port of the client, another one is for all', (t) => {
  const endpoints = [
    { endpointIP: '10.1.0.1', targetPort: 80 },
    { endpointIP: '10.1.0.2', targetPort: 8080 },
  ]
  const service = fromLoxilb(entry({ portMax: 90 }, { endpoints }), [])
  t.deepEqual(
    service.endpoints.map(({ port }) => port),
    [0, 8080],
  )
  t.deepEqual(
    shown(service).endpoints.map(({ targetPort }) => targetPort),
    [80, 8080],
  )
})

test('translate: what loxilb has no word for stays, while mode and selection do', (t) => {
  const existing: Service = {
    ...fromLoxilb(entry({ mode: 2, sel: 3 }), []),
    persistTimeout: 60,
    alg: 'ftp',
    embryonicLimit: 9,
    sources: ['10.0.0.8'],
    announce: 'routed',
    secondary: ['10.0.0.9'],
  }
  t.deepEqual(fromLoxilb(entry({ mode: 2, sel: 3 }), [existing]), existing)
  t.like(fromLoxilb(entry({ mode: 0, sel: 3 }), [existing]), { sources: [], alg: null, persistTimeout: 10_800 })
  t.like(fromLoxilb(entry({ mode: 2, sel: 3 }, { sluice: {} }), [existing]), { sources: [], alg: null })
})

test('translate: a selection that loxilb does not have stays what it is', (t) => {
  const made = fromLoxilb(entry({ protocol: 'udp' }), [])
  for (const select of ['priority', 'hint', 'quic'] as const) {
    const existing: Service = { ...made, select }
    const { sluice, ...plain } = shown(existing)
    t.like(sluice, { select })
    t.is(fromLoxilb(plain, [existing]).select, select)
    t.deepEqual(fromLoxilb(shown(existing), []), existing)
  }
})

test('translate: a name that another service has is shown again and is unique inside', (t) => {
  const first = fromLoxilb(entry({ name: 'ns_svc:llb-inst0' }), [])
  const second = fromLoxilb(entry({ name: 'ns_svc:llb-inst0', port: 443 }), [first])
  t.is(second.name, 'ns_svc:llb-inst0@10.0.0.1:443/tcp')
  t.is(shownName(second), 'ns_svc:llb-inst0')
  // Sent again, both stay what they are.
  t.deepEqual(fromLoxilb(entry({ name: 'ns_svc:llb-inst0' }), [first, second]), first)
  t.deepEqual(fromLoxilb(entry({ name: 'ns_svc:llb-inst0', port: 443 }), [first, second]), second)
})

test('translate: a list that is sent again does not undo a drain', (t) => {
  const made = fromLoxilb(entry(), [])
  const drained = { ...made, endpoints: made.endpoints.map((one, index) => ({ ...one, drained: index === 0 })) }
  t.deepEqual(fromLoxilb(entry(), [drained]), drained)
})

test('translate: attach adds end points, changes the weight of known ones and keeps the rest', (t) => {
  const existing = fromLoxilb(entry({ mode: 1 }), [])
  const more = entry(
    { oper: 1 },
    {
      endpoints: [
        { endpointIP: '10.1.0.2', targetPort: 8080, weight: 9 },
        { endpointIP: '10.1.0.3', targetPort: 8080, weight: 3 },
      ],
    },
  )
  const service = put(more, [existing])
  t.is(service.mode, 'onearm')
  t.deepEqual(
    service.endpoints.map(({ address, weight }) => [address, weight]),
    [
      ['10.1.0.1', 1],
      ['10.1.0.2', 9],
      ['10.1.0.3', 3],
    ],
  )
})

test('translate: attach to nothing makes the service', (t) => {
  t.deepEqual(put(entry({ oper: 1 })), fromLoxilb(entry(), []))
})

test('translate: detach takes end points away, and the service with the last one', (t) => {
  const existing = fromLoxilb(entry(), [])
  const one = { endpointIP: '10.1.0.1', targetPort: 8080, weight: 1 }
  t.deepEqual(
    put(entry({ oper: 2 }, { endpoints: [one] }), [existing]).endpoints.map(({ address }) => address),
    ['10.1.0.2'],
  )
  t.deepEqual(editFor(entry({ oper: 2 }), [existing]), { remove: [serviceKey(existing)] })
})

test('translate: detach says which end point is not there', (t) => {
  const existing = fromLoxilb(entry(), [])
  const gone = entry({ oper: 2 }, { endpoints: [{ endpointIP: '10.1.0.9', targetPort: 1, weight: 1 }] })
  t.throws(() => editFor(gone, [existing]), { message: /10\.1\.0\.9:1 is no end point/ })
  t.throws(() => editFor(gone, []), { message: /no-rule/ })
})

test('translate: counters are packets:bytes, and what takes no new flows is inactive', (t) => {
  const made = fromLoxilb(entry({}, { endpoints: [{ endpointIP: '10.1.0.1', targetPort: 1, weight: 0 }] }), [])
  const [endpoint] = toLoxilb(statusOf(made))!.endpoints
  t.is(endpoint?.counter, '3:200')
  t.is(endpoint?.state, 'inactive')
})

test('translate: an annotation from elsewhere cannot change what GET shows', (t) => {
  const made = { ...fromLoxilb(entry(), []), annotations: { externalIP: '6.6.6.6', sel: 6 } }
  t.is(toLoxilb(statusOf(made))!.serviceArguments.externalIP, '10.0.0.1')
  t.is(toLoxilb(statusOf(made))!.serviceArguments.sel, 0)
})

const address = fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::1', 'fd00::2'))
const anyArguments = fc.record(
  {
    externalIP: address,
    port: fc.integer({ min: 1, max: 65535 }),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
    portMax: fc.constantFrom(0, 65535),
    block: fc.constantFrom(0, 7),
    sel: fc.constantFrom(0, 1, 2, 3, 4, 6, 7),
    mode: fc.constantFrom(0, 1, 2, 3, 5),
    name: fc.constantFrom('', 'web', 'ns_svc:llb-inst0'),
    monitor: fc.boolean(),
    managed: fc.boolean(),
    inactiveTimeOut: fc.integer({ min: 0, max: 86400 }),
    probetype: fc.constantFrom('', 'tcp', 'ping'),
    probeport: fc.integer({ min: 0, max: 65535 }),
    proberesp: fc.string({ maxLength: 5 }),
  },
  { requiredKeys: ['externalIP', 'port', 'protocol'] },
)
const anyOwn = fc.record(
  {
    secondary: fc.subarray(['10.7.0.1', 'fd07::1']),
    encapsulation: fc.constantFrom('l2' as const, 'ip' as const, 'gue' as const),
    select: fc.constantFrom('rr' as const, 'priority' as const, 'hint' as const, 'quic' as const),
    persistTimeout: fc.integer({ min: 1, max: 99 }),
    miss: fc.constantFrom('hash' as const, 'drop' as const),
    quic: fc.constant({ serverIdLength: 2, nonceLength: 4 }),
    outOfTheBlue: fc.constantFrom('drop' as const, 'hash' as const, 'abort' as const),
    alg: fc.constantFrom('ftp' as const, 'tftp' as const),
    resetOnIdle: fc.boolean(),
    embryonicLimit: fc.integer({ min: 1, max: 99 }),
    sources: fc.subarray(['10.8.0.1', 'fd08::1']),
    announce: fc.constantFrom('local' as const, 'routed' as const),
  },
  { requiredKeys: [] },
)
const anyEntry: fc.Arbitrary<LoadbalanceEntry> = fc.record(
  {
    serviceArguments: anyArguments,
    sluice: anyOwn,
    secondaryIPs: fc.subarray([{ secondaryIP: '10.6.0.1' }, { secondaryIP: 'fd06::1' }]),
    allowedSources: fc.subarray([{ prefix: '10.0.0.0/8' }, { prefix: 'fd00::/8' }]),
    endpoints: fc.uniqueArray(
      fc.record(
        {
          endpointIP: address,
          targetPort: fc.integer({ min: 1, max: 65535 }),
          weight: fc.integer({ min: 0, max: 255 }),
          priority: fc.integer({ min: 0, max: 2 }),
          serverId: fc.constantFrom('0a', '0b'),
        },
        { requiredKeys: ['endpointIP', 'targetPort'] },
      ),
      { selector: ({ endpointIP, targetPort }) => `${endpointIP}:${targetPort}`, maxLength: 4 },
    ),
  },
  { requiredKeys: ['serviceArguments', 'endpoints'] },
)

test('translate: what GET shows can be sent again and is the same service', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyEntry, { maxLength: 4, selector: (one) => one.serviceArguments.externalIP }),
      (all) => {
        const services = all.reduce<readonly Service[]>((made, one) => [...made, fromLoxilb(one, made)], [])
        t.is(new Set(services.map(({ name }) => name)).size, services.length)
        for (const service of services) {
          t.deepEqual(fromLoxilb(shown(service), services), service, serviceKey(service))
        }
      },
    ),
  )
})

test('translate: masquerade is shown by the word that loxilb has for what goes out, and is not taken by it', (t) => {
  const out = makeService({
    mode: 'masquerade',
    address: '0.0.0.0',
    port: 0,
    protocol: 'tcp',
    allowedSources: ['10.0.0.0/8'],
    sources: ['198.51.100.1'],
  })
  const seen = shown(out)
  t.like(seen.serviceArguments, { externalIP: '0.0.0.0', port: 0, portMax: 65_535, mode: 2, egress: true })
  t.deepEqual([seen.allowedSources, seen.sluice], [[{ prefix: '10.0.0.0/8' }], { sources: ['198.51.100.1'] }])
  t.throws(() => fromLoxilb(seen, []), { instanceOf: Refused, message: /^egress: / })
})
