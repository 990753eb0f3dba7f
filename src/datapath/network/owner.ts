// How the kernel's own tables say that an entry is ours. It survives a daemon that was killed, needs no file that could
// disagree with the kernel, and an operator who replaces an entry takes it over, because his message does not carry it.

/**
 * A routing protocol number that nobody in linux/rtnetlink.h or iproute2's rt_protos has. It stands in the `protocol`
 * of neighbours (NDA_PROTOCOL) and of addresses (IFA_PROTO, kernel 5.18 and newer).
 */
export const ourProtocol = 83

/**
 * Tells the instances on one host apart: the metric of their addresses. A host address has no prefix route, so the
 * metric has no other meaning. FNV-1a, 32 bits, of the name.
 */
export function instanceNumber(instance: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(instance)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash === 0 ? 1 : hash
}
