// Captures written by hand, as their formats are described.

import test from 'ava'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { gzipSync } from 'node:zlib'
import { testWith } from '../testing/needs.ts'
import { CaptureError, pcapngFrame, pcapngHeader, readCapture, readCapturedFrame } from './index.ts'
import type { CapturedFrame } from './index.ts'
import { CaptureReader } from './reader.ts'

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

const framesOf = (parts: Iterable<Uint8Array>): readonly CapturedFrame[] => {
  const reader = new CaptureReader()
  const found: CapturedFrame[] = []
  for (const part of parts) for (const frame of reader.read(part)) found.push({ ...frame, bytes: frame.bytes.slice() })
  reader.finish()
  return found
}

const read = (file: Uint8Array): readonly Uint8Array[] => framesOf([file]).map(({ bytes }) => bytes)

for (const [name, parts] of Object.entries(files)) {
  test(`captures: reads the frames of ${name}, in whatever portions it comes`, (t) => {
    const file = join(...parts)
    const whole = framesOf([file])
    t.deepEqual(
      whole.map(({ bytes }) => bytes),
      frames,
    )
    t.deepEqual(
      whole.map(({ number, linkType }) => [number, linkType]),
      [1, 2, 3].map((number) => [number, 1]),
    )
    t.is(whole[0]?.wireBytes, 18)
    for (const size of [1, 7, 64])
      t.deepEqual(
        framesOf(Array.from({ length: Math.ceil(file.length / size) }, (_, i) => file.slice(i * size, (i + 1) * size))),
        whole,
      )
  })

  test(`captures: gives what was there before every truncation of ${name}, and says where it ends`, (t) => {
    const file = join(...parts)
    const ends = parts.map((_, index) => join(...parts.slice(0, index + 1)).length)
    for (let length = 0; length < file.length; length++) {
      const reader = new CaptureReader()
      const found = [...reader.read(file.subarray(0, length))]
      t.true(found.length <= frames.length)
      if (ends.includes(length)) {
        reader.finish()
        continue
      }
      const error = t.throws(() => reader.finish(), { instanceOf: CaptureError }, `${length}`)
      t.is(error.problem, length < 4 ? 'foreign' : 'cut', `${length}`)
      t.is(error.offset, length < 4 ? 0 : length)
      t.is(error.frame, length < 4 ? 0 : found.length + 1)
    }
  })

  test(`captures: no byte that is changed in ${name} is more than a refusal`, (t) => {
    const file = join(...parts)
    for (let at = 0; at < file.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = file.slice()
        changed[at] = value
        try {
          for (const { bytes, wireBytes } of framesOf([changed])) t.true(bytes.length <= wireBytes)
        } catch (error) {
          t.true(error instanceof CaptureError, `byte ${at}: ${String(error)}`)
        }
      }
    }
  })
}

test('captures: a new section may have another byte order and has its own interfaces', (t) => {
  t.deepEqual(read(join(...blocks(true), ...blocks(false))), [...frames, ...frames])
  const orphan = [...blocks(true), ...blocks(false).filter((_, index) => index !== 1)]
  t.throws(() => read(join(...orphan)), { instanceOf: CaptureError, message: /frame 4, .*unknown interface/ })
})

test('captures: the simple frames of an interface with a snapshot length are cut to it', (t) => {
  const write = writer(true)
  const { u16, u32 } = write
  const [section] = blocks(true) as [Uint8Array]
  const file = join(
    section,
    block(write, 1, join(u16(1), u16(0), u32(3))),
    block(write, 3, join(u32(9), Uint8Array.of(1, 2, 3))),
  )
  t.deepEqual(framesOf([file]), [{ number: 1, time: null, linkType: 1, bytes: Uint8Array.of(1, 2, 3), wireBytes: 9 }])
})

test('captures: refuses what is no capture', (t) => {
  t.like(
    t.throws(() => read(new Uint8Array(100)), { instanceOf: CaptureError }),
    { problem: 'foreign', offset: 0 },
  )
  t.like(
    t.throws(() => read(new Uint8Array(0)), { instanceOf: CaptureError }),
    { problem: 'foreign', offset: 0 },
  )
})

test('captures: what is behind a length that lies is not guessed', (t) => {
  const [header, first, second] = classic(true) as [Uint8Array, Uint8Array, Uint8Array]
  const lying = second.slice()
  lying.fill(0xff, 8, 12)
  const error = t.throws(() => read(join(header, first, lying)), { instanceOf: CaptureError })
  t.like(error, { problem: 'damaged', reason: 'length lies', frame: 2, offset: header.length + first.length + 8 })
})

// ---- time -----------------------------------------------------------------------------------------------------------

/** pcapng with one interface of these options, and one frame at these ticks. */
const withOptions = (options: Uint8Array, high: number, low: number): Uint8Array => {
  const write = writer(true)
  const { u16, u32 } = write
  const [section] = blocks(true) as [Uint8Array]
  return join(
    section,
    block(write, 1, join(u16(1), u16(0), u32(0), options)),
    block(write, 6, join(u32(0), u32(high), u32(low), u32(0), u32(0))),
  )
}

const resolution = (value: number): Uint8Array => Uint8Array.of(9, 0, 1, 0, value, 0, 0, 0)
const times: readonly (readonly [string, Uint8Array, readonly [number, number], readonly [number, number]])[] = [
  ['microseconds where nothing is said', new Uint8Array(0), [1, 5], [4294, 967_301_000]],
  ['nanoseconds', resolution(9), [1, 5], [4, 294_967_301]],
  ['nanoseconds of this century', resolution(9), [0x17979cfe, 0x362a_0015], [1_700_000_000, 21]],
  ['as many nanoseconds as there can be', resolution(9), [0xffffffff, 0xffffffff], [18_446_744_073, 709_551_615]],
  ['seconds', resolution(0), [0, 5], [5, 0]],
  ['parts of a power of two', resolution(0x80 | 10), [0, 1024 * 3 + 512], [3, 500_000_000]],
  ['more digits than nanoseconds have', resolution(12), [0, 1_999_999], [0, 1999]],
  [
    'an offset',
    join(resolution(6), Uint8Array.of(14, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0, 0), Uint8Array.of(0, 0, 0, 0)),
    [0, 1],
    [100, 1000],
  ],
]
for (const [what, options, [high, low], [seconds, nanoseconds]] of times)
  test(`captures: time is counted in ${what}`, (t) => {
    t.deepEqual(framesOf([withOptions(options, high, low)])[0]?.time, { seconds, nanoseconds })
  })

test('captures: time of classic files is of micro- or nanoseconds', (t) => {
  const timeOf = (magic: number) => framesOf([join(...classic(false, magic))])[0]?.time
  t.deepEqual(timeOf(0xa1b2c3d4), { seconds: 1, nanoseconds: 2000 })
  t.deepEqual(timeOf(0xa1b23c4d), { seconds: 1, nanoseconds: 2 })
})

// ---- files ----------------------------------------------------------------------------------------------------------

const directory = mkdtempSync(joinPath(tmpdir(), 'sluice-captures-'))
test.after.always(() => rmSync(directory, { recursive: true }))
const saved = (name: string, bytes: Uint8Array): string => {
  const path = joinPath(directory, name)
  writeFileSync(path, bytes)
  return path
}

const readFile = async (path: string): Promise<{ readonly count: number; readonly error: unknown }> => {
  let count = 0
  try {
    for await (const part of readCapture(path)) for (const _ of part) count++
    return { count, error: null }
  } catch (error) {
    return { count, error }
  }
}

test('captures: reads compressed files, and one frame of a file', async (t) => {
  const path = saved('packed.pcap.gz', gzipSync(join(...classic(true))))
  t.deepEqual(await readFile(path), { count: 3, error: null })
  t.like(await readCapturedFrame(path, 2), { number: 2, bytes: frames[1] })
  t.is(await readCapturedFrame(path, 4), undefined)
})

test('captures: gives what is there of a compressed file that was cut or damaged', async (t) => {
  const { u32 } = writer(true)
  const [header] = classic(true) as [Uint8Array]
  const noise = Uint8Array.from({ length: 1000 }, (_, i) => (i * i * 31) >> 3)
  const record = (i: number): Uint8Array =>
    join(
      u32(i),
      u32(0),
      u32(1000),
      u32(1000),
      noise.map((byte) => byte ^ (i * 7)),
    )
  const packed = gzipSync(join(header, ...Array.from({ length: 500 }, (_, i) => record(i))))
  const cut = await readFile(saved('cut.gz', packed.subarray(0, packed.length >> 1)))
  t.true(cut.count > 50 && cut.count < 450)
  t.like(cut.error, { problem: 'cut' })
  const noEnd = await readFile(saved('no-end.gz', packed.subarray(0, -4)))
  t.is(noEnd.count, 500)
  t.like(noEnd.error, { problem: 'cut' })
  const broken = await readFile(saved('broken.gz', packed.fill(0xff, packed.length - 2000, packed.length - 1000)))
  t.like(broken.error, { problem: 'damaged' })
})

test('captures: writes pcapng that it reads again', (t) => {
  const time = { seconds: 1_700_000_000, nanoseconds: 123_456_789 }
  const header = pcapngHeader([{ linkType: 1, name: 'eth0' }, { linkType: 101 }])
  const written = frames.map((bytes, index) =>
    pcapngFrame({ interface: index % 2, time, bytes, wireBytes: bytes.length + 1, comments: ['what it was', 'ä'] }),
  )
  t.deepEqual(
    framesOf([header, ...written]),
    frames.map((bytes, index) => ({
      number: index + 1,
      time,
      linkType: index % 2 === 0 ? 1 : 101,
      bytes,
      wireBytes: bytes.length + 1,
    })),
  )
  t.throws(() => pcapngFrame({ interface: 0, time, bytes: frames[0]!, comments: ['x'.repeat(65_536)] }), {
    instanceOf: RangeError,
  })
})

testWith(['tshark'], 'captures: tshark reads the time and the comments of what is written', (t) => {
  const frame = { interface: 0, time: { seconds: 1_700_000_000, nanoseconds: 123_456_789 }, bytes: new Uint8Array(60) }
  const bytes = join(pcapngHeader([{ linkType: 1 }]), pcapngFrame({ ...frame, comments: ['first', 'second'] }))
  const fields = ['frame.time_epoch', 'frame.comment'].flatMap((field) => ['-e', field])
  const line = execFileSync('tshark', ['-r', saved('written.pcapng', bytes), '-T', 'fields', ...fields]).toString()
  t.is(line.trim(), '1700000000.123456789\tfirst,second')
})
