// Numbers drawn from a seed: the same seed draws the same again.

/** Numbers 0 to count - 1 (mulberry32). */
export type Draw = (count: number) => number

export function drawFrom(start: number): Draw {
  let state = start >>> 0
  return (count) => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * count)
  }
}

export function pick<T>(draw: Draw, list: readonly T[]): T {
  const found = list[draw(list.length)]
  if (found === undefined) throw new Error('nothing to draw from')
  return found
}

export function shuffled<T>(draw: Draw, list: readonly T[]): readonly T[] {
  const rest = [...list]
  return list.flatMap(() => rest.splice(draw(rest.length), 1))
}
