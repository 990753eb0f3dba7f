// What the datapath benchmark measures: the rows, and what each is allowed to cost.

import type { Hook } from '../../src/datapath/layout.gen.ts'
import { hookNames } from '../../src/datapath/layout.gen.ts'
import { singles } from './singles.ts'

export type Protocol = 'tcp' | 'udp'

/** Which packets a row is measured with. */
export type Work =
  /** the empty program: what wrapper and kernel cost */
  | { readonly kind: 'floor'; readonly flows: number }
  /** the yardstick */
  | { readonly kind: 'reference'; readonly flows: number }
  /** a yardstick for first packets: two entries a flow and nothing else */
  | { readonly kind: 'reference-new'; readonly flows: number }
  /** packets of flows that are there, from the client or from the endpoint */
  | {
      readonly kind: 'established'
      readonly protocol: Protocol
      readonly flows: number
      readonly from: 'client' | 'endpoint'
    }
  /** first packets of flows, each of another flow; the table is empty before each round */
  | { readonly kind: 'new'; readonly flows: number }
  /** one packet of a kind: see singles.ts */
  | { readonly kind: 'single'; readonly name: string }
  /** the same, with a source port given out for each; so many of all ports are in use already */
  | { readonly kind: 'new-port'; readonly portsUsedPercent: number }

export interface Case {
  readonly name: string
  readonly hook: Hook
  readonly work: Work
  /** how many times the reference it may cost; null: it is only shown */
  readonly goalRatio: number | null
}

const manyFlows = 131_072
export const millionFlows = 1_000_000
/** The goals of one packet of an established flow, of one among a million, and of a flow's first packet: without and
 * with a source port given out. */
const goals = { established: { xdp: 1.67, tc: 2.46 }, million: 4.5, newFlow: 12.3, newPort: 16 } as const

const flowsSuffix = new Map([
  [1, ''],
  [manyFlows, '-131k'],
  [millionFlows, '-1m'],
])

const hookCases = (hook: Hook): readonly Case[] => {
  const established = (from: 'client' | 'endpoint', protocol: Protocol, base: string): readonly Case[] =>
    [...flowsSuffix].map(([flows, suffix]) => ({
      name: base + suffix,
      hook,
      work: { kind: 'established', protocol, flows, from },
      goalRatio: flows === 1 ? goals.established[hook] : flows === millionFlows ? goals.million : null,
    }))
  return [
    ...established('client', 'tcp', 'dnat44-established-tcp'),
    ...established('endpoint', 'tcp', 'snat44-reverse-tcp'),
    ...established('client', 'udp', 'dnat44-established-udp'),
    ...established('endpoint', 'udp', 'snat44-reverse-udp'),
    ...[manyFlows, millionFlows].map((flows): Case => ({
      name: `new-flow-dnat44${flowsSuffix.get(flows)}`,
      hook,
      work: { kind: 'new', flows },
      goalRatio: goals.newFlow,
    })),
    ...[10, 50, 90].map((portsUsedPercent): Case => ({
      name: `new-flow-fullnat-${portsUsedPercent}`,
      hook,
      work: { kind: 'new-port', portsUsedPercent },
      goalRatio: goals.newPort,
    })),
  ]
}

const floors = (hook: Hook): readonly Case[] =>
  [...flowsSuffix].map(([flows, suffix]) => ({
    name: `floor${suffix}`,
    hook,
    work: { kind: 'floor', flows },
    goalRatio: null,
  }))

/** What goals are ratios to. */
export const reference: Case = {
  name: 'reference',
  hook: 'xdp',
  work: { kind: 'reference', flows: 1 },
  goalRatio: null,
}

/** Always measured, and first: every later row is shown beside them. */
export const yardsticks: readonly Case[] = [...hookNames.flatMap(floors), reference]

/** What the least possible program costs with many flows: the share of the machine's memory in the rows below. */
export const comparisons: readonly Case[] = [
  ...[manyFlows, millionFlows].map((flows): Case => ({
    name: `reference${flowsSuffix.get(flows)}`,
    hook: 'xdp',
    work: { kind: 'reference', flows },
    goalRatio: null,
  })),
  ...[manyFlows, millionFlows].map((flows): Case => ({
    name: `reference-new-flow${flowsSuffix.get(flows)}`,
    hook: 'xdp',
    work: { kind: 'reference-new', flows },
    goalRatio: null,
  })),
]

const singleCases: readonly Case[] = singles.flatMap(({ name, hooks, goals: single }) =>
  hooks.map((hook): Case => ({ name, hook, work: { kind: 'single', name }, goalRatio: single[hook] ?? null })),
)

/** Rows that use the same flows stand together, whatever their hook: filling a table takes longer than measuring. */
export const productCases: readonly Case[] = hookNames
  .flatMap(hookCases)
  .concat(singleCases)
  .toSorted((a, b) => flowsOf(a.work).localeCompare(flowsOf(b.work)))

/** Equal for rows that need the same flows in the table. */
export function flowsOf(work: Work): string {
  switch (work.kind) {
    case 'floor':
    case 'reference':
    case 'reference-new':
      return '0 none'
    case 'established':
      return `1 ${work.protocol} ${String(work.flows).padStart(7, '0')}`
    case 'single':
      return `1 single ${work.name}`
    case 'new':
      return `2 new ${String(work.flows).padStart(7, '0')}`
    case 'new-port':
      return `3 ports ${work.portsUsedPercent}`
    default:
      return work satisfies never
  }
}

/** The floor that belongs to a row: with the order of flows read or without. */
export const floorName = (work: Work): string => {
  const flows = 'flows' in work ? work.flows : work.kind === 'single' ? 1 : manyFlows
  return `floor${flowsSuffix.get(flows) ?? ''}`
}

/** The minimal program that does the same with as many flows; null where the row is one. */
export const leastName = (work: Work): string | null => {
  switch (work.kind) {
    case 'floor':
    case 'reference':
    case 'reference-new':
      return null
    case 'established':
      return `reference${flowsSuffix.get(work.flows)}`
    case 'new':
      return `reference-new-flow${flowsSuffix.get(work.flows)}`
    case 'single':
      return null // it does other work
    case 'new-port':
      return null // the table of the minimal program is empty before each round, here it is not
    default:
      return work satisfies never
  }
}
