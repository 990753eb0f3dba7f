import test from 'ava'
import { gtp } from '../../../protocols/gtp/index.ts'
import { buildFrame, buildPacket } from '../../../testing/packets.ts'
import { be16, be32, concat } from '../../../testing/packets/bytes.ts'
import { gtpu, gtpuTypes } from '../../../testing/packets/gtpu.ts'
import { keyOf, punted, sidesOf, testEncapsulation } from '../../../testing/slow-path/punts.ts'
import { addressBytes } from '../../../wire/ip.ts'
import { gtpuErrorHandler } from './gtpu-error.ts'
import { gtpuMissHandler } from './gtpu-miss.ts'
import type { UdpPacket } from '../../../testing/packets.ts'
import type { Answer } from '../handler.ts'

const limits = { perSecond: 3, eachPerSecond: 2, askers: 8, endpoints: 2 }
const packets = (answer: Answer): readonly string[] =>
  answer.kind === 'send' ? answer.packets.map((bytes) => Buffer.from(bytes).toString('hex')) : [JSON.stringify(answer)]
const packetOf = (packet: Omit<UdpPacket, 'kind'>): string =>
  Buffer.from(buildPacket({ kind: 'udp', ...packet })).toString('hex')

const sides = {
  4: { gnb: '10.0.1.2', vip: '192.0.2.1', upf: '10.0.2.10', other: '10.0.2.11' },
  6: { gnb: 'fd00:1::2', vip: '2001:db8::1', upf: 'fd00:2::10', other: 'fd00:2::11' },
} as const
const at = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** TS 29.281, 7.3.1: sequence number, TEID Data I, GTP-U Peer Address. */
const indication = (teid: number, peer: string): Uint8Array => {
  const address = addressBytes(peer).subarray(peer.includes(':') ? 0 : 12)
  const elements = concat(Uint8Array.of(0x10), be32(teid), Uint8Array.of(0x85), be16(address.length), address)
  return concat(Uint8Array.of(0x32, 0x1a), be16(4 + elements.length), be32(0), be32(0), elements)
}

for (const [family, { gnb, vip }] of Object.entries(sides)) {
  test(`gtpu_miss: who sends into an unknown tunnel gets an Error Indication, IPv${family} (N3.2)`, (t) => {
    const handler = gtpuMissHandler(limits, 0)
    const payload = gtpu({ type: gtpuTypes.gPdu, teid: 0x12345678, payload: new Uint8Array(40) })
    const frame = buildFrame({ kind: 'udp', from: at(gnb, 30_000), to: at(vip, 2152), payload })
    const ask = (): Answer =>
      handler.handle(punted({ reason: 'miss', frame, key: keyOf(at(gnb, 1), at(vip, 2), 17) })) as Answer
    const said = indication(0x12345678, vip)
    const more = family === '4' ? { identification: 0, dontFragment: true } : {}
    t.deepEqual(packets(ask()), [packetOf({ from: at(vip, 2152), to: at(gnb, 2152), payload: said, ...more })])
    t.like(gtp.describe(gtp.decode(said)), { name: 'Error Indication' })
    ask()
    t.deepEqual(ask(), { kind: 'drop', reason: 'rate limit' })
  })
}

test('gtpu_miss: the example of an Error Indication is what is sent', (t) => {
  t.is(Buffer.from(indication(1, '10.99.0.1')).toString('hex'), '321a0010000000000000000010000000018500040a630001')
})

for (const [family, { gnb, other, upf, vip }] of Object.entries(sides)) {
  const flow = sidesOf({
    client: at(gnb, 2152),
    vip: at(vip, 2152),
    source: at(gnb, 2152),
    endpoint: at(upf, 2152),
    protocol: 17,
  })
  const handlerWith = (endpoints: readonly string[]) =>
    gtpuErrorHandler(
      {
        limits,
        lookups: { encapsulation: () => testEncapsulation },
        endpoints: () => endpoints.map((address) => ({ address: addressBytes(address), port: 2152 })),
        clientTeid: (service, endpoint, teid) => (service === 1 && endpoint === 1 && teid === 99 ? 7 : teid),
      },
      0,
    )
  const give = (from: string, to: string, payload: Uint8Array, reverse: boolean, endpoints = [upf, other]): Answer =>
    handlerWith(endpoints).handle(
      punted({
        reason: 'gtpu_error',
        frame: buildFrame({ kind: 'udp', from, to, payload }),
        key: reverse ? flow.endpointKey : flow.clientKey,
        flow: reverse ? flow.endpoint : flow.client,
      }),
    ) as Answer

  test(`gtpu_error: what a base station says of its tunnel is told to every user plane, IPv${family} (N3.6)`, (t) => {
    const payload = indication(5, gnb)
    const told = [upf, other].map((to) => packetOf({ from: at(gnb, 2152), to: at(to, 2152), payload, ttl: 63 }))
    t.deepEqual(packets(give(at(gnb, 2152), at(vip, 2152), payload, false)), told)
    t.deepEqual(packets(give(at(gnb, 2152), at(vip, 2152), payload, false, [upf, other, upf])), told)
    t.deepEqual(give(at(gnb, 2152), at(vip, 2152), payload, false, []), { kind: 'drop', reason: 'no endpoint' })
  })

  test(`gtpu_error: what a user plane says of its tunnel names VIP and TEID of clients, IPv${family} (N3.6)`, (t) => {
    for (const [own, client] of [
      [99, 7],
      [98, 98],
    ] as const)
      t.deepEqual(packets(give(at(upf, 2152), at(gnb, 2152), indication(own, upf), true)), [
        packetOf({ from: at(vip, 2152), to: at(gnb, 2152), payload: indication(client, vip), ttl: 63 }),
      ])
  })

  test(`gtpu_error: what names somebody else's address stays as it is, IPv${family}`, (t) => {
    t.deepEqual(packets(give(at(upf, 2152), at(gnb, 2152), indication(99, gnb), true)), [
      packetOf({ from: at(vip, 2152), to: at(gnb, 2152), payload: indication(99, gnb), ttl: 63 }),
    ])
  })

  test(`gtpu_error: what is cut off is dropped by name, IPv${family}`, (t) => {
    for (const reverse of [true, false]) {
      const [from, to] = reverse ? [at(upf, 2152), at(gnb, 2152)] : [at(gnb, 2152), at(vip, 2152)]
      t.throws(() => give(from, to, indication(5, gnb).subarray(0, 19), reverse), { message: /truncated|length lies/ })
    }
  })
}
