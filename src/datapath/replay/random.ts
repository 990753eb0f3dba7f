// Chance that is the same each time (the generator sfc32, seeded with one number).

/** Whole numbers from 0 to below `count`. */
export function seededRandom(seed: number): (count: number) => number {
  const fraction = seededFraction(seed)
  return (count) => Math.floor(fraction() * count)
}

/** Numbers from 0 to below 1. */
export function seededFraction(seed: number): () => number {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed >>> 0, 1]
  const next = (): number => {
    const result = (a + b + counter++) >>> 0
    a = (b ^ (b >>> 9)) >>> 0
    b = (c + (c << 3)) >>> 0
    c = (((c << 21) | (c >>> 11)) + result) >>> 0
    return result
  }
  for (let warmUp = 0; warmUp < 12; warmUp++) next()
  return () => next() / 0x1_0000_0000
}
