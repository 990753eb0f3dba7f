import test from 'ava'
import { announcementFrames } from './announce-frames.ts'

const mac = Uint8Array.of(2, 0, 0, 0, 0, 1)
const hex = (frames: readonly Uint8Array[]): readonly string[] => frames.map((f) => Buffer.from(f).toString('hex'))
const joined = (...parts: readonly string[]): string => parts.join('').replaceAll(' ', '')

test('announce frames: an IPv4 address is announced by a request and a reply', (t) => {
  const head = joined('ffffffffffff 020000000001 0806', '0001 0800 06 04')
  t.deepEqual(hex(announcementFrames('192.0.2.10', mac)), [
    // RFC 5227, section 3: the sender and target addresses are the one announced; the target MAC address says nothing.
    joined(head, '0001', '020000000001 c000020a', '000000000000 c000020a'),
    // RFC 5944, section 4.6: in a reply it is the MAC address that the cache entry shall have.
    joined(head, '0002', '020000000001 c000020a', '020000000001 c000020a'),
  ])
})

test('announce frames: an IPv6 address is announced by an advertisement to all nodes', (t) => {
  // The bytes are scapy's: IPv6(hlim=255) / ICMPv6ND_NA(R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr.
  t.deepEqual(hex(announcementFrames('2001:db8::10', mac)), [
    joined(
      '333300000001 020000000001 86dd',
      '60000000 0020 3a ff 20010db8000000000000000000000010 ff020000000000000000000000000001',
      '88 00 f90c 20000000 20010db8000000000000000000000010',
      '02 01 020000000001',
    ),
  ])
})
