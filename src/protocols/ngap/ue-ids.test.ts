// The numbers of UEs: found the short way, and replaced, with the lengths around them.

import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../../wire/decode-error.ts'
import { bytesOf, hexOf } from '../../testing/protocol-suite.ts'
import { elements, find, mapAmfUeNgapIds, ngap, ngapUeKeys } from './index.ts'
import { key, vectors } from './test-vectors.ts'
import type { NgapMessage } from './index.ts'

const message = (hex: string): NgapMessage => ngap.decode(bytesOf(hex))

/** Where an AMF-UE-NGAP-ID may stand, each with the number 1. */
const placesOfAmfId: readonly (readonly [string, string])[] = [
  ['AMF-UE-NGAP-ID', '00044018 000003 000a00020001 005500020001 00260005047e004417'],
  ['NewAMF-UE-NGAP-ID', '0028000f 000002 005500020001 002800020001'],
  ['SourceAMF-UE-NGAP-ID', '0019000f 000002 005500020007 006400020001'],
  ['UE-NGAP-IDs', '00290010 000002 0072000400010001 000f400140'],
  ['UE-NGAP-IDs, alone', '0029000e 000002 007200024001 000f400140'],
  ['ResetType', '00140012 000002 000f400186 00580006 4001 6001 0001'],
  ['UE-associatedLogicalNG-connectionList', '2014000c 000001 006f0005 01 6001 0001'],
]

test('ngap: an AMF-UE-NGAP-ID is replaced wherever it stands, with all lengths, and put back as it was', (t) => {
  for (const [name, hex] of placesOfAmfId) {
    const before = message(hex)
    t.deepEqual(
      mapAmfUeNgapIds(before, (id) => id),
      before,
      name,
    )
    for (const id of [0, 2, 0xff, 0x100, 0xffff, 0x01_0000, 0xff_ffff, 0xffff_ffff, 0x80_0000_0001, 0xff_ffff_ffff]) {
      const after = ngap.decode(ngap.encode(mapAmfUeNgapIds(before, () => id)))
      const found = ngap.sessions(after).filter(({ kind }) => kind === 'amf-ue')
      t.deepEqual(found, [key('amf-ue', `0x${id.toString(16).padStart(10, '0')}`)], name)
      t.is(hexOf(ngap.encode(mapAmfUeNgapIds(after, () => 1))), hex.replaceAll(' ', ''), name)
    }
  }
  t.throws(() => mapAmfUeNgapIds(message(placesOfAmfId[0]![1]), () => 2 ** 40), { instanceOf: RangeError })
})

test('ngap: a replaced number changes its own bytes, its length and those around it, and nothing else', (t) => {
  const before = message('00044018 000003 000a00020001 005500020001 00260005047e004417')
  const after = ngap.encode(mapAmfUeNgapIds(before, () => 0x80_0000_0001))
  t.is(hexOf(after), '0004401c000003000a000680800000000100550002000100260005047e004417')
})

test('ngap: lengths keep their shortest form where a replaced number takes them over a limit', (t) => {
  // The value is 3 bytes, 6 for each number, and the NAS PDU with its header and length.
  for (const limit of [128, 16_384, 65_536]) {
    for (let over = -6; over <= 6; over++) {
      const nas = Buffer.alloc(limit - 15 - 5 + over, 0x5a)
      const before: NgapMessage = {
        ...message('00044018 000003 000a00020001 005500020001 00260005047e004417'),
        elements: [
          { id: 10, criticality: 'reject', value: bytesOf('0001') },
          { id: 85, criticality: 'reject', value: bytesOf('0001') },
          { id: 38, criticality: 'reject', value: nas },
        ],
      }
      const longer = ngap.decode(ngap.encode(mapAmfUeNgapIds(before, () => 0x80_0000_0001)))
      t.is(ngap.sessions(longer)[0]?.value, '0x8000000001')
      t.deepEqual(Buffer.from(longer.elements[2]!.value), nas)
      t.deepEqual(ngap.encode(mapAmfUeNgapIds(longer, () => 1)), ngap.encode(before))
    }
  }
})

test('ngap: bytes of the lengths around a limit are those of X.691', (t) => {
  const withNas = (size: number): string => {
    const nas = { id: 38, criticality: 'reject', value: new Uint8Array(size) } as const
    return hexOf(ngap.encode({ ...message('00170003000000'), elements: [nas] }))
  }
  t.true(withNas(120).startsWith('0017007f00000100260078'))
  t.true(withNas(121).startsWith('001700808000000100260079'))
  t.true(withNas(127).startsWith('00170080860000010026007f'))
  t.true(withNas(128).startsWith('00170080880000010026008080'))
  t.true(withNas(16_375).startsWith('001700bfff000001002600bff7'))
  const first = withNas(16_376)
  t.true(first.startsWith('001700c1000001002600bff8'))
  t.is(first.length / 2, 3 + 1 + 16_384 + 1)
  t.true(first.endsWith('00'))
})

test('ngap: the short way to the numbers of UEs finds what the long one does', (t) => {
  for (const { hex, title } of vectors) {
    const bytes = bytesOf(hex)
    const { elements: list, kind, procedure } = ngap.decode(bytes)
    if (procedure === 31) {
      t.is(ngapUeKeys(bytes), null, title)
      continue
    }
    const core = find(list, elements.amfUeNgapId) ?? find(list, elements.sourceAmfUeNgapId)
    const ran = find(list, elements.ranUeNgapId)
    t.deepEqual(ngapUeKeys(bytes), { kind, procedure, core: core ?? null, ran: ran ?? null }, title)
  }
})

test('ngap: the short way reads what may be anything, and says no more than that it cannot', (t) => {
  const mutated = fc
    .tuple(fc.constantFrom(...vectors.map(({ hex }) => bytesOf(hex))), fc.nat(), fc.nat(255), fc.nat())
    .map(([bytes, at, byte, length]) => bytes.with(at % bytes.length, byte).subarray(0, length % (bytes.length + 1)))
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      try {
        ngapUeKeys(bytes)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
  )
  t.pass()
})
