import test from 'ava'
import fc from 'fast-check'
import { finish, flowDigest, flowSlot, keyDigest, keyTag, scale, type FlowTuple } from './flow-hash.ts'

const flow = (sourcePort: number): FlowTuple => ({
  source: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1),
  destination: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1),
  sourcePort,
  destinationPort: 80,
  protocol: 6,
})

test('flow hash: digests a key of ones as the sum of the factors', (t) => {
  const key = new Uint8Array(24)
  for (const at of [0, 8, 16]) key[at] = 1
  const sum = 0x9e3779b97f4a7c15n + 0xc2b2ae3d27d4eb4fn + 0x165667b19e3779f9n
  t.is(keyDigest(key), BigInt.asUintN(64, sum))
  t.is(keyTag(key), Number(BigInt.asUintN(64, sum) >> 32n))
})

test('flow hash: is that of the fast path, byte for byte', (t) => {
  // From bpf/lib/hash.h compiled for the host.
  t.is(flowDigest(flow(40000)), 0xd8e498f32a730cecn)
  t.is(finish(flowDigest(flow(40000)), 0), 0x4ba12d50)
  t.is(finish(flowDigest(flow(40000)), 42), 0x904bffe1)
})

test('flow hash: scales to every number below the count and no other', (t) => {
  t.is(scale(0, 251), 0)
  t.is(scale(0xffffffff, 251), 250)
  t.is(scale(0x80000000, 251), 125)
})

test('flow hash: spreads the ports of one client evenly', (t) => {
  const counts = new Uint32Array(16)
  for (let port = 1024; port < 1024 + 16_000; port++) {
    const slot = flowSlot(flow(port), 1, counts.length)
    counts[slot] = (counts[slot] ?? 0) + 1
  }
  // 1,000 each; the standard deviation is 31.
  t.true(
    counts.every((count) => count > 850 && count < 1150),
    counts.join(' '),
  )
})

test('flow hash: a tag is the upper half of the digest, whatever the key', (t) => {
  const sized = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
  fc.assert(
    fc.property(fc.oneof(sized(8), sized(24), sized(40)), (key) =>
      t.is(keyTag(key), Number(keyDigest(key) >> 32n), Buffer.from(key).toString('hex')),
    ),
    { examples: [8, 24, 40].map((size) => [new Uint8Array(size).fill(255)]) },
  )
})
