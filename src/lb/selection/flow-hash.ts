// What bpf/lib/hash.h computes, for people and tests who want to know which slot a flow gets, and for the tags that
// entries of the fast path's maps carry. It does not depend on the machine, so every node chooses the same endpoint.

/** One packet's addresses and ports as it comes in; addresses in their 16-byte form. */
export interface FlowTuple {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
  /** IP protocol number */
  readonly protocol: number
}

/** One odd factor for each 8 bytes of a key. */
const factors = [
  0x9e3779b97f4a7c15n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0xd6e8feb86659fd93n,
  0xff51afd7ed558ccdn,
] as const

/** Of a map key of at most 40 bytes as it stands in memory: struct flow_key, struct service_key. */
export function keyDigest(key: Uint8Array): bigint {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  let sum = 0n
  for (const [i, factor] of factors.entries()) {
    if (i * 8 < key.length) sum += view.getBigUint64(i * 8, true) * factor
  }
  return BigInt.asUintN(64, sum)
}

/** What an entry carries of its key: a reader compares it, because a freed entry is at once used for another key. */
export function keyTag(key: Uint8Array): number {
  return keyTagAt(new DataView(key.buffer, key.byteOffset, key.byteLength), 0, key.length)
}

/** Upper and lower half of each factor. */
const halves = factors.map((factor) => [Number(factor >> 32n), Number(factor & 0xffff_ffffn)] as const)

/**
 * The same of one key among many: the upper half of its digest. Without big integers, as a million entries are written
 * in seconds.
 */
export function keyTagAt(view: DataView, at: number, sizeBytes: number): number {
  let [upper, lower] = [0, 0]
  for (let i = 0; i * 8 < sizeBytes; i++) {
    const [factorUpper, factorLower] = halves[i]!
    const [low, high] = [view.getUint32(at + i * 8, true), view.getUint32(at + i * 8 + 4, true)]
    // 16 bits times 32 are 48, which a number holds.
    const first = (low & 0xffff) * factorLower
    const second = (low >>> 16) * factorLower + Math.floor(first / 0x1_0000)
    lower += (((second & 0xffff) << 16) | (first & 0xffff)) >>> 0
    upper += Math.floor(second / 0x1_0000) + Math.imul(low, factorUpper) + Math.imul(high, factorLower)
  }
  return (upper + Math.floor(lower / 0x1_0000_0000)) >>> 0
}

export function flowDigest(flow: FlowTuple): bigint {
  const key = new Uint8Array(40)
  const view = new DataView(key.buffer)
  key.set(flow.source, 0)
  key.set(flow.destination, 16)
  view.setUint16(32, flow.sourcePort)
  view.setUint16(34, flow.destinationPort)
  view.setUint8(38, flow.protocol)
  return keyDigest(key)
}

/** Of a client's address, 16 bytes: that of a flow of which nothing else is known. */
export function clientDigest(address: Uint8Array): bigint {
  return keyDigest(address)
}

/** Of a session key of at most 8 bytes as it stands in a message: a TEID, a SEID. */
export function sessionDigest(key: Uint8Array): bigint {
  const whole = new Uint8Array(8)
  whole.set(key)
  return keyDigest(whole)
}

/** 32 bits in which every bit of digest and seed counts. */
export function finish(digest: bigint, seed: number): number {
  let x = BigInt.asUintN(64, digest + BigInt(seed >>> 0) * 0x9e3779b97f4a7c15n)
  x ^= x >> 33n
  x = BigInt.asUintN(64, x * 0xff51afd7ed558ccdn)
  x ^= x >> 33n
  x = BigInt.asUintN(64, x * 0xc4ceb9fe1a85ec53n)
  return Number(x >> 32n)
}

/** 0 to count - 1, evenly. */
export function scale(hash: number, count: number): number {
  return Number((BigInt(hash) * BigInt(count)) >> 32n)
}

/** The slot of a `hash` table that a new flow gets. */
export function flowSlot(flow: FlowTuple, seed: number, slotCount: number): number {
  return scale(finish(flowDigest(flow), seed), slotCount)
}
