// The internet checksum (RFC 1071), computed over whole packets. The fast path updates it by differences instead; what
// is computed here is what its results are compared with.

/**
 * The ones' complement sum of 16-bit words in network order, added to `initial`; an odd last byte counts as a word's
 * upper half.
 */
export function onesComplementSum(bytes: Uint8Array, initial = 0): number {
  let sum = initial
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return sum
}

/** What stands in a checksum field: over bytes that contain a right one the result is 0. */
export function internetChecksum(bytes: Uint8Array, initial = 0): number {
  return ~onesComplementSum(bytes, initial) & 0xffff
}

/** What TCP, UDP and ICMPv6 checksum besides themselves. Addresses have 4 or 16 bytes, both the same. */
export function pseudoHeaderSum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  lengthBytes: number,
): number {
  const addresses = onesComplementSum(destination, onesComplementSum(source))
  return onesComplementSum(Uint8Array.of(0, protocol, lengthBytes >> 8, lengthBytes & 0xff), addresses)
}
