// A session as it is shown, with what packets of it are known by.

import { teidText } from '../../protocols/session-keys.ts'
import { seidTextOf } from './sessions.ts'
import type { N4Session, N4Traffic } from '../../lb/n4-status.ts'
import type { Session } from './sessions.ts'
import type { UeRange } from './values.ts'

export interface DescribedSession extends Omit<N4Session, keyof N4Traffic> {
  readonly keys: {
    /** TEIDs at the VIP */
    readonly up: readonly number[]
    readonly down: readonly number[]
    readonly users: readonly Pick<UeRange, 'bits' | 'key'>[]
  }
}

export function describe(session: Session, nowMs: number): DescribedSession {
  const rules = [...session.rules.values()]
  const tunnels = [...new Set(rules.flatMap((rule) => rule.tunnels))]
  const ranges = new Map(rules.flatMap(({ routes }) => routes.map(({ range }) => [range.text, range])))
  const teidsOf = (wanted: boolean): readonly number[] =>
    tunnels.flatMap(({ fromCore, teid }) => (fromCore === wanted ? [teid] : []))
  return {
    seid: seidTextOf(session.seid),
    smf: session.smf.nodeId,
    smfSeid: seidTextOf(session.smfSeid),
    upf: session.upf.config.name,
    upfSeid: session.upfSeid === null ? null : seidTextOf(session.upfSeid),
    state: session.state,
    dnn: session.dnn,
    tunnels: tunnels.map(({ fromCore, teid, upfTeid }) => ({
      teid: teidText(teid),
      upfTeid: teidText(upfTeid),
      direction: fromCore ? 'down' : 'up',
    })),
    ueAddresses: [...ranges.keys()],
    ageMs: nowMs - session.createdMs,
    keys: { up: teidsOf(false), down: teidsOf(true), users: [...ranges.values()] },
  }
}
