// In which order flows are made and visited.

/** Seeds: flows enter the table in another order than the packets come in. */
export const seeds = { fill: 1, visit: 2 } as const

/** Numbers from `first`, shuffled: the same for the same seed. */
export const shuffled = (first: number, count: number, seed: number): Uint32Array => {
  const numbers = Uint32Array.from({ length: count }, (_, index) => first + index)
  let state = seed
  for (let index = count - 1; index > 0; index--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (index + 1))
    const swap = numbers[index]!
    numbers[index] = numbers[other]!
    numbers[other] = swap
  }
  return numbers
}
