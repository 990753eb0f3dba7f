import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../../wire/decode-error.ts'
import { decodeTftp, encodeTftp } from './index.ts'
import type { TftpMessage } from './index.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

/** Written down from RFC 1350 5 and RFC 2347, by hand. */
const vectors: readonly (readonly [string, Uint8Array, TftpMessage])[] = [
  ['read', bytes('\0\x01boot.img\0octet\0'), { kind: 'read', file: 'boot.img', mode: 'octet', options: [] }],
  ['write', bytes('\0\x02a\0netascii\0'), { kind: 'write', file: 'a', mode: 'netascii', options: [] }],
  [
    'read with options',
    bytes('\0\x01f\0octet\0blksize\x001432\0tsize\x000\0'),
    {
      kind: 'read',
      file: 'f',
      mode: 'octet',
      options: [
        { name: 'blksize', value: '1432' },
        { name: 'tsize', value: '0' },
      ],
    },
  ],
  ['data', bytes('\0\x03\x12\x34abc'), { kind: 'data', block: 0x1234, content: bytes('abc') }],
  ['acknowledgement', bytes('\0\x04\xff\xff'), { kind: 'acknowledgement', block: 0xffff }],
  ['error', bytes('\0\x05\0\x01no such file\0'), { kind: 'error', code: 1, text: 'no such file' }],
  ['options', bytes('\0\x06blksize\x001432\0'), { kind: 'options', options: [{ name: 'blksize', value: '1432' }] }],
]

test('tftp: reads and writes what the RFCs say', (t) => {
  for (const [name, wire, message] of vectors) {
    t.deepEqual(decodeTftp(wire), message, name)
    t.deepEqual(new Uint8Array(encodeTftp(message)), wire, name)
  }
})

/** A request may end behind its mode, and behind each option. */
const wholes = new Set(['\0\x01f\0octet\0', '\0\x01f\0octet\0blksize\x001432\0'])

test('tftp: refuses every truncation but those that are messages too', (t) => {
  for (const [name, wire] of vectors) {
    for (let length = 0; length < wire.length; length++) {
      const cut = wire.subarray(0, length)
      const isWhole = (name === 'data' && length >= 4) || wholes.has(Buffer.from(cut).toString('latin1'))
      if (!isWhole) t.throws(() => decodeTftp(cut), { instanceOf: DecodeError }, `${name} ${length}`)
    }
  }
})

test('tftp: whatever comes is a message or a DecodeError', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.integer({ min: 0, max: 7 }), (rest, opcode) => {
      try {
        decodeTftp(Uint8Array.of(0, opcode, ...rest))
        t.pass()
      } catch (error) {
        t.true(error instanceof DecodeError)
      }
    }),
  )
})

test('tftp: refuses opcodes that do not exist, requests without a name, and requests of more than a block', (t) => {
  const reason = (wire: Uint8Array): string | undefined =>
    t.throws(() => decodeTftp(wire), { instanceOf: DecodeError })?.reason
  t.is(reason(bytes('\0\0x')), 'unknown opcode')
  t.is(reason(bytes('\0\x07x')), 'unknown opcode')
  t.is(reason(bytes('\x01\x01f\0octet\0')), 'unknown opcode')
  t.is(reason(bytes('\0\x01\0octet\0')), 'truncated')
  t.is(reason(bytes(`\0\x01${'f'.repeat(512)}\0octet\0`)), 'request too long')
})

test('tftp: a request that is filled up with zeros is one', (t) => {
  t.deepEqual(decodeTftp(bytes('\0\x01f\0OCTET\0\0\0\0\0')), { kind: 'read', file: 'f', mode: 'octet', options: [] })
})
