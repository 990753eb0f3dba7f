import test from 'ava'
import fc from 'fast-check'
import { gtpcDefaults, serviceKey } from '../lb/model.ts'
import { endpoint, service } from '../testing/services.ts'
import { describe, plan } from './plan.ts'
import type { Change, Service } from '../lb/model.ts'

const web = service({ name: 'web' })
const dns = service({ name: 'dns', address: '192.0.2.2', port: 53, protocol: 'udp' })
const ping = service({
  name: 'ping',
  address: '192.0.2.3',
  port: 0,
  protocol: 'icmp',
  endpoints: [endpoint('10.0.0.1', { port: 0 })],
})

test('plan: equal content is no change, in whatever order it is written', (t) => {
  t.deepEqual(plan([web, dns], [dns, structuredClone(web)]), [])
  t.deepEqual(plan([web], [{ ...web, endpoints: web.endpoints.toReversed() }]), [])
  const annotated = (annotations: Service['annotations']) => ({ ...web, annotations })
  t.deepEqual(plan([annotated({ a: 1, b: 2 })], [annotated({ b: 2, a: 1 })]), [])
  t.is(plan([annotated({ a: 1 })], [annotated({ a: 2 })]).length, 1)
})

test('plan: removes before it updates, and updates before it adds', (t) => {
  const changed = { ...dns, select: 'hash' as const }
  t.deepEqual(plan([web, dns], [ping, changed]), [
    { kind: 'remove', service: web },
    { kind: 'update', from: dns, to: changed },
    { kind: 'add', service: ping },
  ])
})

test('plan: every field of a service and of an endpoint counts', (t) => {
  const different: readonly Partial<Service>[] = [
    { name: 'other' },
    { owner: 'file' },
    { mode: 'fullnat' },
    { select: 'hash' },
    { announce: 'local' },
    { secondary: ['192.0.2.7'] },
    { lastPort: 90 },
    { encapsulation: 'gue' },
    { persistTimeout: 1 },
    { miss: 'drop' },
    { quic: { serverIdLength: 1, nonceLength: 4, key: null, configId: 0 } },
    { gtpc: gtpcDefaults },
    { outOfTheBlue: 'hash' },
    { alg: 'ftp' },
    { allowedSources: ['10.0.0.0/8'] },
    { idleTimeout: 1 },
    { resetOnIdle: true },
    { embryonicLimit: 1 },
    { sources: ['192.0.2.8'] },
    { endpoints: [endpoint('10.0.0.1', { blocked: true }), endpoint('10.0.0.2')] },
    { endpoints: [endpoint('10.0.0.1', { priority: 1 }), endpoint('10.0.0.2')] },
    { endpoints: [endpoint('10.0.0.1', { serverId: '0a' }), endpoint('10.0.0.2')] },
    { endpoints: [endpoint('10.0.0.1', { gtpVersions: [2] }), endpoint('10.0.0.2')] },
    { annotations: { monitor: true } },
    { endpoints: web.endpoints.slice(1) },
    { endpoints: [...web.endpoints, endpoint('10.0.0.3')] },
    { endpoints: [endpoint('10.0.0.1', { weight: 2 }), endpoint('10.0.0.2')] },
    { endpoints: [endpoint('10.0.0.1', { drained: true }), endpoint('10.0.0.2')] },
    { endpoints: [endpoint('10.0.0.1', { port: 9 }), endpoint('10.0.0.2')] },
  ]
  for (const given of different) t.is(plan([web], [{ ...web, ...given }])[0]?.kind, 'update', JSON.stringify(given))
})

const perform = (services: readonly Service[], changes: readonly Change[]): readonly Service[] => {
  const byKey = new Map(services.map((one) => [serviceKey(one), one]))
  for (const change of changes) {
    if (change.kind === 'remove') byKey.delete(serviceKey(change.service))
    else
      byKey.set(
        serviceKey(change.kind === 'add' ? change.service : change.to),
        change.kind === 'add' ? change.service : change.to,
      )
  }
  return [...byKey.values()]
}

test('plan: performed, it leads to what was wanted, and a second plan is empty', (t) => {
  const anyService = fc.record({
    port: fc.integer({ min: 1, max: 6 }),
    mode: fc.constantFrom('dnat' as const, 'fullnat' as const),
    endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
    weight: fc.integer({ min: 0, max: 2 }),
  })
  const anyServices = fc
    .uniqueArray(anyService, { selector: (one) => one.port, maxLength: 6 })
    .map((all) =>
      all.map(({ port, mode, endpoints, weight }) =>
        service({ port, mode, endpoints: endpoints.map((last) => endpoint(`10.0.0.${last}`, { weight })) }),
      ),
    )
  fc.assert(
    fc.property(anyServices, anyServices, (current, wanted) => {
      const reached = perform(current, plan(current, wanted))
      return plan(reached, wanted).length === 0 && reached.length === wanted.length
    }),
  )
  t.pass()
})

test('describe: says each change in a line', (t) => {
  const other: Service = {
    ...web,
    name: 'shop',
    mode: 'fullnat',
    endpoints: [endpoint('10.0.0.1', { weight: 2, drained: true }), endpoint('10.0.0.3')],
    annotations: { monitor: true },
  }
  const changes = [...plan([web, dns], [other]), ...plan([], [ping])]
  t.deepEqual(describe(changes), [
    '- service dns (192.0.2.2:53/udp)',
    '~ service web: name web -> shop',
    '~ service web: mode dnat -> fullnat',
    '~ service web: annotations of the API',
    '- service web: endpoint 10.0.0.2:8080 weight 1',
    '~ service web: endpoint 10.0.0.1:8080 weight 1 -> 2',
    '~ service web: endpoint 10.0.0.1:8080 not drained -> drained',
    '+ service web: endpoint 10.0.0.3:8080 weight 1',
    '+ service ping (192.0.2.3:0/icmp): mode dnat, select rr, announce routed, owner api',
    '+ service ping: endpoint 10.0.0.1 weight 1',
  ])
  t.deepEqual(describe([]), [])
})

test('describe: says what became of every field, and never a key', (t) => {
  const quic = { serverIdLength: 8, nonceLength: 10, key: '0'.repeat(32), configId: 0 }
  const from = service({ name: 'a', port: 0, protocol: 'udp', select: 'quic', quic, idleTimeout: 5 })
  const to: Service = {
    ...from,
    secondary: ['192.0.2.7', '192.0.2.8'],
    quic: { ...quic, key: '1'.repeat(32) },
    idleTimeout: null,
    allowedSources: ['10.0.0.0/8'],
    endpoints: [endpoint('10.0.0.1', { blocked: true, serverId: 'ff' }), endpoint('10.0.0.2', { port: 0 })],
  }
  t.deepEqual(describe(plan([from], [to])), [
    '~ service a: vips none -> 192.0.2.7, 192.0.2.8',
    '~ service a: quic changed',
    '~ service a: allowedSources none -> 10.0.0.0/8',
    '~ service a: idleTimeout 5 s -> none',
    '- service a: endpoint 10.0.0.2:8080 weight 1',
    '~ service a: endpoint 10.0.0.1:8080 server id none -> ff',
    '~ service a: endpoint 10.0.0.1:8080 not blocked -> blocked',
    '+ service a: endpoint 10.0.0.2 weight 1',
  ])
  t.is(describe([{ kind: 'remove', service: from }])[0], '- service a (192.0.2.1:any/udp)')
})

test('describe: says what became of GTP-C', (t) => {
  const from = service({ name: 'gn', protocol: 'udp', mode: 'proxy', select: 'gtpc', gtpc: gtpcDefaults })
  const to: Service = {
    ...from,
    gtpc: { ...gtpcDefaults, versions: [1], echo: 0 },
    endpoints: [endpoint('10.0.0.1', { gtpVersions: [1] }), endpoint('10.0.0.2')],
  }
  t.deepEqual(describe(plan([from], [to])), [
    '~ service gn: gtpc versions 1 and 2, least-sessions, echo 60 s, t3 3000 ms, n3 3, wait 30 s, drain 600 s -> ' +
      'versions 1, least-sessions, echo 0 s, t3 3000 ms, n3 3, wait 30 s, drain 600 s',
    '~ service gn: endpoint 10.0.0.1:8080 GTP versions all -> 1',
  ])
})

test('describe: a service without a name of its own is named once', (t) => {
  t.is(describe([{ kind: 'remove', service: service() }])[0], '- service 192.0.2.1:80/tcp')
})
