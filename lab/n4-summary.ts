// What `sluice lab n4` has seen, as data and as lines.

/** Packets while something went on. */
export interface Window {
  /** that came back in the right tunnel */
  readonly steered: number
  readonly misrouted: number
  readonly lost: number
}

export interface EndpointSummary {
  readonly address: string
  readonly sessions: number
  /** that have come to it in tunnels */
  readonly packets: number
  /** that eBPF has sent there in tunnels of sessions that it has now */
  readonly counted: number
}

export interface N4Summary {
  readonly sessions: number
  /** while all UPFs lived; `misrouted` is of the whole time */
  readonly steered: number
  readonly misrouted: number
  readonly lost: number
  /** before one was killed */
  readonly endpoints: readonly EndpointSummary[]
  readonly establishMs: number
  /** from the death of the UPF until all its sessions were at the others, its detection included */
  readonly failover: { readonly restoreMs: number; readonly lost: number; readonly steered: number }
  readonly problems: readonly string[]
}

/** What the summary is held against. */
export interface Expectations {
  /** sessions that were asked for */
  readonly wanted: number
  /** packets since the UPF was killed and its sessions restored */
  readonly steeredAfter: number
  /** packets of all UPFs by eBPF's counters: before one was killed, and at the end */
  readonly counted: { readonly before: number; readonly after: number }
  /** what SMFs found wrong with answers */
  readonly peers: readonly object[]
}

/** Why the run did not succeed, in words; empty when it did. */
export const problemsOf = (
  { endpoints, lost, misrouted, sessions }: Omit<N4Summary, 'problems'>,
  { counted, peers, steeredAfter, wanted }: Expectations,
): readonly string[] => [
  ...(sessions === wanted ? [] : [`${sessions} sessions are up, and ${wanted} were asked for`]),
  ...(misrouted === 0 ? [] : [`${misrouted} packets came to a UPF or a session that they were not for`]),
  ...(lost === 0 ? [] : [`${lost} packets did not come back, though their UPFs lived`]),
  ...endpoints.flatMap(({ address, counted: sent, packets }) =>
    sent < packets ? [`eBPF counted ${sent} packets to ${address}, which got ${packets}`] : [],
  ),
  ...(counted.after < counted.before + steeredAfter
    ? [`eBPF counted ${counted.after} packets, and before a UPF was killed ${counted.before} of them`]
    : []),
  ...peers.map((problem) => JSON.stringify(problem)),
]

/** Of packets, since the start. */
export interface Counts {
  readonly sent: number
  readonly answered: number
  readonly misrouted: number
}

const endpointLines = (endpoints: N4Summary['endpoints']): readonly string[] =>
  endpoints.map(
    ({ address, counted, packets, sessions }) =>
      `  ${address.padEnd(16)} ${String(sessions).padStart(7)} sessions ${String(packets).padStart(9)} packets, ` +
      `eBPF counted ${counted}`,
  )

export const liveLines = (endpoints: N4Summary['endpoints'], counts: Counts): readonly string[] => [
  `packets    ${counts.sent} sent, ${counts.answered} answered, ${counts.misrouted} misrouted`,
  ...endpointLines(endpoints),
]

export const summaryLines = (summary: N4Summary): readonly string[] => {
  const { endpoints, establishMs, failover, lost, misrouted, problems, sessions, steered } = summary
  return [
    `sessions   ${sessions}, established in ${establishMs} ms`,
    ...endpointLines(endpoints),
    `steered    ${steered}`,
    `misrouted  ${misrouted}`,
    `lost       ${lost}`,
    `failover   sessions restored ${failover.restoreMs} ms after a UPF was killed; ${failover.lost} packets lost`,
    ...problems.map((problem) => `problem    ${problem}`),
  ]
}
