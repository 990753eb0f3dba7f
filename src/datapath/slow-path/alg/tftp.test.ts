import test from 'ava'
import { Wire, bytes, expectations, expects, packets } from '../../../testing/alg/wire.ts'
import { buildPacket } from '../../../testing/packets.ts'
import { puntedPacket, sidesOf } from '../../../testing/slow-path/punts.ts'
import { DecodeError } from '../../../wire/decode-error.ts'
import type { Answer } from '../handler.ts'

const tftp = {
  client: '192.0.2.9:40000',
  vip: '198.51.100.7:69',
  source: '198.51.100.7:1025',
  endpoint: '10.0.0.5:69',
  protocol: 17,
}
const tftpAnswer = (flow: typeof tftp, payload: string, more = {}): Answer => {
  const { client, clientKey } = sidesOf(flow)
  const packet = { kind: 'udp', from: flow.client, to: flow.vip, payload: bytes(payload), ...more } as const
  return new Wire(flow, { alg: 'tftp' }).handler.handle(
    puntedPacket('alg', packet, { key: clientKey, flow: client }),
  ) as Answer
}
const udp = (flow: typeof tftp, payload: string, more = {}): Uint8Array => {
  const packet = {
    kind: 'udp',
    from: flow.source,
    to: flow.endpoint,
    payload: bytes(payload),
    ttl: 63,
    ...more,
  } as const
  return new Uint8Array(buildPacket(packet))
}

test('alg: a TFTP request lets the server’s answer in, from whatever port it comes', (t) => {
  const request = '\0\x01boot.img\0octet\0'
  const through = tftpAnswer(tftp, request)
  t.deepEqual(packets(through), [udp(tftp, request)])
  expects(t, through, { at: '198.51.100.7:1025', from: '10.0.0.5', to: '192.0.2.9:40000', as: '198.51.100.7' }, 17)
  const kept = { ...tftp, source: tftp.client }
  const answer = tftpAnswer(kept, '\0\x02boot.img\0octet\0')
  expects(t, answer, { at: '192.0.2.9:40000', from: '10.0.0.5', to: '192.0.2.9:40000', as: '198.51.100.7' }, 17)
})

test('alg: a TFTP request without a checksum goes on without one', (t) => {
  const request = '\0\x01f\0octet\0'
  t.deepEqual(packets(tftpAnswer(tftp, request, { noChecksum: true })), [udp(tftp, request, { noChecksum: true })])
})

test('alg: what is no TFTP request opens nothing', (t) => {
  const reason = (payload: string, more = {}): string | undefined =>
    t.throws(() => tftpAnswer(tftp, payload, more), { instanceOf: DecodeError })?.reason
  t.is(reason('\0\x03\0\x01data'), 'not a request')
  t.is(reason('\0\x01f'), 'truncated')
  t.is(reason('\0\x09'), 'unknown opcode')
  t.is(reason(''), 'truncated')
  t.is(reason('\0\x01f\0octet\0', { udpLength: 7 }), 'length lies')
  t.is(reason('\0\x01f\0octet\0', { checksumError: 3 }), 'bad checksum')
  t.deepEqual(expectations(tftpAnswer(tftp, '\0\x05\0\0no\0')), [])
})

test('alg: a TFTP server that answers from its own port is translated', (t) => {
  const { endpoint, endpointKey } = sidesOf(tftp)
  const packet = { kind: 'udp', from: tftp.endpoint, to: tftp.source, payload: bytes('anything') } as const
  const answer = new Wire(tftp, { alg: 'tftp' }).handler.handle(
    puntedPacket('alg', packet, { key: endpointKey, flow: endpoint }),
  ) as Answer
  t.deepEqual(packets(answer), [new Uint8Array(buildPacket({ ...packet, from: tftp.vip, to: tftp.client, ttl: 63 }))])
})
