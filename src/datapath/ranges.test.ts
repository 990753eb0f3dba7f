import test from 'ava'
import fc from 'fast-check'
import { portPrefixes } from './ranges.ts'

const written = (first: number, last: number): readonly string[] =>
  portPrefixes(first, last).map(({ port, bits }) => `${port}/${bits}`)

test('ranges: a range is cut at powers of two', (t) => {
  t.deepEqual(written(80, 80), ['80/16'])
  t.deepEqual(written(8000, 8003), ['8000/14'])
  t.deepEqual(written(8001, 8004), ['8001/16', '8002/15', '8004/16'])
  t.deepEqual(written(0, 65_535), ['0/0'])
  t.deepEqual(written(1, 65_535).length, 16)
  t.deepEqual(written(1, 65_534).length, 30, 'the most there are')
})

test('ranges: the prefixes are exactly the ports of the range, each once and in order', (t) => {
  const port = fc.integer({ min: 0, max: 65_535 })
  fc.assert(
    fc.property(port, port, (a, b) => {
      const [first, last] = [Math.min(a, b), Math.max(a, b)]
      let next = first
      for (const prefix of portPrefixes(first, last)) {
        const count = 2 ** (16 - prefix.bits)
        t.is(prefix.port, next)
        t.is(prefix.port % count, 0)
        next += count
      }
      t.is(next, last + 1)
    }),
  )
})
