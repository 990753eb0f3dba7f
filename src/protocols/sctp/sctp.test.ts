import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../../wire/decode-error.ts'
import { bytesOf, hexOf, protocolSuite } from '../../testing/protocol-suite.ts'
import type { Vector } from '../../testing/protocol-suite.ts'
import type { AddressMap, SessionKey } from '../protocol.ts'
import { checksumStatus, sctp, withChecksum, withChunks } from './index.ts'
import type { SctpPacket } from './index.ts'

const association = (value: string): SessionKey => ({ kind: 'association', value })

/** From a live association the COOKIE ACK; others written after the RFCs, with checksums from elsewhere. */
const vectors: readonly Vector[] = [
  {
    title: 'COOKIE ACK',
    hex: '960cebdf51ead13704bcb6a7 0b000004',
    name: 'COOKIE ACK',
    fields: { sourcePort: 38_412, destinationPort: 60_383, verificationTag: '0x51ead137', checksum: 'right' },
    sessions: [association('0x51ead137')],
  },
  {
    title: 'INIT with addresses and extensions',
    hex: `960c960c00000000df46262f
      0100003e0a0b0c0d0001a000000affff0000000100050008c000020100050008c63364010006001420010db800000000
      000000000000000180080006c0820000`,
    name: 'INIT',
    fields: {
      checksum: 'right',
      chunks: [
        {
          initiateTag: '0x0a0b0c0d',
          window: 106_496,
          outboundStreams: 10,
          inboundStreams: 65_535,
          initialTsn: 1,
          parameters: [
            { address: '192.0.2.1' },
            { address: '198.51.100.1' },
            { address: '2001:db8::1' },
            { name: 'Supported Extensions', numbers: [192, 130] },
          ],
        },
      ],
    },
    sessions: [association('0x0a0b0c0d')],
  },
  {
    title: 'INIT ACK with a cookie',
    hex: `960c960c0a0b0c0dd7193033
      02000038112233440001a0000005000a0000006400070009616263646500000000050008c000020280000004c0000004
      000c000800050006`,
    name: 'INIT ACK',
    fields: {
      checksum: 'right',
      chunks: [
        {
          initiateTag: '0x11223344',
          parameters: [
            { name: 'State Cookie', length: 5 },
            { address: '192.0.2.2' },
            { name: 'ECN Capable' },
            { name: 'Forward-TSN Supported' },
            { numbers: [5, 6] },
          ],
        },
      ],
    },
    sessions: [association('0x0a0b0c0d'), association('0x11223344')],
  },
  {
    title: 'SACK and DATA',
    hex: `960c960c11223344029e05f6
      0300001c000000630001a000000200010002000300050005000000610003001800000064000100070000003c01020304
      05060708`,
    name: 'SACK, DATA',
    fields: {
      checksum: 'right',
      chunks: [
        { tsn: 99, gaps: ['2-3', '5-5'], duplicates: [97] },
        { tsn: 100, stream: 1, sequence: 7, ppid: 60, payloadProtocol: 'NGAP', fragment: 'whole', length: 8 },
      ],
    },
    sessions: [association('0x11223344')],
  },
  {
    title: 'DATA in two fragments',
    hex: '960c960c11223344fd2bbdfd 0002001200000065000100080000003c616200000001001100000066000100080000003c63000000',
    name: 'DATA',
    fields: {
      checksum: 'right',
      chunks: [
        { fragment: 'first', length: 2 },
        { fragment: 'last', length: 1 },
      ],
    },
    sessions: [association('0x11223344')],
  },
  {
    title: 'HEARTBEAT and HEARTBEAT ACK',
    hex: '960c960c1122334475de3d23 0400000c00010008010203040500000c0001000801020304',
    name: 'HEARTBEAT, HEARTBEAT ACK',
    fields: {
      checksum: 'right',
      chunks: [{ parameters: [{ name: 'Heartbeat Info', length: 4 }] }, { chunk: 'HEARTBEAT ACK' }],
    },
    sessions: [association('0x11223344')],
  },
  {
    title: 'ABORT with a reason',
    hex: '960c960c1122334402cb27a3 0600000d000c00097465737421000000',
    name: 'ABORT',
    fields: { checksum: 'right', chunks: [{ causes: [{ name: 'User-Initiated Abort', length: 5 }] }] },
    sessions: [association('0x11223344')],
  },
  {
    title: 'ERROR with four causes',
    hex: '960c960c11223344f09438ec 0900002400010008000500000002000c0000000200070005000300080000000a000a0004',
    name: 'ERROR',
    fields: {
      checksum: 'right',
      chunks: [
        {
          causes: [
            { numbers: [5, 0] },
            { name: 'Missing Mandatory Parameter', numbers: [7, 5] },
            { number: 10 },
            { name: 'Cookie Received While Shutting Down' },
          ],
        },
      ],
    },
    sessions: [association('0x11223344')],
  },
  {
    title: 'SHUTDOWN',
    hex: '960c960c11223344eb04c0d7 0700000800000064',
    name: 'SHUTDOWN',
    fields: { checksum: 'right', chunks: [{ tsn: 100 }] },
    sessions: [association('0x11223344')],
  },
  {
    title: 'SHUTDOWN ACK',
    hex: '960c960c0a0b0c0d613c5424 08000004',
    name: 'SHUTDOWN ACK',
    fields: { checksum: 'right' },
    sessions: [association('0x0a0b0c0d')],
  },
  {
    title: 'SHUTDOWN COMPLETE',
    hex: '960c960c112233449052fb32 0e010004',
    name: 'SHUTDOWN COMPLETE',
    fields: { checksum: 'right' },
    sessions: [association('0x11223344')],
  },
  {
    title: 'COOKIE ECHO and DATA',
    hex: '960c960c112233449b6a6fac 0a000009616263646500000000030011000000640001000000000012aa000000',
    name: 'COOKIE ECHO, DATA',
    fields: { checksum: 'right', chunks: [{ length: 5 }, { payloadProtocol: 'S1AP' }] },
    sessions: [association('0x11223344')],
  },
  {
    title: 'ECNE and CWR (RFC 9260, appendix A)',
    hex: '960c960c11223344d74b212c 0c000008000000640d00000800000064',
    name: 'ECNE, CWR',
    fields: { checksum: 'right', chunks: [{ tsn: 100 }, { tsn: 100 }] },
    sessions: [association('0x11223344')],
  },
  {
    title: 'AUTH (RFC 4895) and ASCONF',
    hex: `960c960c1122334443008e9b
      0f000010000100010102030405060708c10000300000000100050008c0000201c00100100000000100050008c6336402
      c00200100000000200050008c6336403`,
    name: 'AUTH, ASCONF',
    fields: { checksum: 'right', chunks: [{ key: 1, algorithm: 1, hmac: '0102030405060708' }, { sequence: 1 }] },
    sessions: [association('0x11223344')],
  },
  {
    title: 'ASCONF (RFC 5061)',
    hex: `960c960c1122334475ec7d90
      c10000300000000100050008c0000201c00100100000000100050008c6336402c00400100000000200050008c6336403`,
    name: 'ASCONF',
    fields: {
      checksum: 'right',
      chunks: [
        {
          sequence: 1,
          parameters: [
            { address: '192.0.2.1' },
            { name: 'Add IP Address', correlation: 1, parameters: [{ address: '198.51.100.2' }] },
            { name: 'Set Primary Address', correlation: 2, parameters: [{ address: '198.51.100.3' }] },
          ],
        },
      ],
    },
    sessions: [association('0x11223344')],
  },
  {
    title: 'ASCONF-ACK (RFC 5061)',
    hex: '960c960c0a0b0c0dff1c29cf 8000001c00000001c005000800000001c003000c0000000200a40004',
    name: 'ASCONF-ACK',
    fields: {
      checksum: 'right',
      chunks: [
        { parameters: [{ number: 1 }, { correlation: 2, causes: [{ name: 'Request Refused - No Authorization' }] }] },
      ],
    },
    sessions: [association('0x0a0b0c0d')],
  },
  {
    title: 'RE-CONFIG (RFC 6525) with three parameters',
    hex: `960c960c11223344f25f5b48
      82000038000d00140000000100000002000000640001000200100014000000010000000100000065000000660012000c
      0000000200010000`,
    name: 'RE-CONFIG',
    fields: {
      checksum: 'right',
      chunks: [
        {
          parameters: [
            { request: 1, response: 2, lastTsn: 100, streams: [1, 2] },
            { response: 1, result: 1, sender: 101, receiver: 102 },
            { request: 2, count: 1 },
          ],
        },
      ],
    },
    sessions: [association('0x11223344')],
  },
  {
    title: 'RE-CONFIG (RFC 6525) with two parameters',
    hex: '960c960c11223344d8c9458c 82000018000e000a0000000100030000000f000800000002',
    name: 'RE-CONFIG',
    fields: { checksum: 'right', chunks: [{ parameters: [{ request: 1, streams: [3] }, { number: 2 }] }] },
    sessions: [association('0x11223344')],
  },
  {
    title: 'I-DATA (RFC 8260), the first and a middle fragment',
    hex: `960c960c1122334445201ee4
      400300190000006400010000000000050000003c01020304050000004000001500000065000100000000000600000001
      07000000`,
    name: 'I-DATA',
    fields: {
      checksum: 'right',
      chunks: [
        { message: 5, ppid: 60, fragment: 'whole' },
        { message: 6, number: 1, fragment: 'middle' },
      ],
    },
    sessions: [association('0x11223344')],
  },
  {
    title: 'FORWARD-TSN (RFC 3758) and I-FORWARD-TSN (RFC 8260)',
    hex: '960c960c11223344f0211728 c0000010000000640001000700020009c2000010000000640001000100000005',
    name: 'FORWARD-TSN, I-FORWARD-TSN',
    fields: {
      checksum: 'right',
      chunks: [
        {
          streams: [
            { stream: 1, sequence: 7 },
            { stream: 2, sequence: 9 },
          ],
        },
        { streams: [{ stream: 1, message: 5 }] },
      ],
    },
    sessions: [association('0x11223344')],
  },
  {
    title: 'PAD (RFC 4820) and a chunk that nobody knows',
    hex: '960c960c1122334470f280c9 0b00000484000008000000003f000006aabb0000',
    name: 'COOKIE ACK, PAD, chunk 63',
    fields: { checksum: 'right' },
    sessions: [association('0x11223344')],
  },
  {
    title: 'a packet without a chunk',
    hex: '960c960c11223344 00000000',
    name: 'no chunk',
    fields: { checksum: 'none', chunks: [] },
    sessions: [association('0x11223344')],
  },
]

const header = bytesOf('960c960c11223344 00000000')
const packetOf = (hex: string): SctpPacket => sctp.decode(Buffer.concat([header, bytesOf(hex)]))

/** As many chunks of 4 bytes as a packet of IPv4 can have. */
const mostChunks = 16_375

/** One chunk of that type, full of parameters of 4 bytes. */
const manyParameters = (start: string): Uint8Array => {
  const body = Buffer.concat([bytesOf(start), Buffer.alloc(65_000 - start.length / 2, '80000004', 'hex')])
  body.writeUInt16BE(body.length, 2)
  return Buffer.concat([header, body])
}

protocolSuite(sctp, {
  vectors,
  hostile: [
    {
      title: 'a packet of 16,375 chunks is read',
      bytes: () => Buffer.concat([header, Buffer.alloc(mostChunks * 4, '0b000004', 'hex')]),
      reason: null,
    },
    {
      title: 'an INIT of 16,245 parameters is read',
      bytes: () => manyParameters('0100000000000000000000000000000000000000'),
      reason: null,
    },
    { title: 'an ABORT of 16,249 causes is read', bytes: () => manyParameters('06000000'), reason: null },
    {
      title: 'parameters in parameters end at a named depth',
      bytes: () =>
        Buffer.concat([header, bytesOf('c1000020 00000001 c0010018 00000001 c0010010 00000002 c0010008 00000003')]),
      reason: 'nested too deep',
    },
    {
      title: 'a chunk of no length is refused',
      bytes: () => Buffer.concat([header, new Uint8Array(4)]),
      reason: 'length lies',
    },
  ],
})

const reasonOf = (hex: string): string => {
  try {
    packetOf(hex)
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
  return 'no reason'
}

test('sctp: what is malformed is refused by name, with the chunk, the parameter and the byte', (t) => {
  t.is(reasonOf('0b000003'), 'COOKIE ACK: length lies at byte 14')
  t.is(reasonOf('0b000004 07000009 00000001'), 'SHUTDOWN: length lies at byte 18')
  t.is(reasonOf('0700000c 00000001 00000002'), 'SHUTDOWN: bytes left over at byte 20')
  t.is(reasonOf('01000010 00000001 00000002 00000003'), 'INIT: truncated at byte 28')
  t.is(reasonOf('0400000c 00010009 01020304'), 'HEARTBEAT: length lies at byte 18')
  t.is(reasonOf('0400000c 00050008 01020304'), 'no reason')
  t.is(reasonOf('0400000a 00050006 01020000'), 'HEARTBEAT > IPv4 Address: truncated at byte 22')
  t.is(reasonOf('03000014 00000001 00000002 00020000 00010001'), 'SACK: length lies at byte 24')
  t.is(reasonOf('0900000e 0002000a 00000002 0001'), 'ERROR > Missing Mandatory Parameter: length lies at byte 20')
})

test('sctp: padding is kept as it came, whatever it is and wherever a sender counts it', (t) => {
  for (const hex of [
    '0a000005aa bbccdd 0b000004', // not zero
    '0a000005aa', // none behind the last chunk
    '0a000005aa 00', // too little
    '0400000a 00010006 aabb 0000', // as it should be
    '0400000c 00010006 aabb 0000', // counted in the chunk
    '0400000c 00010006 aabb ccdd', // counted and not zero
    '04000010 00010006 aabb ccdd 00010004', // not zero between parameters
  ]) {
    t.is(hexOf(sctp.encode(packetOf(hex))), hexOf(header) + hex.replaceAll(' ', ''))
  }
})

test('sctp: says whether the checksum is right, and writes the one that is', (t) => {
  const right = sctp.decode(bytesOf(vectors[0]!.hex))
  t.is(checksumStatus(right), 'right')
  const wrong = { ...right, verificationTag: 1 }
  t.is(checksumStatus(wrong), 'wrong')
  t.is(checksumStatus(withChecksum(wrong)), 'right')
  t.is(checksumStatus({ ...right, checksum: 0 }), 'none')
  t.deepEqual(withChecksum({ ...right, checksum: 0 }), right)
})

const names: AddressMap = { address: (bytes) => bytes.with(bytes.length - 1, 0x77) }

test('sctp: puts other addresses into INIT, INIT ACK and ASCONF, and makes the checksum right for them', (t) => {
  for (const title of ['INIT with addresses and extensions', 'INIT ACK with a cookie', 'ASCONF (RFC 5061)']) {
    const { hex } = vectors.find((vector) => vector.title === title)!
    const before = sctp.decode(bytesOf(hex))
    const after = sctp.translate!(before, names)
    t.is(checksumStatus(after), 'right')
    t.deepEqual(withChecksum(after), after)
    const expected = hex
      .replaceAll(/\s/g, '')
      .slice(24)
      .replace(/c0000201|c0000202/g, (address) => `${address.slice(0, 6)}77`)
      .replaceAll(/c63364../g, 'c6336477')
      .replace(/20010db8(0{22})01/, '20010db8$177')
    t.is(hexOf(sctp.encode(after)).slice(24), expected)
    t.is(sctp.translate!(before, { address: (bytes) => bytes }), before)
  }
})

test('sctp: a checksum that is wrong stays wrong, and none stays none, when addresses change', (t) => {
  const init = sctp.decode(bytesOf(vectors[1]!.hex))
  t.is(checksumStatus(sctp.translate!({ ...init, checksum: init.checksum ^ 4 }, names)), 'wrong')
  t.is(checksumStatus(sctp.translate!({ ...init, checksum: 0 }, names)), 'none')
})

test('sctp: the checksum follows any change that keeps the length', (t) => {
  const packet = withChecksum(packetOf('0a000010 000102030405060708090a0b 0b000004'))
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), (cookie) => {
      const chunks = [{ kind: 'cookieEcho', flags: 0, cookie } as const, ...packet.chunks.slice(1)]
      return checksumStatus(withChunks(packet, chunks)) === 'right'
    }),
  )
  t.throws(() => withChunks(packet, []), { instanceOf: RangeError })
})

test('sctp: leaves alone what stands behind an AUTH chunk', (t) => {
  const packet = sctp.decode(bytesOf(vectors.find(({ name }) => name === 'AUTH, ASCONF')!.hex))
  t.is(sctp.translate!(packet, names), packet)
})

test('sctp: learns both tags from an INIT ACK of an endpoint, and forgets the one that an end names', (t) => {
  const learned = (title: string, from: 'client' | 'endpoint'): readonly string[] => {
    const { hex } = vectors.find((vector) => vector.title === title)!
    return sctp.learn!(sctp.decode(bytesOf(hex)), from).map(({ action, key }) => `${action} ${key.value}`)
  }
  t.deepEqual(learned('INIT ACK with a cookie', 'endpoint'), ['add 0x0a0b0c0d', 'add 0x11223344'])
  t.deepEqual(learned('INIT ACK with a cookie', 'client'), [])
  t.deepEqual(learned('INIT with addresses and extensions', 'client'), [])
  t.deepEqual(learned('ABORT with a reason', 'client'), ['remove 0x11223344'])
  t.deepEqual(learned('SHUTDOWN COMPLETE', 'endpoint'), ['remove 0x11223344'])
  t.deepEqual(learned('SACK and DATA', 'endpoint'), [])
})

test('sctp: of a packet with thousands of chunks the first ones are described, and how many there are', (t) => {
  const { fields } = sctp.describe(sctp.decode(Buffer.concat([header, Buffer.alloc(400, '0b000004', 'hex')])))
  t.is((fields['chunks'] as readonly unknown[]).length, 64)
  t.is(fields['chunkCount'], 100)
})
