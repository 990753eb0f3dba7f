// Frames of our own: every header says what was asked for, and every checksum is right.

import test from 'ava'
import { native } from '../../native/load.ts'
import { internetChecksum, pseudoHeaderSum } from './checksum.ts'
import { addressBytes } from './ip.ts'
import { headerIsRight, parseIp } from './ip-packet.ts'
import { buildProbe } from './probe.ts'
import type { Probe } from './probe.ts'

const families = { 4: ['10.1.1.2', '20.20.20.1'], 6: ['2001:db8::2', '2001:db8::99'] } as const
const numbers = { tcp: 6, udp: 17, sctp: 132, icmp: 1 } as const

const probe = (protocol: Probe['protocol'], family: 4 | 6): Probe => ({
  protocol,
  source: addressBytes(families[family][0]),
  destination: addressBytes(families[family][1]),
  sourcePort: 0x1234,
  destinationPort: 0x5678,
  tcpFlags: 0x12,
  sourceMac: Uint8Array.of(2, 0, 0, 0, 0, 1),
  destinationMac: Uint8Array.of(2, 0, 0, 0, 0, 2),
})

for (const protocol of ['tcp', 'udp', 'sctp', 'icmp'] as const) {
  for (const family of [4, 6] as const) {
    test(`probe: ${protocol} over IPv${family} has its addresses, lengths and checksums`, (t) => {
      const asked = probe(protocol, family)
      const frame = buildProbe(asked)
      t.is(
        Buffer.from(frame.subarray(0, 14)).toString('hex'),
        `020000000002020000000001${family === 4 ? '0800' : '86dd'}`,
      )
      const packet = parseIp(frame.subarray(14))
      t.is(packet.totalBytes, frame.length - 14)
      t.true(headerIsRight(packet))
      t.deepEqual([packet.source, packet.destination], [asked.source, asked.destination])
      const number = protocol === 'icmp' && family === 6 ? 58 : numbers[protocol]
      t.is(packet.protocol, number)
      const payload = packet.bytes.slice(packet.payload)
      const view = new DataView(payload.buffer)
      if (protocol === 'sctp') {
        const crc = view.getUint32(8, true)
        view.setUint32(8, 0)
        t.is(crc, native.crc32c(payload))
      } else {
        const pseudo =
          protocol === 'icmp' && family === 4
            ? 0
            : pseudoHeaderSum(asked.source, asked.destination, number, payload.length)
        t.is(internetChecksum(payload, pseudo), 0)
      }
      if (protocol === 'icmp') {
        t.deepEqual([payload[0], view.getUint16(4)], [family === 4 ? 8 : 128, 0x1234])
      } else {
        t.deepEqual([view.getUint16(0), view.getUint16(2)], [0x1234, 0x5678])
      }
      if (protocol === 'tcp') t.is(payload[13], 0x12)
      if (protocol === 'udp') t.is(view.getUint16(4), payload.length)
      // An INIT carries tag 0 and is as long as it says.
      if (protocol === 'sctp')
        t.deepEqual([view.getUint32(4), payload[12], view.getUint16(14)], [0, 1, payload.length - 12])
    })
  }
}
