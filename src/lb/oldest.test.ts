import test from 'ava'
import fc from 'fast-check'
import { Oldest } from './oldest.ts'

test('oldest: what is taken is always the first entry, whatever is set, deleted and set again meanwhile', (t) => {
  const step = fc.record({ kind: fc.constantFrom('set', 'delete', 'take'), key: fc.nat(7) })
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new Map<number, number>()
        const oldest = new Oldest(map)
        for (const { key, kind } of steps) {
          if (kind !== 'take') map.delete(key)
          if (kind === 'set') map.set(key, key)
          if (kind !== 'take') continue
          const [first] = map.keys()
          const taken = oldest.take()
          if (taken !== first) return false
          if (taken !== undefined) map.delete(taken)
        }
        return true
      }),
      { numRuns: 2000 },
    ),
  )
})
