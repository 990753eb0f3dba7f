import test from 'ava'
import fc from 'fast-check'
import { serviceKey } from '../lb/model.ts'
import type { Service } from '../lb/model.ts'
import type { LoadbalanceEntry } from './schemas.ts'
import { fromLoxilb, Refused, shownName, stepFor, toLoxilb } from './translate.ts'

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
  const step = stepFor(from, services)
  if (step.kind !== 'put') throw new Error('not a put')
  return step.service
}

test('translate: an entry becomes a service of the API with our words', (t) => {
  t.deepEqual(fromLoxilb(entry({ mode: 2, sel: 1, name: 'web', managed: true, inactiveTimeOut: 1800 }), []), {
    name: 'web',
    owner: 'api',
    address: '10.0.0.1',
    port: 80,
    protocol: 'tcp',
    mode: 'fullnat',
    select: 'hash',
    announce: 'local',
    endpoints: [
      { address: '10.1.0.1', port: 8080, weight: 1, drained: false },
      { address: '10.1.0.2', port: 8080, weight: 2, drained: false },
    ],
    annotations: { managed: true, inactiveTimeOut: 1800 },
  })
})

test('translate: a service without a name is named by its address, port and protocol', (t) => {
  t.is(fromLoxilb(entry(), []).name, '10.0.0.1:80/tcp')
})

const refusals: readonly (readonly [string, LoadbalanceEntry, RegExp])[] = [
  ['sctp', entry({ protocol: 'sctp' }), /sctp is not in this build/],
  ['dsr', entry({ mode: 3 }), /mode 3 \(dsr\)/],
  ['fullproxy', entry({ mode: 4 }), /mode 4 \(fullproxy\)/],
  ['hostonearm', entry({ mode: 5 }), /mode 5 \(hostonearm\)/],
  ['priority', entry({ sel: 2 }), /sel 2 \(priority\)/],
  ["kube-loxilb's n3", entry({ sel: 7 }), /sel 7 \(n3\)/],
  ['bgp', entry({ bgp: true }), /bgp/],
  ['a firewall mark', entry({ block: 3 }), /block/],
  ['TLS', entry({ security: 1 }), /security/],
  ['snat', entry({ snat: true }), /snat/],
  ['egress', entry({ egress: true }), /egress/],
  ['the proxy protocol', entry({ proxyprotocolv2: true }), /proxyprotocolv2/],
  ['a host name', entry({ host: 'a.example' }), /host/],
  ['a port range', entry({ portMax: 90 }), /portMax/],
  ['a private address', entry({ privateIP: '10.9.9.9' }), /privateIP/],
  ['allowed sources', entry({}, { allowedSources: [{ prefix: '10.0.0.0/8' }] }), /allowedSources/],
  ['no address', entry({ externalIP: '10.0.0' }), /externalIP: "10.0.0" is not an IP address/],
  ['no endpoint address', entry({}, { endpoints: [{ endpointIP: 'x', targetPort: 1, weight: 1 }] }), /endpointIP/],
]

for (const [title, asked, reason] of refusals) {
  test(`translate: refuses ${title} with its reason`, (t) => {
    t.regex(t.throws(() => fromLoxilb(asked, []), { instanceOf: Refused }).message, reason)
  })
}

test('translate: names every field it refuses at once', (t) => {
  const { message } = t.throws(() => fromLoxilb(entry({ bgp: true, sel: 4, mode: 3 }), []), { instanceOf: Refused })
  t.regex(message, /mode 3.*sel 4.*bgp/)
})

test('translate: takes foreign fields whose value asks for nothing', (t) => {
  const harmless = entry(
    { bgp: false, block: 0, security: 0, host: '', portMax: 80, privateIP: '10.0.0.1', egress: false },
    { allowedSources: [], secondaryIPs: [{ secondaryIP: '10.0.0.9' }] },
  )
  t.deepEqual(fromLoxilb(harmless, []), fromLoxilb(entry(), []))
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
  t.deepEqual(stepFor(entry({ oper: 2 }), [existing]), { kind: 'remove', service: existing })
})

test('translate: detach says which end point is not there', (t) => {
  const existing = fromLoxilb(entry(), [])
  const gone = entry({ oper: 2 }, { endpoints: [{ endpointIP: '10.1.0.9', targetPort: 1, weight: 1 }] })
  t.throws(() => stepFor(gone, [existing]), { message: /10\.1\.0\.9:1 is no end point/ })
  t.throws(() => stepFor(gone, []), { message: /no-rule/ })
})

test('translate: counters are packets:bytes, and what takes no new flows is inactive', (t) => {
  const made = fromLoxilb(entry({}, { endpoints: [{ endpointIP: '10.1.0.1', targetPort: 1, weight: 0 }] }), [])
  const [endpoint] = toLoxilb(statusOf(made)).endpoints
  t.is(endpoint?.counter, '3:200')
  t.is(endpoint?.state, 'inactive')
})

test('translate: an annotation from elsewhere cannot change what GET shows', (t) => {
  const made = { ...fromLoxilb(entry(), []), annotations: { externalIP: '6.6.6.6', sel: 6 } }
  t.is(toLoxilb(statusOf(made)).serviceArguments.externalIP, '10.0.0.1')
  t.is(toLoxilb(statusOf(made)).serviceArguments.sel, 0)
})

const address = fc.ipV4()
const anyArguments = fc.record(
  {
    externalIP: address,
    port: fc.integer({ min: 1, max: 65535 }),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    sel: fc.constantFrom(0, 1),
    mode: fc.constantFrom(0, 1, 2),
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
const anyEntry: fc.Arbitrary<LoadbalanceEntry> = fc.record({
  serviceArguments: anyArguments,
  endpoints: fc.uniqueArray(
    fc.record({
      endpointIP: address,
      targetPort: fc.integer({ min: 1, max: 65535 }),
      weight: fc.integer({ min: 0, max: 255 }),
    }),
    { selector: ({ endpointIP, targetPort }) => `${endpointIP}:${targetPort}`, maxLength: 4 },
  ),
})

test('translate: what GET shows can be sent again and is the same service', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyEntry, { maxLength: 4, selector: (one) => one.serviceArguments.externalIP }),
      (all) => {
        const services = all.reduce<readonly Service[]>((made, one) => [...made, fromLoxilb(one, made)], [])
        t.is(new Set(services.map(({ name }) => name)).size, services.length)
        for (const service of services) {
          const again = JSON.parse(JSON.stringify(toLoxilb(statusOf(service)))) as LoadbalanceEntry
          t.deepEqual(fromLoxilb(again, services), service, serviceKey(service))
        }
      },
    ),
  )
})
