import test from 'ava'
import { checksumError } from '../../testing/oracle.ts'
import { buildFrame } from '../../testing/packets.ts'
import { fragmentFrame } from '../../testing/packets/fragments.ts'
import { puntedPacket, punted } from '../../testing/slow-path/punts.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { parseIp } from '../../wire/ip-packet.ts'
import { frameWithoutPayload } from './flow-maker.ts'
import type { Packet } from '../../testing/packets.ts'

const payload = new Uint8Array(3000).fill(3)
const packets: readonly Packet[] = [
  { kind: 'udp', from: '10.0.0.1:1', to: '192.0.2.1:2', payload },
  { kind: 'udp', from: '[fd00::1]:1', to: '[fd00::2]:2', payload },
  { kind: 'tcp', from: '10.0.0.1:1', to: '192.0.2.1:2', flags: 'S', payload },
  { kind: 'icmp', from: '10.0.0.1:9', to: '192.0.2.1', type: 8, payload },
  { kind: 'icmp', from: '[fd00::1]:9', to: 'fd00::2', type: 128, payload },
]

for (const packet of packets) {
  test(`flow maker: ${packet.kind} from ${packet.from} is whole without its payload, and looks the same`, (t) => {
    const [first = new Uint8Array()] = fragmentFrame(buildFrame(packet), [1400, 1624])
    const frame = frameWithoutPayload(punted({ reason: 'too_big', frame: first }))
    t.is(checksumError(frame), 0)
    const [before, after] = [parseIp(first.subarray(14)), parseIp(frame.subarray(14))]
    const { destination, protocol, source } = before
    t.like(after, { destination, protocol, source, fragment: null })
    const ports = packet.kind === 'icmp' ? [4, 6] : [0, 4]
    const portsOf = ({ bytes, payload: at }: typeof after): Buffer =>
      Buffer.from(bytes.subarray(at + ports[0]!, at + ports[1]!))
    t.deepEqual(portsOf(after), portsOf(before))
    t.deepEqual(frame.subarray(0, 14), first.subarray(0, 14))
  })
}

test('flow maker: a protocol without ports and a header that is cut off are refused', (t) => {
  const other = puntedPacket('too_big', { kind: 'other', protocol: 47, from: '10.0.0.1', to: '192.0.2.1', payload })
  t.throws(() => frameWithoutPayload(other), { instanceOf: DecodeError })
  const [first = new Uint8Array()] = fragmentFrame(buildFrame({ ...packets[2]!, payload }), [16, 3004])
  t.throws(() => frameWithoutPayload(punted({ reason: 'too_big', frame: first })), { instanceOf: DecodeError })
})
