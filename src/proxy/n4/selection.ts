// Which UPF gets a new session: those that serve what it asks for, then the policy.

import { textHash } from '../../lb/selection/slot-order.ts'
import { addressBytes, parsePrefix, prefixContains } from '../../wire/ip.ts'
import { isOverloaded } from './load.ts'
import { takesSessions } from './peers.ts'
import type { SessionRequest } from './claims.ts'
import type { N4Options, Upf } from './model.ts'
import type { UpfPeer } from './peers.ts'
import type { Steering } from './steering.ts'
import type { UeRange } from './values.ts'

export interface Choice {
  readonly upfs: Iterable<UpfPeer>
  readonly policy: N4Options['select']
  readonly steering: Steering
  /** those that have been asked already */
  readonly without: readonly UpfPeer[]
  readonly nowMs: number
}

/** Null: no UPF serves it. */
export function selectUpf(request: SessionRequest, choice: Choice): UpfPeer | null {
  const ranges = request.claims.flatMap((claim) => claim.ranges)
  const able: UpfPeer[] = []
  for (const upf of choice.upfs) {
    if (!takesSessions(upf) || choice.without.includes(upf)) continue
    if (serves(upf.config, request, ranges)) able.push(upf)
  }
  // An address leads to one UPF: a second session with it belongs there too.
  for (const range of ranges) {
    const holder = choice.steering.upfOf(range)
    if (holder !== null && able.includes(holder)) return holder
  }
  const calm = able.filter((upf) => !isOverloaded(upf, choice.nowMs))
  return byPolicy(calm.length > 0 ? calm : able, request, ranges, choice.policy)
}

const any = (wanted: readonly string[], has: readonly string[]): boolean =>
  has.length === 0 || wanted.length === 0 || wanted.some((word) => has.includes(word))

function serves(
  upf: Upf,
  { dnn, networkInstances, pools, slices }: SessionRequest,
  ranges: readonly UeRange[],
): boolean {
  return (
    any(dnn === '' ? [] : [dnn], upf.dnns) &&
    any(networkInstances, upf.networkInstances) &&
    any(slices, upf.slices) &&
    (upf.uePools.length === 0 || servesAddresses(upf.uePools, pools, ranges))
  )
}

function servesAddresses(uePools: readonly string[], pools: readonly string[], ranges: readonly UeRange[]): boolean {
  if (
    !any(
      pools,
      uePools.filter((pool) => !pool.includes('/')),
    )
  )
    return false
  const prefixes = uePools.filter((pool) => pool.includes('/')).map(prefixOf)
  if (prefixes.length === 0) return true
  return ranges.every(({ text }) => {
    const address = addressBytes(text.slice(0, text.indexOf('/')))
    return prefixes.some((prefix) => prefix !== undefined && prefixContains(prefix, address))
  })
}

/** Prefixes of the configuration, which are few. */
const knownPrefixes = new Map<string, ReturnType<typeof parsePrefix>>()
const mostKnownPrefixes = 4096

function prefixOf(text: string): ReturnType<typeof parsePrefix> {
  if (knownPrefixes.has(text)) return knownPrefixes.get(text)
  if (knownPrefixes.size >= mostKnownPrefixes) knownPrefixes.clear()
  const prefix = parsePrefix(text)
  knownPrefixes.set(text, prefix)
  return prefix
}

function byPolicy(
  upfs: readonly UpfPeer[],
  { userId }: SessionRequest,
  ranges: readonly UeRange[],
  policy: N4Options['select'],
): UpfPeer | null {
  const key = userId ?? ranges[0]?.text ?? null
  if (policy === 'hash' && key !== null) return least(upfs, (upf) => rendezvous(upf, key))
  if (policy === 'load') return least(upfs, (upf) => (upf.reports.load ?? 0) * loadBeforeSessions + share(upf))
  return least(upfs, share)
}

/** One percent of load counts more than any number of sessions. */
const loadBeforeSessions = 1e9

const share = ({ config, sessions }: UpfPeer): number => sessions.size / config.weight

/** Weighted rendezvous: the UPF with the least of these keeps its keys when others come and go. */
function rendezvous({ config }: UpfPeer, key: string): number {
  const uniform = ((textHash(`${config.name}/${key}`, 0) >>> 0) + 0.5) / 2 ** 32
  return -Math.log(uniform) / config.weight
}

function least(upfs: readonly UpfPeer[], cost: (upf: UpfPeer) => number): UpfPeer | null {
  let best: UpfPeer | null = null
  let bestCost = Infinity
  for (const upf of upfs) {
    const its = cost(upf)
    if (its >= bestCost) continue
    best = upf
    bestCost = its
  }
  return best
}
