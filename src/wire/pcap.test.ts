// Captures written by hand, as their formats are described.

import test from 'ava'
import { DecodeError } from './decode-error.ts'
import { readCapture, readCapturedFrame } from './pcap.ts'

const frames = [Uint8Array.from({ length: 17 }, (_, i) => i + 1), Uint8Array.of(9, 8, 7, 6), new Uint8Array(0)]

interface Writer {
  readonly u16: (value: number) => Uint8Array
  readonly u32: (value: number) => Uint8Array
}

const writer = (little: boolean): Writer => {
  const write = (bytes: number, set: (view: DataView) => void): Uint8Array => {
    const view = new DataView(new ArrayBuffer(bytes))
    set(view)
    return new Uint8Array(view.buffer)
  }
  return {
    u16: (value) => write(2, (view) => view.setUint16(0, value, little)),
    u32: (value) => write(4, (view) => view.setUint32(0, value, little)),
  }
}

const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

const classic = (little: boolean, magic = 0xa1b2c3d4, linkType = 1): readonly Uint8Array[] => {
  const { u16, u32 } = writer(little)
  return [
    join(u32(magic), u16(2), u16(4), u32(0), u32(0), u32(65_535), u32(linkType)),
    ...frames.map((frame) => join(u32(1), u32(2), u32(frame.length), u32(frame.length + 1), frame)),
  ]
}

const block = ({ u32 }: Writer, type: number, body: Uint8Array): Uint8Array => {
  const padded = join(body, new Uint8Array(-body.length & 3))
  return join(u32(type), u32(padded.length + 12), padded, u32(padded.length + 12))
}

const blocks = (little: boolean, linkType = 1): readonly Uint8Array[] => {
  const write = writer(little)
  const { u16, u32 } = write
  const [first, second, third] = frames as [Uint8Array, Uint8Array, Uint8Array]
  const head = (frame: Uint8Array): Uint8Array => join(u32(1), u32(2), u32(frame.length), u32(frame.length + 1))
  return [
    block(write, 0x0a0d0d0a, join(u32(0x1a2b3c4d), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff))),
    block(write, 1, join(u16(linkType), u16(0), u32(0))),
    block(write, 4, Uint8Array.of(0, 0, 0, 0)), // names: nothing for us
    block(write, 6, join(u32(0), head(first), first)),
    block(write, 3, join(u32(second.length), second)),
    block(write, 2, join(u16(0), u16(0), head(third), third)),
  ]
}

const files = {
  'pcap, little-endian': classic(true),
  'pcap, big-endian': classic(false),
  'pcap with nanoseconds': classic(true, 0xa1b23c4d),
  'pcapng, little-endian': blocks(true),
  'pcapng, big-endian': blocks(false),
}

const read = (file: Uint8Array): readonly Uint8Array[] => [...readCapture(file)].map(({ bytes }) => bytes)

for (const [name, parts] of Object.entries(files)) {
  test(`pcap: reads the frames of ${name}`, (t) => {
    const file = join(...parts)
    t.deepEqual(read(file), frames)
    t.deepEqual(
      [...readCapture(file)].map(({ number }) => number),
      [1, 2, 3],
    )
    t.like(readCapturedFrame(file, 1), { number: 1, bytes: frames[0], wireBytes: 18 })
    t.is(readCapturedFrame(file, 4), undefined)
  })

  test(`pcap: refuses every truncation of ${name}`, (t) => {
    const file = join(...parts)
    const ends = new Set(parts.map((_, index) => join(...parts.slice(0, index + 1)).length))
    for (let length = 0; length < file.length; length++) {
      const cut = file.subarray(0, length)
      if (ends.has(length)) t.true(read(cut).length <= frames.length, `${length}`)
      else t.throws(() => read(cut), { instanceOf: DecodeError }, `${length}`)
    }
  })

  test(`pcap: no byte that is changed in ${name} is more than a refusal`, (t) => {
    const file = join(...parts)
    for (let at = 0; at < file.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = file.slice()
        changed[at] = value
        try {
          for (const { bytes, wireBytes } of readCapture(changed)) t.true(bytes.length <= wireBytes)
        } catch (error) {
          t.true(error instanceof DecodeError, `byte ${at}: ${String(error)}`)
        }
      }
    }
  })
}

test('pcap: a new section may have another byte order and has its own interfaces', (t) => {
  t.deepEqual(read(join(...blocks(true), ...blocks(false))), [...frames, ...frames])
  const orphan = [...blocks(true), ...blocks(false).filter((_, index) => index !== 1)]
  t.throws(() => read(join(...orphan)), { instanceOf: DecodeError, message: /unknown interface/ })
})

test('pcap: the simple frames of an interface with a snapshot length are cut to it', (t) => {
  const write = writer(true)
  const { u16, u32 } = write
  const [section] = blocks(true) as [Uint8Array]
  const file = join(
    section,
    block(write, 1, join(u16(1), u16(0), u32(3))),
    block(write, 3, join(u32(9), Uint8Array.of(1, 2, 3))),
  )
  t.deepEqual([...readCapture(file)], [{ number: 1, bytes: Uint8Array.of(1, 2, 3), wireBytes: 9 }])
})

test('pcap: refuses other links than Ethernet, and what is no capture', (t) => {
  t.throws(() => read(join(...classic(true, 0xa1b2c3d4, 113))), { instanceOf: DecodeError, message: /not Ethernet/ })
  t.throws(() => read(join(...blocks(true, 113))), { instanceOf: DecodeError, message: /not Ethernet/ })
  t.throws(() => read(new Uint8Array(100)), { instanceOf: DecodeError, message: /not a capture/ })
})
