// Checksums of frames, computed by scapy, which shares no code with us.

import { spawnSync } from 'node:child_process'
import { Buffer } from 'node:buffer'
import { tunnels } from './bed.ts'

const script = `
import struct, sys
from scapy.utils import checksum
from scapy.layers.sctp import crc32c

EXTENSIONS = (0, 43, 60)

def transport(protocol, source, destination, payload):
    def pseudo():
        if len(source) == 4:
            return source + destination + struct.pack('!BBH', 0, protocol, len(payload))
        return source + destination + struct.pack('!II', len(payload), protocol)
    if protocol == 4:
        return packet(payload, 0x0800)
    if protocol == 41:
        return packet(payload, 0x86dd)
    if protocol == 17 and payload[2:4] == struct.pack('!H', ${tunnels.guePort}):
        return transport(payload[9], source, destination, payload[12:])
    if protocol == 17 and payload[6:8] == b'\\0\\0':
        return True
    if protocol == 132:
        return struct.unpack('!I', payload[8:12])[0] == crc32c(payload[:8] + bytes(4) + payload[12:])
    if protocol == 1:
        return checksum(payload) == 0
    return checksum(pseudo() + payload) == 0

def packet(data, kind):
    if kind == 0x0800:
        header = (data[0] & 15) * 4
        length, = struct.unpack('!H', data[2:4])
        fragment, = struct.unpack('!H', data[6:8])
        if checksum(data[:header]) != 0:
            return False
        if fragment & 0x3fff:
            return True
        return transport(data[9], data[12:16], data[16:20], data[header:length])
    protocol, at = data[6], 40
    end = 40 + struct.unpack('!H', data[4:6])[0]
    while protocol in EXTENSIONS:
        protocol, at = data[at], at + 8 + data[at + 1] * 8
    if protocol == 44 and data[at + 2:at + 4] != b'\\0\\0':
        return True
    while protocol == 44 or protocol in EXTENSIONS:
        protocol, at = data[at], at + 8 + (data[at + 1] * 8 if protocol != 44 else 0)
    return transport(protocol, data[8:24], data[24:40], data[at:end])

for number, line in enumerate(sys.stdin):
    frame = bytes.fromhex(line)
    at = 12
    while frame[at:at + 2] in (b'\\x81\\x00', b'\\x88\\xa8'):
        at += 4
    if not packet(frame[at + 2:], struct.unpack('!H', frame[at:at + 2])[0]):
        print(number)
`

/** Those frames, in hexadecimal, that have a wrong checksum of an IPv4 header or of what is in a whole packet. */
export function wrongByScapy(frames: readonly Uint8Array[]): readonly string[] {
  const lines = frames.map((frame) => Buffer.from(frame).toString('hex'))
  const run = spawnSync('/usr/bin/python3', ['-c', script], {
    input: lines.join('\n'),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (run.status !== 0) throw new Error(`scapy: ${run.stderr}`)
  return run.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => lines[Number(line)] ?? '')
}
