import test from 'ava'
import fc from 'fast-check'
import { Extents } from './extents.ts'
import type { Extent } from './extents.ts'

const places = 40

type Step =
  | { readonly kind: 'allocate'; readonly length: number }
  | { readonly kind: 'take'; readonly start: number; readonly length: number }
  | { readonly kind: 'release'; readonly which: number }

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('allocate' as const), length: fc.nat(12) }),
    fc.record({ kind: fc.constant('take' as const), start: fc.nat(places - 1), length: fc.nat(12) }),
    fc.record({ kind: fc.constant('release' as const), which: fc.nat(100) }),
  ),
  { maxLength: 80 },
)

/** The same with one flag for each place. */
class Model {
  readonly #taken = Array.from({ length: places }, () => false)

  isFree({ start, length }: Extent): boolean {
    return start + length <= places && this.#taken.slice(start, start + length).every((taken) => !taken)
  }

  set({ start, length }: Extent, taken: boolean): void {
    this.#taken.fill(taken, start, start + length)
  }

  firstFit(length: number): number | null {
    const start = this.#taken.findIndex((_, place) => this.isFree({ start: place, length }))
    return start < 0 ? null : start
  }

  get free(): number {
    return this.#taken.filter((taken) => !taken).length
  }
}

test('extents: any sequence of steps gives what one flag for each place would give', (t) => {
  fc.assert(
    fc.property(steps, (sequence: readonly Step[]) => {
      const extents = new Extents(0, places)
      const model = new Model()
      const held: Extent[] = []
      const hold = (extent: Extent): void => {
        model.set(extent, true)
        held.push(extent)
      }
      for (const step of sequence) {
        if (step.kind === 'allocate' && step.length > 0) {
          const expected = model.firstFit(step.length)
          const found = extents.allocate(step.length)
          t.deepEqual(found, expected === null ? null : { start: expected, length: step.length })
          if (found) hold(found)
        } else if (step.kind === 'take' && step.length > 0) {
          const free = model.isFree(step)
          t.is(extents.take(step), free)
          if (free) hold(step)
        } else if (step.kind === 'release' && held.length > 0) {
          const [extent] = held.splice(step.which % held.length, 1)
          extents.release(extent!)
          model.set(extent!, false)
        }
        t.is(extents.freePlaces, model.free)
      }
      for (const extent of held) extents.release(extent)
      // One whole run again: nothing was lost, and neighbours were joined.
      t.deepEqual(extents.allocate(places), { start: 0, length: places })
    }),
    { numRuns: 300 },
  )
})

test('extents: nothing takes no room, and is always there', (t) => {
  const extents = new Extents(5, 0)
  t.is(extents.allocate(1), null)
  t.is(extents.allocate(0)?.length, 0)
  t.true(extents.take({ start: 77, length: 0 }))
  extents.release({ start: 3, length: 0 })
  t.is(extents.freePlaces, 0)
})

test('extents: places outside are not there to take', (t) => {
  const extents = new Extents(10, 5)
  t.false(extents.take({ start: 9, length: 2 }))
  t.false(extents.take({ start: 14, length: 2 }))
  t.true(extents.take({ start: 14, length: 1 }))
  t.deepEqual(extents.allocate(4), { start: 10, length: 4 })
})
