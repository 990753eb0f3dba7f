// Finds services that want the same packets.

import type { Service, ServiceProtocol } from '../lb/model.ts'

/** What of the traffic a service takes: the ports of one address, or all that has a mark, or all from one prefix. */
export interface Claim {
  /** or the prefix */
  readonly address: string
  readonly protocol: ServiceProtocol
  readonly mark: number | null
  readonly port: number
  readonly lastPort: number
}

export const claimsOf = (service: Service): readonly Claim[] => {
  const { address, secondary, protocol, mark, port, lastPort, mode, allowedSources, users } = service
  if (users.length > 0) return users.map((one) => ({ address: one, protocol, mark, port, lastPort }))
  if (mode === 'masquerade')
    return allowedSources.map((inside) => ({ address: inside, protocol, mark, port, lastPort }))
  return [address, ...secondary].map((one) => ({ address: one, protocol, mark, port, lastPort }))
}

/** Two items whose claims overlap: the later one in the list, and the one it meets. */
export interface Overlap {
  readonly item: number
  readonly other: number
  /** the item's */
  readonly claim: Claim
  /** the other's */
  readonly otherClaim: Claim
}

interface Claimed {
  readonly item: number
  readonly claim: Claim
}

const place = ({ address, protocol, mark }: Claim): string =>
  mark === null ? `${address}/${protocol}` : `mark ${mark}/${protocol}`

const start = ({ mark, port }: Claim): number => (mark === null ? port : 0)
const end = ({ mark, lastPort }: Claim): number => (mark === null ? lastPort : 65535)

const inOrder = (a: Claimed, b: Claimed): Overlap => {
  const [first, later] = a.item <= b.item ? [a, b] : [b, a]
  return { item: later.item, other: first.item, claim: later.claim, otherClaim: first.claim }
}

/** At least one overlap for each item that has any; claims of one item do not meet each other. */
export const findOverlaps = (claims: readonly (readonly Claim[])[]): readonly Overlap[] => {
  const places = new Map<string, Claimed[]>()
  for (const [item, ofItem] of claims.entries()) {
    for (const claim of ofItem) {
      const key = place(claim)
      const there = places.get(key)
      if (there === undefined) places.set(key, [{ item, claim }])
      else there.push({ item, claim })
    }
  }
  const found: Overlap[] = []
  for (const there of places.values()) {
    if (there.length === 1) continue
    const sorted = there.toSorted((a, b) => start(a.claim) - start(b.claim) || a.item - b.item)
    // Of those before, the one that reaches farthest meets whatever any of them meets.
    let farthest: Claimed | undefined
    for (const one of sorted) {
      if (farthest !== undefined && start(one.claim) <= end(farthest.claim) && one.item !== farthest.item) {
        found.push(inOrder(farthest, one))
      }
      if (farthest === undefined || end(one.claim) > end(farthest.claim)) farthest = one
    }
  }
  return found.toSorted((a, b) => a.item - b.item || a.other - b.other)
}
