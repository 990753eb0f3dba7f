import test from 'ava'
import { Exhaustion } from './exhaustion.ts'

const make = () => {
  const counts = { xdp: { drop_ports_exhausted: 5n, drop_source: 0n }, tc: { drop_ports_exhausted: 0n } }
  const lines: string[] = []
  let nowMs = 1_000
  const write = (_fields: object, message: string): void => void lines.push(message)
  const exhaustion = new Exhaustion({
    verdicts: () => counts,
    log: { debug: write, info: write, warn: write, error: write },
    now: () => nowMs,
  })
  const step = (ms: number): readonly string[] => {
    nowMs += ms
    exhaustion.step()
    return lines.splice(0)
  }
  return { counts, step }
}

test('exhaustion: says how many packets found no port under either hook, at most once in ten seconds', (t) => {
  const { counts, step } = make()
  counts.xdp.drop_ports_exhausted += 2n
  counts.tc.drop_ports_exhausted += 1n
  t.deepEqual(step(9_999), [])
  const [line, ...more] = step(1)
  t.regex(line ?? '', /^3 packets were dropped \(drop_ports_exhausted\): .*`sources`/)
  t.deepEqual(more, [])
  counts.tc.drop_ports_exhausted += 1n
  t.deepEqual(step(5_000), [])
  t.is(step(5_000).length, 1)
})

test('exhaustion: what was dropped before the start, and other drops, are not told', (t) => {
  const { counts, step } = make()
  counts.xdp.drop_source += 9n
  t.deepEqual([step(10_000), step(10_000)], [[], []])
})
