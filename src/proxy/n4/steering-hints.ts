// Tunnels and routes of users as hints of the fast path.

import { number32 } from './messages.ts'
import { dataNetworkOf } from './peers.ts'
import type { HintChange, Upf } from './model.ts'
import type { Tunnel, UeRoute } from './steering.ts'

/** How a hint that is removed goes: at once and for good, where nothing is said. */
export type Leaving = Partial<Pick<HintChange, 'graceMs' | 'keepsCounts'>>

/** Null: its UPF takes GTP-U elsewhere. What was installed goes from wherever it was, if its UPF has moved since. */
export function hintOf(
  action: 'install' | 'remove',
  { addresses, teid, upf: { config }, upfTeid }: Tunnel,
  leaving: Leaving,
): HintChange | null {
  const { ipv4, ipv6 } = addresses
  const upfs: string[] = []
  for (const address of [ipv4, ipv6])
    if (address !== null && (action === 'remove' || isTakenAt(address, config))) upfs.push(address)
  if (upfs.length === 0) return null
  const identifier = upfTeid === teid ? null : upfTeid
  return { ...hintDefaults, action, kind: 'teid', key: number32(teid), upfs, identifier, ...leaving }
}

const isTakenAt = (address: string, { userPlane }: Upf): boolean =>
  userPlane.length === 0 || userPlane.includes(address)

export const routeHintOf = (
  action: 'install' | 'remove',
  { range: { bits, key }, upf }: UeRoute,
  leaving: Leaving,
): HintChange => ({
  ...hintDefaults,
  action,
  kind: 'ue-ip',
  key,
  prefixBits: bits,
  upfs: dataNetworkOf(upf),
  ...leaving,
})

const hintDefaults = { prefixBits: null, identifier: null, graceMs: 0, keepsCounts: false } as const
