import test from 'ava'
import fc from 'fast-check'
import { blockCipher } from './cipher.ts'
import { connectionIds, destinationId, type QuicLbConfig } from './index.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'))

const key = '8f95f09245765f80256934e50c66207f'

interface Vector {
  readonly name: string
  readonly key: string | null
  readonly configId: number
  readonly serverId: string
  readonly nonce: string
  readonly id: string
}

/** draft-ietf-quic-load-balancers-21, appendix B. The last row is printed there with configuration 3; its id has 0. */
const vectors: readonly Vector[] = [
  { name: 'plain', key: null, configId: 0, serverId: 'c4605e', nonce: '4504cc4f', id: '07c4605e4504cc4f' },
  { name: 'an odd number of bytes', key, configId: 0, serverId: 'ed793a', nonce: 'ee080dbf', id: '0720b1d07b359d3c' },
  {
    name: 'a server id longer than its nonce',
    key,
    configId: 1,
    serverId: 'ed793a51d49b8f5fab65',
    nonce: 'ee080dbf48',
    id: '2fcc381bc74cb4fbad2823a3d1f8fed2',
  },
  {
    name: 'one pass',
    key,
    configId: 2,
    serverId: 'ed793a51d49b8f5f',
    nonce: 'ee080dbf48c0d1e5',
    id: '504dd2d05a7b0de9b2b9907afb5ecf8cc3',
  },
  {
    name: 'an even number of bytes',
    key,
    configId: 0,
    serverId: 'ed793a51d49b8f5fab',
    nonce: 'ee080dbf48c0d1e55d',
    id: '125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc',
  },
  {
    name: 'the example of section 5.4.2',
    key: 'fdf726a9893ec05c0632d3956680baf0',
    configId: 0,
    serverId: '31441a',
    nonce: '9c69c275',
    id: '0767947d29be054a',
  },
]

const configOf = ({ configId, key: secret, nonce, serverId }: Omit<Vector, 'name' | 'id'>): QuicLbConfig => ({
  serverIdLength: serverId.length / 2,
  nonceLength: nonce.length / 2,
  key: secret,
  configId,
})

for (const vector of vectors) {
  test(`quic-lb: makes and reads the draft's connection id: ${vector.name}`, (t) => {
    const ids = connectionIds(configOf(vector))
    t.is(text(ids.encode(hex(vector.serverId), hex(vector.nonce))), vector.id)
    t.is(text(ids.serverId(hex(vector.id))), vector.serverId)
    t.is(ids.length, vector.id.length / 2)
  })

  test(`quic-lb: finds no server id in an id of another configuration, or cut off: ${vector.name}`, (t) => {
    const ids = connectionIds(configOf(vector))
    for (let configId = 0; configId <= 7; configId++) {
      const id = hex(vector.id)
      id[0] = (id[0]! & 0x1f) | (configId << 5)
      t.is(text(ids.serverId(id)), configId === vector.configId ? vector.serverId : null, `configuration ${configId}`)
    }
    for (let length = 0; length < vector.id.length / 2; length++) {
      t.is(ids.serverId(hex(vector.id).subarray(0, length)), null, `${length} bytes`)
    }
  })
}

test('quic-lb: the rest of the first byte and bytes behind the nonce mean nothing', (t) => {
  const [vector] = vectors
  const ids = connectionIds(configOf(vector!))
  t.is(text(ids.serverId(hex(`1f${vector!.id.slice(2)}00ff`))), vector!.serverId)
})

test('quic-lb: reads back what it has made, whatever the lengths', (t) => {
  const config = fc
    .tuple(
      fc.integer({ min: 1, max: 15 }),
      fc.integer({ min: 4, max: 18 }),
      fc.integer({ min: 0, max: 6 }),
      fc.boolean(),
    )
    .filter(([serverIdLength, nonceLength]) => serverIdLength + nonceLength <= 19)
  const bytes = fc.uint8Array({ minLength: 18, maxLength: 18 })
  fc.assert(
    fc.property(config, bytes, bytes, ([serverIdLength, nonceLength, configId, encrypted], one, other) => {
      const ids = connectionIds({ serverIdLength, nonceLength, configId, key: encrypted ? key : null })
      const serverId = one.subarray(0, serverIdLength)
      const id = ids.encode(serverId, other.subarray(0, nonceLength))
      t.is(text(ids.serverId(id)), text(serverId))
      t.is(id.length, ids.length)
    }),
  )
})

test('quic-lb: four passes can be undone at every length', (t) => {
  for (const length of [5, 6, 7, 8, 15, 17, 18, 19]) {
    const cipher = blockCipher(hex(key), length)
    const plain = Uint8Array.from({ length }, (_, i) => 37 * i + 1)
    t.notDeepEqual(cipher.encrypt(plain), plain)
    t.deepEqual(cipher.decrypt(cipher.encrypt(plain)), plain)
  }
})

test('quic-lb: refuses settings that fit no connection id', (t) => {
  const good = { serverIdLength: 3, nonceLength: 4, key: null, configId: 0 }
  const bad: readonly Partial<QuicLbConfig>[] = [
    { serverIdLength: 0 },
    { serverIdLength: 16 },
    { nonceLength: 3 },
    { nonceLength: 19 },
    { serverIdLength: 10, nonceLength: 10 },
    { configId: 7 },
    { configId: -1 },
    { key: '00' },
  ]
  for (const change of bad) t.throws(() => connectionIds({ ...good, ...change }), { instanceOf: RangeError })
  t.notThrows(() => connectionIds({ ...good, serverIdLength: 15 }))
  t.throws(() => connectionIds(good).encode(hex('0102'), hex('01020304')), { instanceOf: RangeError })
  t.throws(() => connectionIds(good).encode(hex('010203'), hex('010203')), { instanceOf: RangeError })
})

test('quic-lb: a short header is followed by the id, as long as servers make them', (t) => {
  t.is(text(destinationId(hex('40010203040506'), 4)), '01020304')
  t.is(text(destinationId(hex('4001020304'), 4)), '01020304')
  t.is(destinationId(hex('40010203'), 4), null)
})

test('quic-lb: a long header says how long the id is', (t) => {
  t.is(text(destinationId(hex('c0000000010411223344085566'), 20)), '11223344')
  t.is(text(destinationId(hex('ff00000000041122334499'), 2)), '11223344')
  t.is(destinationId(hex('c00000000105112233445566'.slice(0, 20)), 4), null)
})

test('quic-lb: what ends too early has no id', (t) => {
  for (const whole of ['40010203040506', 'c00000000104112233']) {
    for (let length = 0; length < whole.length / 2; length++) {
      t.is(destinationId(hex(whole).subarray(0, length), 6), null, `${length} bytes of ${whole}`)
    }
  }
})
