// The order in which an endpoint would like the slots of a table: a permutation that follows from its address, its port
// and the seed alone. Only integers are used, so that every machine computes the same.

const words = 4

export interface SlotOrders {
  /** of the table, a power of two */
  readonly size: number
  /** four numbers for each endpoint */
  readonly constants: Int32Array
}

export function slotOrders(keys: readonly string[], seed: number, size: number): SlotOrders {
  const constants = new Int32Array(words * keys.length)
  for (const [i, key] of keys.entries()) {
    const [one, other] = [textHash(key, seed), textHash(key, ~seed)]
    constants.set([one | 1, mix(one + 1) | 1, other | 1, mix(other + 1)], words * i)
  }
  return { size, constants }
}

/** The slot that an endpoint likes n-th, from 0. Each step can be undone, so no slot comes twice. */
export function slotAt({ size, constants }: SlotOrders, endpoint: number, n: number): number {
  const at = words * endpoint
  const mask = size - 1
  const half = (31 - Math.clz32(size)) >> 1
  let x = (Math.imul(n, constants[at]!) + constants[at + 3]!) & mask
  x ^= x >>> half
  x = Math.imul(x, constants[at + 1]!) & mask
  x ^= x >>> half
  x = Math.imul(x, constants[at + 2]!) & mask
  return x ^ (x >>> half)
}

/** FNV-1a, then the finish of MurmurHash3, since FNV's upper bits hardly depend on the last letters. */
export function textHash(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

function mix(hash: number): number {
  let x = hash
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
