// How each kind of rule is made, changed, removed and known (TS 29.244, 7.5.2 and 7.5.4). Data.

import { element } from './elements.ts'

export interface RuleKind {
  readonly create: number
  readonly update: number
  readonly remove: number
  /** the element that tells rules of the kind apart */
  readonly id: number
}

/** Those that packets enter by, which have tunnels and addresses: PDR, Traffic Endpoint. */
const entrances: readonly RuleKind[] = [
  { create: element.createPdr, update: element.updatePdr, remove: element.removePdr, id: element.pdrId },
  {
    create: element.createTrafficEndpoint,
    update: element.updateTrafficEndpoint,
    remove: element.removeTrafficEndpoint,
    id: element.trafficEndpointId,
  },
]

/** Those that say what becomes of packets: FAR, URR, QER, BAR, MAR, SRR. */
const treatments: readonly RuleKind[] = [
  { create: element.createFar, update: element.updateFar, remove: 16, id: element.farId },
  { create: 6, update: 13, remove: 17, id: 81 },
  { create: element.createQer, update: 14, remove: 18, id: element.qerId },
  { create: 85, update: 86, remove: 87, id: 88 },
  { create: 165, update: 169, remove: 168, id: 170 },
  { create: 212, update: 213, remove: 211, id: 215 },
]

export const ruleKinds: readonly RuleKind[] = [...entrances, ...treatments]

/** What becomes of a treatment by an element at the top of a request. */
export const treatmentChange: ReadonlyMap<number, 'create' | 'update' | 'remove'> = new Map(
  treatments.flatMap(({ create, remove, update }) => [
    [create, 'create' as const],
    [update, 'update' as const],
    [remove, 'remove' as const],
  ]),
)
