// Which captured frames are run, and as what.

import test from 'ava'
import { linkTypes } from '../../captures/index.ts'
import { buildFrame, type Packet } from '../../testing/packets.ts'
import { Frames, longestFrame } from './frames.ts'
import type { CapturedFrame } from '../../captures/index.ts'

const frame = buildFrame({ kind: 'udp', from: '10.0.0.1:1', to: '10.0.0.2:2', payload: new Uint8Array(30) })
const frame6 = buildFrame({ kind: 'tcp', from: '[fd00::1]:1', to: '[fd00::2]:2', flags: 'S' })
const packet = frame.subarray(14)

const captured = (bytes: Uint8Array, more: Partial<CapturedFrame> = {}): CapturedFrame => ({
  number: 1,
  time: null,
  linkType: linkTypes.ethernet,
  wireBytes: bytes.length,
  ...more,
  bytes,
})

const plain = new Frames({ rewriteChecksums: false })
const mending = new Frames({ rewriteChecksums: true })

test('replay frames: an Ethernet frame is run as it is', (t) => {
  t.is(plain.prepare(captured(frame)), frame)
})

test('replay frames: an IP packet of another link gets an Ethernet header of ours', (t) => {
  const sll = Buffer.concat([Buffer.alloc(14), Uint8Array.of(0x08, 0x00), packet])
  for (const [bytes, linkType] of [
    [packet, linkTypes.raw],
    [packet, linkTypes.ipv4],
    [sll, linkTypes.sll],
  ] as const) {
    const prepared = plain.prepare(captured(bytes, { linkType }))
    t.deepEqual(Buffer.from(prepared.slice(12) as Uint8Array), Buffer.concat([Uint8Array.of(8, 0), packet]))
  }
  const prepared = plain.prepare(captured(frame6.subarray(14), { linkType: linkTypes.raw }))
  t.deepEqual(Buffer.from(prepared.slice(12, 15) as Uint8Array), Buffer.of(0x86, 0xdd, 0x60))
})

const skipped: readonly (readonly [string, CapturedFrame, string])[] = [
  ['a frame longer than a test run takes', captured(new Uint8Array(longestFrame + 1)), 'too_large_for_hook'],
  ['one that was cut and is too long', captured(frame, { wireBytes: 60_000 }), 'too_large_for_hook'],
  ['one that was cut', captured(frame.subarray(0, 50), { wireBytes: frame.length }), 'cut_by_capture'],
  ['a link header alone', captured(frame.subarray(0, 14)), 'too_short_for_hook'],
  ['half an IP header', captured(frame.subarray(0, 24)), 'too_short_for_hook'],
  ['a link layer that nobody knows', captured(packet, { linkType: 105 }), '802.11'],
  [
    'another packet of a link without Ethernet',
    captured(Uint8Array.of(1, 2, 3), { linkType: linkTypes.raw }),
    'not_ip',
  ],
  ['nothing', captured(new Uint8Array(), { linkType: linkTypes.raw }), 'not_ip'],
]

for (const [title, what, reason] of skipped)
  test(`replay frames: ${title} takes no part: ${reason}`, (t) => {
    t.is(plain.prepare(what), reason)
  })

type Kind = 'tcp' | 'udp' | 'sctp' | 'icmp'

const packetOf = (kind: Kind, from: string, to: string): Packet => {
  switch (kind) {
    case 'tcp':
      return { kind, from, to, flags: 'S' }
    case 'udp':
      return { kind, from, to, payload: new Uint8Array(9).fill(7) }
    case 'sctp':
      return { kind, from, to, tag: 7, chunks: [] }
    case 'icmp':
      return { kind, from, to, type: 8 }
    default:
      return kind satisfies never
  }
}

test('replay frames: checksums are rewritten where that is asked for, and nothing else', (t) => {
  for (const kind of ['tcp', 'udp', 'sctp', 'icmp'] as const)
    for (const [from, to] of [
      ['10.0.0.1:1', '10.0.0.2:2'],
      ['[fd00::1]:1', '[fd00::2]:2'],
    ] as const) {
      const right = buildFrame(packetOf(kind, from, to))
      const wrong = right.slice()
      const isIpv4 = wrong[14]! >> 4 === 4
      const transport = 14 + (isIpv4 ? 20 : 40)
      wrong[transport + { tcp: 16, udp: 6, sctp: 8, icmp: 2 }[kind]]! ^= 0x55
      if (isIpv4) wrong[24]! ^= 0x55
      t.deepEqual(Buffer.from(mending.prepare(captured(wrong)) as Uint8Array), Buffer.from(right), `${kind} ${from}`)
      t.is(plain.prepare(captured(wrong)), wrong)
    }
  const none = buildFrame({ kind: 'udp', from: '10.0.0.1:1', to: '10.0.0.2:2', noChecksum: true })
  t.deepEqual(Buffer.from(mending.prepare(captured(none)) as Uint8Array), Buffer.from(none))
})
