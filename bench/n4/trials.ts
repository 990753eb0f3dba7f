// Whether the fast path knows a tunnel when the SMF is told of it. Pure: it sees the UPF's answer on its way in and the
// proxy's on its way out, and asks the kernel's map between them.

import { elementsOf, element, groupsOf, message, valueOf } from '../../src/sim/pfcp.ts'
import { pfcp, typedFTeid } from '../../src/protocols/pfcp/index.ts'

/** Where a packet of a tunnel goes now: the UPF, and the TEID that it arrives with. */
export interface Way {
  readonly upf: string
  readonly teid: number
}

/** What the fast path does with a TEID at this moment; null: it has no hint. */
export type Find = (teid: number) => Way | null

export interface Outcome {
  /** answers that told an SMF of a tunnel */
  readonly trials: number
  readonly visible: number
  /** no hint when the answer left */
  readonly missing: number
  /** one that leads elsewhere than to the UPF that has just answered */
  readonly wrong: number
}

const isEstablished = (bytes: Uint8Array): boolean => bytes[1] === message.sessionEstablishmentRequest + 1

/** The TEIDs that a Session Establishment Response tells of. */
function toldTeids(bytes: Uint8Array): readonly number[] {
  return groupsOf(elementsOf(pfcp.decode(bytes)), element.createdPdr).flatMap((created) => {
    const value = valueOf(created, element.fTeid)
    const fTeid = value === null ? null : typedFTeid.read(value)
    return fTeid === null || fTeid.kind === 'choose' ? [] : [fTeid.teid]
  })
}

export class Trials {
  readonly #find: Find
  readonly #counts = { trials: 0, visible: 0, missing: 0, wrong: 0 }
  /** what UPFs have answered and no SMF has been told yet, in order: the proxy keeps it */
  readonly #expected: (readonly Way[])[] = []

  constructor(find: Find) {
    this.#find = find
  }

  /** A UPF has answered. */
  comesIn(upf: string, bytes: Uint8Array): void {
    if (isEstablished(bytes)) this.#expected.push(toldTeids(bytes).map((teid) => ({ upf, teid })))
  }

  /** The proxy hands this to its socket. */
  goesOut(bytes: Uint8Array): void {
    if (!isEstablished(bytes)) return
    const expected = this.#expected.shift() ?? []
    for (const [index, teid] of toldTeids(bytes).entries()) {
      this.#counts.trials++
      const found = this.#find(teid)
      const wanted = expected[index]
      if (found === null) this.#counts.missing++
      else if (wanted === undefined || found.upf !== wanted.upf || found.teid !== wanted.teid) this.#counts.wrong++
      else this.#counts.visible++
    }
  }

  outcome(): Outcome {
    return { ...this.#counts }
  }
}
