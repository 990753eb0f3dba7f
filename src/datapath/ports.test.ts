import test from 'ava'
import fc from 'fast-check'
import { PortBlocks } from './ports.ts'
import type { PortRange } from './ports.ts'

const wordsPerBlock = 1024
const anyRange: PortRange = { first: 1024, last: 32_767 }

const room = (blocks: number): BigUint64Array => new BigUint64Array((blocks + 1) * wordsPerBlock)

const isUsed = (words: BigUint64Array, block: number, port: number): boolean =>
  ((words[block * wordsPerBlock + (port >> 6)]! >> BigInt(port & 63)) & 1n) === 1n

const use = (words: BigUint64Array, block: number, port: number): void => {
  words[block * wordsPerBlock + (port >> 6)]! |= 1n << BigInt(port & 63)
}

/** Ports that are free, as runs. */
const freeRuns = (words: BigUint64Array, block: number): readonly (readonly [number, number])[] => {
  const runs: [number, number][] = []
  for (let port = 0; port < 65_536; port++) {
    if (isUsed(words, block, port)) continue
    const run = runs.at(-1)
    if (run && run[1] === port - 1) run[1] = port
    else runs.push([port, port])
  }
  return runs
}

test('ports: exactly those of the range are free in a new block, whatever it held before', (t) => {
  const port = fc.integer({ min: 1, max: 65_535 })
  const edges = [1, 63, 64, 65, 127, 128, 1024, 65_471, 65_472, 65_534, 65_535]
  const cases = edges.flatMap((first) => edges.filter((last) => last >= first).map((last) => ({ first, last })))
  const check = (range: PortRange): void => {
    const words = room(1).fill(0x5555aaaa5555aaaan)
    const id = new PortBlocks(words, range).acquire('a')
    t.deepEqual(freeRuns(words, id), [[range.first, range.last]])
    t.true(
      words.subarray(0, wordsPerBlock).every((word) => word === 0x5555aaaa5555aaaan),
      'block 0 belongs to nobody',
    )
  }
  cases.forEach(check)
  fc.assert(
    fc.property(port, port, (a, b) => check({ first: Math.min(a, b), last: Math.max(a, b) })),
    { numRuns: 20 },
  )
})

test('ports: users of one key share a block until the last has let go', (t) => {
  const words = room(2)
  const ports = new PortBlocks(words, anyRange)
  const id = ports.acquire('a')
  use(words, id, 2000)
  t.is(ports.acquire('a'), id)
  t.true(isUsed(words, id, 2000), 'the second user wipes nothing')
  t.not(ports.acquire('b'), id)
  ports.release('a')
  t.is(ports.freeBlocks, 0)
  ports.release('a')
  t.is(ports.freeBlocks, 1)
  t.is(ports.acquire('c'), id)
  t.false(isUsed(words, id, 2000), 'a block that is given again is empty')
})

test('ports: number 0 says that there is no block left', (t) => {
  const ports = new PortBlocks(room(2), anyRange)
  t.deepEqual([ports.acquire('a'), ports.acquire('b'), ports.acquire('c')], [1, 2, 0])
  ports.release('c')
  t.is(ports.freeBlocks, 0)
  ports.release('b')
  t.is(ports.acquire('c'), 2)
})

test('ports: an adopted block keeps the ports in use', (t) => {
  const words = room(3)
  use(words, 2, 2000)
  const ports = new PortBlocks(words, anyRange)
  t.is(ports.adopt('a', 2, anyRange), 'a')
  t.is(ports.freeBlocks, 2)
  t.is(ports.acquire('a'), 2)
  t.true(isUsed(words, 2, 2000))
  t.deepEqual([ports.acquire('b'), ports.acquire('c'), ports.acquire('d')], [1, 3, 0])
})

test('ports: adopted under another range, it gives out the new range only, without the ports in use', (t) => {
  const before = { first: 1000, last: 1200 }
  const after = { first: 1100, last: 1300 }
  const words = room(1)
  new PortBlocks(words, before).acquire('a')
  for (const port of [1000, 1099, 1100, 1200]) use(words, 1, port)
  const ports = new PortBlocks(words, after)
  ports.adopt('a', 1, before)
  t.deepEqual(freeRuns(words, 1), [
    [1101, 1199],
    [1201, 1300],
  ])
})

test('ports: two adopted users of one block share it, also when it is not known that they want the same', (t) => {
  const words = room(2)
  const ports = new PortBlocks(words, anyRange)
  const live = ports.adopt('a', 1, anyRange)
  const retired = ports.adopt('of a service that has gone', 1, anyRange)
  t.is(ports.freeBlocks, 1)
  ports.release(retired)
  t.is(ports.freeBlocks, 1, 'the live one still uses it')
  t.is(ports.acquire('b'), 2)
  ports.release(live)
  t.is(ports.freeBlocks, 1)
})

test('ports: two adopted blocks for one key are both kept until their users let go', (t) => {
  const ports = new PortBlocks(room(3), anyRange)
  const first = ports.adopt('a', 1, anyRange)
  const second = ports.adopt('a', 3, anyRange)
  t.not(first, second)
  t.is(ports.freeBlocks, 1)
  ports.release(second)
  t.is(ports.freeBlocks, 2)
  t.is(ports.acquire('a'), 1)
})
