import test from 'ava'
import fc from 'fast-check'
import { buildPacket } from '../../testing/packets.ts'
import { packetPartsOf } from '../../testing/packets/parts.ts'
import { internetChecksum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { parseIp } from '../../wire/ip-packet.ts'
import { translateIcmpError } from './icmp-translate.ts'
import { sidesOf } from '../../testing/slow-path/punts.ts'
import type { Packet } from '../../testing/packets.ts'
import type { Flow } from '../layout.gen.ts'

/** A flow with a client in one family and an endpoint in the other, and what is seen of it. */
interface Crossing {
  readonly client: string
  readonly vip: string
  readonly source: string
  readonly endpoint: string
  readonly router: string
  readonly flow: Flow
}

const crossing = (parts: Omit<Crossing, 'flow'>): Crossing => ({ ...parts, flow: sidesOf(parts).endpoint })

const nat64 = crossing({
  client: '[2001:db8::9]:4000',
  vip: '[2001:db8::1]:80',
  source: '10.9.9.9:5000',
  endpoint: '10.2.0.3:8080',
  router: '10.2.0.254',
})
const nat46 = crossing({
  client: '192.0.2.9:4000',
  vip: '192.0.2.1:80',
  source: '[fd00::9]:5000',
  endpoint: '[fd00::3]:8080',
  router: 'fd00::fe',
})

interface Options {
  readonly type: number
  readonly code: number
  readonly word?: number
  /** of the quoted packet */
  readonly kind?: 'tcp' | 'udp'
  readonly payload?: Uint8Array
  readonly quoted?: Partial<Packet>
  readonly error?: Partial<Packet>
}

const inner = (from: string, to: string, { kind = 'tcp', payload, quoted }: Options): Packet =>
  ({
    kind,
    from,
    to,
    ...(kind === 'tcp' ? { flags: 'A' } : {}),
    ttl: 61,
    payload: payload ?? new Uint8Array(20),
    dontFragment: true,
    ...quoted,
  }) as Packet

/** An error from a router between us and the endpoint, about a packet of the client as we have sent it. */
const errorIn = (about: Crossing, options: Options): Uint8Array => {
  const { code, type, word = 0 } = options
  const inside = buildPacket(inner(about.source, about.endpoint, options))
  const to = about.source
  return buildPacket({
    kind: 'icmp-error',
    from: about.router,
    to,
    type,
    code,
    word,
    inside,
    ttl: 60,
    ...options.error,
  } as Packet)
}

/** What the client must get: it sees the VIP complain about what it sent there. */
const errorOut = (about: Crossing, options: Options): Uint8Array => {
  const { code, type, word = 0 } = options
  // What the identification and DF of the IPv4 packet were is not known any more.
  const quoted = { identification: 0, dontFragment: false, ...options.quoted } as Partial<Packet>
  const inside = buildPacket(inner(about.client, about.vip, { ...options, quoted }))
  const [from, to] = [about.vip, about.client]
  return buildPacket({ kind: 'icmp-error', from, to, type, code, word, inside, ttl: 59, identification: 0 })
}

const translate = (about: Crossing, packet: Uint8Array): Buffer =>
  Buffer.from(translateIcmpError(parseIp(packet), about.flow))

/** IPv4 type/code, IPv6 type/code and second word, from the text of RFC 7915 4.2. */
const rfc7915Section42 = `
  3/0 1/0, 3/1 1/0, 3/2 4/1=6, 3/3 1/4, 3/4 2/0, 3/5 1/0, 3/6 1/0, 3/7 1/0, 3/8 1/0, 3/9 1/1, 3/10 1/1, 3/11 1/0,
  3/12 1/0, 3/13 1/1, 3/14 -, 3/15 1/1, 4/0 -, 5/0 -, 5/1 -, 11/0 3/0, 11/1 3/1, 12/0 4/0, 12/1 -, 12/2 4/0, 12/3 -`
/** IPv6 to IPv4, from 5.2. */
const rfc7915Section52 = `
  1/0 3/1, 1/1 3/10, 1/2 3/1, 1/3 3/1, 1/4 3/3, 1/5 -, 1/6 -, 2/0 3/4, 3/0 11/0, 3/1 11/1, 4/0 12/0, 4/1 3/2, 4/2 -,
  5/0 -, 100/0 -`

const rows = (text: string): readonly (readonly [string, string])[] =>
  text
    .trim()
    .split(/,\s+/)
    .map((row) => row.split(' ') as [string, string])

for (const [about, name, table] of [
  [nat64, 'IPv4', rfc7915Section42],
  [nat46, 'IPv6', rfc7915Section52],
] as const) {
  for (const [from, to] of rows(table)) {
    const [type = 0, code = 0] = from.split('/').map(Number)
    const needsMtu = to === '2/0' || to === '3/4'
    const word = needsMtu ? 1400 : 0
    const packet = errorIn(about, { type, code, word })
    if (to === '-') {
      test(`icmp: ${name} ${from} has no like in the other family and is refused`, (t) => {
        t.throws(() => translate(about, packet), { instanceOf: DecodeError })
      })
      continue
    }
    test(`icmp: ${name} ${from} becomes ${to}`, (t) => {
      const [pair = '', pointer = '0'] = to.split('=')
      const [newType = 0, newCode = 0] = pair.split('/').map(Number)
      const newWord = needsMtu ? (about === nat64 ? 1420 : 1380) : Number(pointer)
      t.deepEqual(
        translate(about, packet),
        Buffer.from(errorOut(about, { type: newType, code: newCode, word: newWord })),
      )
    })
  }
}

const wordOut = (packet: Uint8Array): number =>
  new DataView(Uint8Array.from(packetPartsOf(packet).payload).buffer).getUint32(4)

for (const [mtu, payload, wanted, why] of [
  [1400, 1480, 1420, 'an IPv6 packet is 20 bytes longer'],
  [576, 1460, 1280, 'IPv6 links take 1,280 bytes'],
  [0, 1460, 1492 + 20, 'the plateau below 1,500 bytes, for a router that does not say'],
  [0, 4000, 2002 + 20, 'the plateau below 4,040 bytes'],
  [0, 1280, 1280 + 20, 'no plateau between 1,280 and the length'],
] as const) {
  test(`icmp: an IPv4 MTU of ${mtu} becomes ${wanted}: ${why}`, (t) => {
    const options = { type: 3, code: 4, word: mtu, payload: new Uint8Array(payload === 1280 ? 1250 : payload) }
    t.is(wordOut(translate(nat64, errorIn(nat64, options))), wanted)
  })
}

for (const [mtu, wanted] of [
  [1500, 1480],
  [1280, 1260],
  [60, 68],
  [100000, 65535],
] as const) {
  test(`icmp: an IPv6 MTU of ${mtu} becomes ${wanted}`, (t) => {
    t.is(wordOut(translate(nat46, errorIn(nat46, { type: 2, code: 0, word: mtu }))), wanted)
  })
}

test('icmp: a fragment header on the way counts in an MTU', (t) => {
  const quoted = { extensions: [{ kind: 'fragment', more: true }] } as unknown as Partial<Packet>
  t.is(wordOut(translate(nat46, errorIn(nat46, { type: 2, code: 0, word: 1500, quoted }))), 1472)
})

test('icmp: IPv4 pointers are those of figure 3, others are refused', (t) => {
  const figure3 = new Map([[0, 0], [1, 1], [2, 4], [3, 4], [8, 7], [9, 6], ...range(12, 15, 8), ...range(16, 19, 24)])
  for (let pointer = 0; pointer < 256; pointer++) {
    const packet = errorIn(nat64, { type: 12, code: 0, word: pointer * 0x1000000 })
    const wanted = figure3.get(pointer)
    if (wanted === undefined) t.throws(() => translate(nat64, packet), { instanceOf: DecodeError }, String(pointer))
    else t.is(wordOut(translate(nat64, packet)), wanted)
  }
})

test('icmp: IPv6 pointers are those of figure 6, others are refused', (t) => {
  const figure6 = new Map([[0, 0], [1, 1], [4, 2], [5, 2], [6, 9], [7, 8], ...range(8, 23, 12), ...range(24, 39, 16)])
  for (let pointer = 0; pointer < 256; pointer++) {
    const packet = errorIn(nat46, { type: 4, code: 0, word: pointer })
    const wanted = figure6.get(pointer)
    if (wanted === undefined) t.throws(() => translate(nat46, packet), { instanceOf: DecodeError }, String(pointer))
    else t.is(wordOut(translate(nat46, packet)), wanted * 0x1000000)
  }
})

function range(first: number, last: number, to: number): readonly (readonly [number, number])[] {
  return Array.from({ length: last - first + 1 }, (_, i) => [first + i, to] as const)
}

test('icmp: an error about an echo finds its way back to the identifier of the client', (t) => {
  for (const [client, vip, source, endpoint, router, requestIn, requestOut] of [
    ['[2001:db8::9]:77', '2001:db8::1', '10.9.9.9:88', '10.2.0.3', '10.2.0.254', 8, 128],
    ['192.0.2.9:77', '192.0.2.1', '[fd00::9]:88', 'fd00::3', 'fd00::fe', 128, 8],
  ] as const) {
    const flow = sidesOf({ client, vip, source, endpoint, protocol: 1 }).endpoint
    const [type, code] = requestIn === 8 ? [11, 0] : [3, 0]
    const inside = buildPacket({ kind: 'icmp', from: source, to: endpoint, type: requestIn, ttl: 3 })
    const packet = buildPacket({ kind: 'icmp-error', from: router, to: source, type, code, inside, ttl: 60 })
    const outType = type === 11 ? 3 : 11
    const insideOut = buildPacket({ kind: 'icmp', from: client, to: vip, type: requestOut, ttl: 3, identification: 0 })
    const wanted = {
      kind: 'icmp-error',
      from: vip,
      to: client,
      type: outType,
      code,
      inside: insideOut,
      ttl: 59,
    } as const
    t.deepEqual(
      Buffer.from(translateIcmpError(parseIp(packet), flow)),
      Buffer.from(buildPacket({ ...wanted, identification: 0 })),
    )
  }
})

for (const [about, name, type, code, least] of [
  [nat64, 'IPv6', 3, 3, 1280],
  [nat46, 'IPv4', 1, 4, 576],
] as const) {
  test(`icmp: an error is not longer than ${least} bytes in ${name}, and says how long the packet was`, (t) => {
    const packet = errorIn(about, { type, code, payload: new Uint8Array(1400).fill(7) })
    const out = translate(about, packet)
    t.is(out.length, least)
    const quoted = parseIp(packetPartsOf(out).payload.subarray(8), { cut: true })
    t.is(quoted.totalBytes, (name === 'IPv6' ? 40 : 20) + 20 + 1400)
    t.true(checksumIsRight(out))
  })
}

test('icmp: a quotation of no more than 8 bytes behind its header is translated', (t) => {
  for (const [about, type, code] of [
    [nat64, 3, 3],
    [nat46, 1, 4],
  ] as const) {
    const whole = buildPacket(inner(about.source, about.endpoint, { type, code }))
    const inside = whole.subarray(0, (about === nat64 ? 20 : 40) + 8)
    const packet = buildPacket({ kind: 'icmp-error', from: about.router, to: about.source, type, code, inside })
    const out = translate(about, packet)
    const quoted = { identification: 0, dontFragment: false }
    const wanted = buildPacket(inner(about.client, about.vip, { type, code, quoted })).subarray(
      0,
      (about === nat64 ? 40 : 20) + 8,
    )
    t.deepEqual(Buffer.from(packetPartsOf(out).payload.subarray(8)), Buffer.from(wanted))
  }
})

test('icmp: extensions (RFC 4884) are left out', (t) => {
  const quoted = buildPacket(inner(nat64.source, nat64.endpoint, { type: 3, code: 3, payload: new Uint8Array(200) }))
  const inside = new Uint8Array([...quoted.subarray(0, 128), 0x20, 0, 0, 0, 0, 4, 1, 1])
  const error = { kind: 'icmp-error', from: nat64.router, to: nat64.source, type: 3, code: 3 } as const
  const out = translate(nat64, buildPacket({ ...error, word: 32 * 0x10000, inside }))
  t.is(packetPartsOf(out).payload.length, 8 + 128 + 20)
  const lies = buildPacket({ ...error, word: 200 * 0x10000, inside })
  t.is(t.throws<DecodeError>(() => translate(nat64, lies))?.reason, 'length lies')
})

test('icmp: a wrong checksum, an error about an error and one about another family are refused', (t) => {
  const wrong = errorIn(nat64, { type: 3, code: 3, error: { checksumError: 1 } })
  t.is(t.throws<DecodeError>(() => translate(nat64, wrong))?.reason, 'checksum')
  const inside = errorIn(nat64, { type: 3, code: 3 })
  const nested = { kind: 'icmp-error', from: nat64.router, to: nat64.source, type: 3, code: 3, inside } as const
  t.is(t.throws<DecodeError>(() => translate(nat64, buildPacket(nested)))?.reason, 'about an ICMP error')
  const six = buildPacket({ kind: 'udp', from: '[fd00::1]:1', to: '[fd00::2]:2' })
  const mixed = buildPacket({ ...nested, inside: six })
  t.is(t.throws<DecodeError>(() => translate(nat64, mixed))?.reason, 'quotes another family')
})

test('icmp: every truncation is refused with a DecodeError', (t) => {
  for (const [about, type, code] of [
    [nat64, 3, 3],
    [nat46, 1, 4],
  ] as const) {
    const whole = errorIn(about, { type, code })
    for (let length = 0; length < whole.length; length++)
      t.throws(() => translate(about, whole.subarray(0, length)), { instanceOf: DecodeError }, String(length))
  }
})

test('icmp: whatever is quoted, the answer is a DecodeError or a packet with a right checksum', (t) => {
  fc.assert(
    fc.property(fc.constantFrom(nat64, nat46), fc.uint8Array({ maxLength: 120 }), fc.nat(255), (about, bytes, lead) => {
      const [type, code] = about === nat64 ? [3, 3] : [1, 4]
      const valid = buildPacket(inner(about.source, about.endpoint, { type, code }))
      const inside = Uint8Array.from([...valid.subarray(0, lead % valid.length), ...bytes])
      const packet = buildPacket({ kind: 'icmp-error', from: about.router, to: about.source, type, code, inside })
      try {
        return checksumIsRight(translate(about, packet))
      } catch (error) {
        return error instanceof DecodeError
      }
    }),
  )
  t.pass()
})

const codes = fc.constantFrom<readonly [number, number, number, number]>(
  [11, 0, 3, 0],
  [11, 1, 3, 1],
  [3, 3, 1, 4],
  [3, 10, 1, 1],
)

test('icmp: an error goes to the other family and comes back as it was', (t) => {
  fc.assert(
    fc.property(
      codes,
      fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
      fc.uint8Array({ maxLength: 300 }),
      (code, kind, bytes) => {
        const options = { type: code[0], code: code[1], kind, payload: bytes, quoted: { identification: 0 } }
        const packet = errorIn(nat64, { ...options, error: { identification: 0 } })
        const there = translate(nat64, packet)
        // The same flow seen from the other side: a client in IPv4 whose endpoint is in IPv6.
        const { client, source, ...rest } = nat64
        const back = sidesOf({
          ...rest,
          client: source,
          vip: rest.endpoint,
          source: client,
          endpoint: rest.vip,
        }).endpoint
        const again = translateIcmpError(parseIp(there), back)
        const { payload } = packetPartsOf(again)
        // DF of short packets is the translator's choice (RFC 7915 5.1).
        return code[2] === there[40] && bare(payload) === bare(packetPartsOf(packet).payload)
      },
    ),
  )
  t.pass()
})

/** Without what depends on the choice of DF: the checksum of the error and flags and checksum of the quoted header. */
function bare(icmp: Uint8Array): string {
  const copy = icmp.slice()
  for (const at of [2, 3, 8 + 6, 8 + 7, 8 + 10, 8 + 11]) copy[at] = 0
  return Buffer.from(copy).toString('hex')
}

function checksumIsRight(packet: Uint8Array): boolean {
  const { family, header, payload } = packetPartsOf(packet)
  const addresses = family === 4 ? header.subarray(12, 20) : header.subarray(8, 40)
  const half = addresses.length / 2
  const pseudo =
    family === 4 ? 0 : pseudoHeaderSum(addresses.subarray(0, half), addresses.subarray(half), 58, payload.length)
  return internetChecksum(payload, pseudo) === 0 && (family === 6 || internetChecksum(header) === 0)
}
