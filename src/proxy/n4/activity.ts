// Which of many sessions are to be looked after first: those whose users send or get packets. Of ten thousand a few
// hundred do at a time, and the others notice nothing of a pause.

import { number32 } from './messages.ts'
import type { HintPlace } from './model.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'

/** Sessions whose packets are looked for, 10 µs each; what is beyond comes last. */
const mostAsked = 20_000
/** A user who has had no packet for so long notices no pause. */
const awakeMs = 10_000

/** The one with the latest packet first, then those without any, as they come. */
export function mostAwaited({ options: { idleMs } }: N4State, sessions: Iterable<Session>): readonly Session[] {
  const all = [...sessions]
  if (idleMs === undefined || all.length < 2) return all
  const places: HintPlace[] = []
  const owners: number[] = []
  for (const [index, session] of all.slice(0, mostAsked).entries()) {
    for (const place of placesOf(session)) {
      places.push(place)
      owners.push(index)
    }
  }
  const idle = new Map<number, number>()
  for (const [at, ms] of idleMs(places).entries())
    if (ms !== null && ms <= awakeMs) idle.set(owners[at]!, Math.min(ms, idle.get(owners[at]!) ?? awakeMs))
  const awake = [...idle].toSorted(([, a], [, b]) => a - b).map(([index]) => all[index]!)
  return [...awake, ...all.filter((_, index) => !idle.has(index))]
}

function placesOf({ rules }: Session): readonly HintPlace[] {
  const places = new Map<object, HintPlace>()
  for (const { routes, tunnels } of rules.values()) {
    for (const tunnel of tunnels) places.set(tunnel, { kind: 'teid', key: number32(tunnel.teid), prefixBits: null })
    for (const route of routes) places.set(route, { kind: 'ue-ip', key: route.range.key, prefixBits: route.range.bits })
  }
  return [...places.values()]
}
