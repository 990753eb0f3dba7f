// What `sim` tells people: a line while it runs, and a few when it has ended.

import type { SmfReport } from '../sim/sim-smf.ts'
import type { UpfReport } from '../sim/sim-upf.ts'

export const smfLine = ({ outstanding, problems, sessions, traffic }: SmfReport): string =>
  [
    `${sessions.up} sessions up`,
    `${sessions.established} established`,
    `${sessions.failed} failed`,
    `${outstanding} requests open`,
    ...(traffic.sent === 0 ? [] : [`${traffic.sent} packets up, ${traffic.answered} back`]),
    ...(problems.length === 0 ? [] : [`${problems.length} kinds of problems`]),
  ].join(', ')

const counts = (record: Readonly<Record<string, number>>): string =>
  Object.entries(record)
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ')

const lines = (...all: readonly (string | null)[]): string =>
  all.flatMap((line) => (line === null ? [] : [`${line}\n`])).join('')

export function smfText({ peerRestarts, pfcp, problems, reports, sessions, took, traffic }: SmfReport): string {
  const { deleted, deletedByPeer, established, failed, modified } = sessions
  const reported = Object.fromEntries(Object.entries(reports).filter(([, count]) => count > 0))
  const durations = Object.entries(took).flatMap(([name, { count, maxMs, p50Ms, p99Ms }]) =>
    count === 0 ? [] : [`${name}: ${count}, p50 ${p50Ms} ms, p99 ${p99Ms} ms, longest ${maxMs} ms`],
  )
  const { answered, behind, byUpf, crossed, errorIndications, longestGapMs, moved, sent, unknownTeid } = traffic
  return lines(
    `sessions: ${established} established, ${modified} handed over, ${deleted} deleted, ${deletedByPeer} deleted by ` +
      `the user plane, ${failed} failed`,
    ...durations,
    `requests: ${pfcp.retransmitted} sent again, ${pfcp.unanswered} never answered, ${pfcp.unasked} answers unasked`,
    sent === 0 ? null : `packets: ${sent} sent, ${answered} answered (${counts(byUpf) || 'none'} by UPF)`,
    sent === 0
      ? null
      : `steering: ${crossed} crossed, ${moved} moved, ${behind} behind, ${unknownTeid} unknown, ` +
          `${errorIndications} error indications, longest gap ${longestGapMs} ms`,
    Object.keys(reported).length === 0 ? null : `reports: ${counts(reported)}`,
    peerRestarts === 0 ? null : `the peer has started again (${peerRestarts})`,
    ...problems.map(({ count, example, what }) => `problem: ${what} (${count}), first ${example}`),
  )
}

export const upfLine = ({ associations, sessions, userPlane }: UpfReport): string =>
  `${associations.length} associations, ${sessions} sessions, ${userPlane.packets} packets, ` +
  `${userPlane.unknownTeid} of unknown tunnels`

export function upfText({
  deleted,
  dropped,
  established,
  modified,
  pfcp,
  refused,
  reports,
  userPlane,
}: UpfReport): string {
  const { bytes, looped, packets, unknownTeid, wrongUe } = userPlane
  return lines(
    `sessions: ${established} established, ${modified} modified, ${deleted} deleted, ${dropped} dropped with their SMF`,
    Object.keys(refused).length === 0 ? null : `refused, by cause: ${counts(refused)}`,
    `requests: ${pfcp.requestsReceived} received, ${pfcp.repeated} of them again, ${pfcp.malformed} malformed`,
    `packets: ${packets} (${bytes} bytes), ${looped} sent back, ${unknownTeid} of unknown tunnels, ` +
      `${wrongUe} not from the UE`,
    reports.sent === 0 ? null : `reports: ${counts(reports)}`,
  )
}
