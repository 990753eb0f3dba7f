import test from 'ava'
import fc from 'fast-check'
import { buildFrame, buildPacket } from '../testing/packets.ts'
import { fragmentFrame } from '../testing/packets/fragments.ts'
import { DecodeError } from './decode-error.ts'
import { checkPart, coverage, isPart, reassemble, splitPacket } from './fragments.ts'
import { parseIp } from './ip-packet.ts'
import type { Packet } from '../testing/packets.ts'
import type { Part } from './fragments.ts'

const payload = Uint8Array.from({ length: 3000 }, (_, i) => i)
const four: Packet = { kind: 'udp', from: '10.0.0.1:1', to: '10.0.0.2:2', payload, identification: 0x4321 }
const six: Packet = { kind: 'udp', from: '[fd00::1]:1', to: '[fd00::2]:2', payload }
const sixLong: Packet = { ...six, extensions: [{ kind: 'hop-by-hop' }, { kind: 'destination' }] }

const partsOf = (packet: Packet, sizes: readonly number[]): readonly Part[] =>
  fragmentFrame(buildFrame(packet), sizes).map((frame) => {
    const part = parseIp(frame.subarray(14))
    if (!isPart(part)) throw new Error('a fragment that is none')
    return part
  })

for (const [name, packet] of [
  ['IPv4', four],
  ['IPv6', six],
  ['IPv6 with a header for each hop', { ...six, extensions: [{ kind: 'hop-by-hop' }] }],
] as const) {
  test(`fragments: ${name} in any order becomes the datagram again`, (t) => {
    const parts = partsOf(packet, [1480, 800, 728])
    const whole = buildPacket(packet)
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const some = order.map((index) => parts[index]!)
      t.is(coverage(some.slice(0, 2)), 'incomplete')
      t.is(coverage(some), 'complete')
      t.deepEqual(Buffer.from(reassemble(some).bytes), Buffer.from(whole))
    }
  })

  test(`fragments: ${name} is split as the test's own fragmenter does it`, (t) => {
    const whole = parseIp(buildPacket(packet))
    const headers = whole.unfragmentable + (whole.family === 6 ? 8 : 0)
    const found = splitPacket(whole, headers + 1480, 0x4321)
    const wanted = fragmentFrame(buildFrame(packet), [1480, 1480, 48], 0x4321).map((frame) => frame.subarray(14))
    t.deepEqual(
      found.map((bytes) => Buffer.from(bytes)),
      wanted.map((bytes) => Buffer.from(bytes)),
    )
  })
}

test('fragments: what fits is not split', (t) => {
  t.deepEqual(splitPacket(parseIp(buildPacket(four)), 3028, 1), [buildPacket(four)])
})

test('fragments: overlaps and bytes behind the last one are found, whatever is missing', (t) => {
  const cases: readonly (readonly [string, readonly (readonly [number, number, boolean])[]])[] = [
    [
      'overlap',
      [
        [0, 16, true],
        [8, 16, false],
      ],
    ],
    [
      'overlap',
      [
        [0, 16, true],
        [0, 16, true],
      ],
    ],
    [
      'overlap',
      [
        [32, 16, true],
        [40, 16, false],
      ],
    ],
    [
      'overlap',
      [
        [16, 16, false],
        [40, 16, true],
      ],
    ],
    [
      'overlap',
      [
        [16, 16, false],
        [16, 16, false],
      ],
    ],
    ['incomplete', [[16, 16, false]]],
    [
      'incomplete',
      [
        [0, 16, true],
        [32, 16, false],
      ],
    ],
    [
      'incomplete',
      [
        [0, 16, true],
        [16, 16, true],
      ],
    ],
    [
      'complete',
      [
        [16, 3, false],
        [0, 16, true],
      ],
    ],
  ]
  for (const [wanted, pieces] of cases) {
    const parts = pieces.map(([offset, length, more]) =>
      parseIp(
        buildPacket({
          kind: 'other',
          protocol: 17,
          from: '10.0.0.1',
          to: '10.0.0.2',
          payload: new Uint8Array(length),
          moreFragments: more,
          fragmentOffset: offset / 8,
        }),
      ),
    ) as Part[]
    t.is(coverage(parts), wanted as ReturnType<typeof coverage>, JSON.stringify(pieces))
    t.is(coverage(parts.toReversed()), wanted as ReturnType<typeof coverage>)
  }
})

const piece = (length: number, offset: number, more: boolean): Part =>
  parseIp(
    buildPacket({
      kind: 'other',
      protocol: 17,
      from: '10.0.0.1',
      to: '10.0.0.2',
      payload: new Uint8Array(length),
      moreFragments: more,
      fragmentOffset: offset / 8,
    }),
  ) as Part

test('fragments: parts that cannot be one are refused', (t) => {
  for (const part of [piece(12, 0, true), piece(0, 16, false), piece(16, 65528, false)])
    t.throws(() => checkPart(part), { instanceOf: DecodeError })
  t.notThrows(() => checkPart(piece(12, 8, false)))
})

test('fragments: any cut of any datagram in any order becomes it again', (t) => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 8 })
  fc.assert(
    fc.property(
      cuts,
      fc.constantFrom(four, six, sixLong),
      fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
      (units, packet, order) => {
        const sizes = units.map((unit) => unit * 8)
        const data = payload.subarray(0, sizes.reduce((sum, size) => sum + size, 0) - 8)
        const whole = buildPacket({ ...packet, payload: data })
        const shuffled = partsOf({ ...packet, payload: data }, sizes)
          .map((part, index) => ({ part, rank: order[index] ?? 0 }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ part }) => part)
        return coverage(shuffled) === 'complete' && Buffer.compare(reassemble(shuffled).bytes, whole) === 0
      },
    ),
  )
  t.pass()
})

test('ip-packet: whatever the bytes, reading them ends with a packet or a DecodeError', (t) => {
  const lead = fc.constantFrom(buildPacket(four), buildPacket(sixLong), partsOf(six, [1480, 1528])[1]!.bytes)
  fc.assert(
    fc.property(lead, fc.nat(60), fc.uint8Array({ maxLength: 80 }), fc.boolean(), (start, kept, rest, cut) => {
      try {
        const packet = parseIp(Uint8Array.from([...start.subarray(0, kept), ...rest]), { cut })
        return packet.payload <= packet.bytes.length
      } catch (error) {
        return error instanceof DecodeError
      }
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

test('ip-packet: every truncation is refused, and a cut packet is one as long as its headers are there', (t) => {
  for (const packet of [four, sixLong]) {
    const whole = buildPacket({ ...packet, payload: new Uint8Array(8) })
    const { payload: headerBytes } = parseIp(whole)
    for (let length = 0; length < whole.length; length++) {
      t.throws(() => parseIp(whole.subarray(0, length)), { instanceOf: DecodeError })
      const cut = (): unknown => parseIp(whole.subarray(0, length), { cut: true })
      if (length < headerBytes) t.throws(cut, { instanceOf: DecodeError })
      else t.notThrows(cut)
    }
  }
})
