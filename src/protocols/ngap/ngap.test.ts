import test from 'ava'
import { DecodeError } from '../../wire/decode-error.ts'
import { elementSuite } from '../../testing/aper-suite.ts'
import { bytesOf, hexOf, protocolSuite } from '../../testing/protocol-suite.ts'
import { definitions } from './elements.ts'
import { elements, find, ngap, replace } from './index.ts'
import { vectors } from './test-vectors.ts'
import type { NgapMessage } from './index.ts'

const message = (hex: string): NgapMessage => ngap.decode(bytesOf(hex))

/** So many elements of the shortest kind, which are all there is. */
const manyElements = (count: number): Uint8Array => {
  const length = 3 + count * 4
  const fragments = Math.floor(length / 16_384)
  const value = Buffer.alloc(length)
  value.writeUInt16BE(count, 1)
  for (let at = 3; at < length; at += 4) value.writeUInt16BE(0x7000, at)
  const tail = value.subarray(fragments * 16_384)
  return Buffer.concat([
    Buffer.from([0, 4, 0x40, 0xc0 | fragments]),
    value.subarray(0, fragments * 16_384),
    Buffer.from([0x80 | (tail.length >> 8), tail.length & 0xff]),
    tail,
  ])
}

/** A reset of so many connections, by the AMF's number alone: they take three bytes each. */
const reset = (count: number): NgapMessage =>
  replace(message('00140016 000002 000f400186 0058000a40026001000128010000'), elements.resetType, {
    kind: 'part',
    value: Array.from({ length: count }, (_, id) => ({ amfUeNgapId: id & 0xff })),
  })

protocolSuite(ngap, {
  vectors,
  hostile: [
    { title: 'a message of 12,000 elements is read', bytes: () => manyElements(12_000), reason: null },
    {
      title: 'a count of elements that are not there costs nothing',
      bytes: () => bytesOf('00044003 00ffff'),
      reason: 'truncated',
    },
    { title: 'a reset of 65,536 connections is read', bytes: () => ngap.encode(reset(65_536)), reason: null },
    {
      title: 'a list of items that are not there is refused',
      bytes: () => bytesOf(`0014400d 000001 00580006 40 c4 000000 00`),
      reason: 'truncated',
    },
    {
      title: 'a length of fragments without an end is refused',
      bytes: () => bytesOf('000440c4 00'),
      reason: 'truncated',
    },
    {
      title: 'fragments that are shorter than they could be are refused',
      bytes: () => Buffer.concat([bytesOf('000440c1'), Buffer.alloc(16_384), bytesOf('c1'), Buffer.alloc(16_385)]),
      reason: 'length is not in its shortest form',
    },
  ],
})

const reasonOf = (hex: string): string => {
  try {
    ngap.decode(bytesOf(hex))
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
  return 'no reason'
}

test('ngap: what could not be written as it came is refused by name, with the element and the byte', (t) => {
  t.is(reasonOf('00044080 03 000000'), 'length is not in its shortest form at byte 3')
  t.is(reasonOf('60044003 000000'), 'unknown message kind at byte 0')
  t.is(reasonOf('0004c003 000000'), 'unknown criticality at byte 2')
  t.is(reasonOf('00044103 000000'), 'padding is not zero at byte 2')
  t.is(reasonOf('00044004 000000 00'), 'bytes left over at byte 7')
  t.is(reasonOf('00044008 000001 00260005 00'), 'NAS-PDU: truncated at byte 12')
  t.is(reasonOf('0004400a 000001 000a 00 03 200001'), 'AMF-UE-NGAP-ID: number is not in its shortest form at byte 12')
  t.is(reasonOf('00044009 000001 000a 00 02 a001'), 'AMF-UE-NGAP-ID: value out of range at byte 11')
  t.is(reasonOf('00044009 000001 000a 00 02 0101'), 'AMF-UE-NGAP-ID: padding is not zero at byte 11')
  t.is(reasonOf('0004400a 000001 0055 00 03 000101'), 'RAN-UE-NGAP-ID: bytes left over at byte 13')
})

test('ngap: an error inside of a message in fragments names the byte where it came', (t) => {
  const nas = { id: 38, criticality: 'reject', value: new Uint8Array(70_000) } as const
  const ran = { id: 85, criticality: 'reject', value: bytesOf('0001') } as const
  const bytes = ngap.encode({ ...message('00170003000000'), elements: [nas, ran] })
  const at = bytes.length - 2
  t.is(hexOf(bytes.subarray(at)), '0001')
  const cut = bytes.slice()
  cut[at - 1] = 9
  const error = t.throws(() => ngap.decode(cut), { instanceOf: DecodeError })
  t.is(error?.reason, 'truncated')
  t.is(error?.offset, bytes.length)
  const lies = bytes.slice()
  lies[at - 2] = 1
  t.is(t.throws(() => ngap.decode(lies), { instanceOf: DecodeError })?.offset, at - 2)
})

test('ngap: an element that cannot be read is kept, and said to be so', (t) => {
  const { fields } = ngap.describe(message('0015000c 000001 00010005 0280616d66'))
  t.deepEqual(fields['unreadable'], ['AMFName: truncated at byte 5'])
})

test('ngap: elements are found by their definitions, and replaced', (t) => {
  const response = message(vectors[1]!.hex)
  t.is(find(response.elements, elements.amfName), 'amf-lb')
  t.is(find(response.elements, elements.cause), undefined)
  const other = replace(response, elements.servedGuamis, [
    { guami: { plmn: 0x00f110, region: 2, set: 1, pointer: 9 }, backupAmfName: 'b' },
  ])
  t.is(hexOf(other.elements[1]!.value), '004000f110020049000062')
  t.deepEqual(find(ngap.decode(ngap.encode(other)).elements, elements.servedGuamis), [
    { guami: { plmn: 0x00f110, region: 2, set: 1, pointer: 9 }, backupAmfName: 'b' },
  ])
})

elementSuite({ protocol: ngap, definitions, vectors })
