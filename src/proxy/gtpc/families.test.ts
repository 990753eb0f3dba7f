import test from 'ava'
import { causeIn, gatewayOf, lastOf, startedBed, vip } from './test-bed.ts'
import {
  bytesOf,
  fTeid,
  fTeidIn,
  gsn,
  hexOf,
  ie,
  imsiOf,
  teidV1,
  tv,
  tv32,
  v2,
  valueV2,
  valuesV1,
} from './test-elements.ts'

const vip6 = '2001:db8::1'
const vip6Hex = '20010db8000000000000000000000001'
const pool = [gatewayOf('a', 'fd00::a1'), gatewayOf('b', 'fd00::a2')]
const node = 'fd00:1::1'

test('gtpc: over IPv6 alone all is as over IPv4, in both versions (GC.1, GC.3)', (t) => {
  const bed = startedBed(pool, { address: { ipv4: null, ipv6: vip6 } })
  t.deepEqual(
    bed.proxy.status().gateways.map(({ paths }) => paths.map(({ state }) => state)),
    [
      ['up', 'up'],
      ['up', 'up'],
    ],
  )
  const client = bed.client(node)
  const { given, own, response } = client.create(imsiOf(1))
  t.is(causeIn(response), 16)
  t.deepEqual(fTeidIn(response!), { kind: 11, teid: given, address: vip6Hex })
  const gateway = bed.gateway('fd00::a1')
  t.like(fTeidIn(lastOf(gateway.got, 32)), { kind: 10, address: vip6Hex })
  const [[its, told]] = [...gateway.sessions] as [[number, number]]
  t.is(causeIn(client.ask(34, given)), 16)
  t.is(lastOf(gateway.got, 34).teid, its)
  client.replyTeid = given
  t.is(causeIn(bed.fromGateway(gateway, v2(95, told, 5, ie(73, 1, 6)))), 16)
  t.like(bed.proxy.sessions(1)[0], { client: node, gateway: 'a', clientTeid: `0x${own.toString(16).padStart(8, '0')}` })

  const addresses = [gsn(node), gsn(node)]
  const created = client.askV1(
    16,
    0,
    tv(2, 0x21, 0x43, 5, 0x21, 0x43, 0x65, 0x87, 0xf1),
    tv32(17, 9),
    tv(20, 5),
    ...addresses,
  )
  t.is(causeIn(created), 128)
  t.is(hexOf(valuesV1(created!, 133)[0]!), vip6Hex)
  const other = bed.gateway('fd00::a2')
  t.deepEqual(valuesV1(lastOf(other.got, 16), 133).map(hexOf), [vip6Hex, 'fd000001000000000000000000000001'])
  t.is(causeIn(client.askV1(20, teidV1(created!)!, tv(19, 0xff), tv(20, 5))), 128)
})

test('gtpc: of an F-TEID of both families the other side gets the one that the VIP has (GC.1)', (t) => {
  const bed = startedBed([gatewayOf('a', '10.0.0.1')])
  const client = bed.client('10.1.0.1')
  const both = ie(87, 0, 0xca, bytesOf('00000051 0a010001 fd000001000000000000000000000001'))
  const response = client.ask(32, 0, imsiOf(1), both, ie(93, 0, ie(73, 0, 5)))!
  t.is(causeIn(response), 16)
  const told = valueV2(lastOf(bed.gateway('10.0.0.1').got, 32), 87)!
  t.is(told[0], 0x8a)
  t.deepEqual([told.length, told.subarray(5).join('.')], [9, vip])
  t.like(bed.proxy.sessions(1)[0], { client: '10.1.0.1', clientTeid: '0x00000051' })
})

test('gtpc: a client that says an address of the other family alone is refused: nothing reaches it (GC.5)', (t) => {
  const bed = startedBed([gatewayOf('a', '10.0.0.1')])
  const client = bed.client('10.1.0.1')
  const response = client.ask(32, 0, imsiOf(1), fTeid(0, 10, 0x51, node), ie(93, 0, ie(73, 0, 5)))
  t.is(causeIn(response), 69)
  t.deepEqual([bed.count('v2-refused-69'), bed.proxy.status().sessions], [1, 0])
})
