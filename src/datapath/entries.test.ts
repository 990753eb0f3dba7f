import test from 'ava'
import { endpoint, service } from '../testing/services.ts'
import { formatAddress } from '../wire/ip.ts'
import { endpointEntry, serviceKeyBytes, tableFor, tableKey, vipKeyBytes } from './entries.ts'
import { readServiceKey } from './layout.gen.ts'

test('entries: the key of a service is its address, its port in network order and its protocol', (t) => {
  const bytes = serviceKeyBytes({ address: '192.0.2.1', port: 0x1234, protocol: 'udp' })
  t.is(Buffer.from(bytes).toString('hex'), '00000000000000000000ffffc00002011234000011000000')
  t.like(readServiceKey(new DataView(bytes.buffer), 0), { port: 0x1234, protocol: 17, zone: 0 })
  t.is(Buffer.from(vipKeyBytes('2001:db8::1')).toString('hex'), '20010db800000000000000000000000100000000')
})

test('entries: an endpoint takes new flows when it has a weight and is not drained', (t) => {
  const accepts = (given: object): boolean =>
    endpointEntry(1, service(), endpoint('10.0.0.1', given), () => null).accepts
  t.deepEqual(
    [accepts({}), accepts({ weight: 0 }), accepts({ drained: true }), accepts({ weight: 255 })],
    [true, false, false, true],
  )
})

test('entries: the source that an endpoint sees follows from the mode', (t) => {
  const source = (mode: 'dnat' | 'onearm' | 'fullnat', egress: string | null): string | null => {
    const entry = endpointEntry(1, service({ mode }), endpoint('10.0.0.1'), () => egress)
    return entry.source === null ? null : formatAddress(entry.source)
  }
  t.is(source('dnat', '10.0.0.254'), null)
  t.is(source('onearm', '10.0.0.254'), '10.0.0.254')
  t.is(source('onearm', null), '192.0.0.8')
  t.is(source('fullnat', '10.0.0.254'), '192.0.2.1')
})

test('entries: services with equal keys have equal tables, and what changes the table changes the key', (t) => {
  const web = service({ select: 'hash' })
  const [a, b] = web.endpoints
  const others = [
    service({ select: 'rr' }),
    service({ select: 'hash', endpoints: [b!, a!] }),
    service({ select: 'hash', endpoints: [a!] }),
    service({ select: 'hash', endpoints: [{ ...a!, weight: 2 }, b!] }),
    service({ select: 'hash', endpoints: [{ ...a!, drained: true }, b!] }),
    service({ select: 'hash', endpoints: [{ ...a!, port: 1 }, b!] }),
  ]
  for (const other of others) t.not(tableKey(other, 1), tableKey(web, 1))
  t.not(tableKey(web, 2), tableKey(web, 1))
  const same = service({ select: 'hash', port: 99, mode: 'fullnat', name: 'x', annotations: { a: 1 } })
  t.is(tableKey(same, 1), tableKey(web, 1))
  t.deepEqual(tableFor(same, 1).slots, tableFor(web, 1).slots)
})
