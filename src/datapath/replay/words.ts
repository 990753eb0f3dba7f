// A report for people, and the golden text that a replay is compared with: the same report, without what depends on the
// hook, and a line for each frame.

import { meaningOf } from '../explain/verdicts.ts'
import { verdict as verdicts } from '../layout.gen.ts'
import type { Verdict } from '../layout.gen.ts'
import type { ProxyReport } from '../../lb/replayed-proxies.ts'
import type { Counts, PuntReport, Report, ServiceReport } from './report.ts'

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

const isVerdict = (name: string): name is Verdict => Object.hasOwn(verdicts, name)

/** `drop_no_flow 3, forward 2` */
const countsText = (counts: Counts): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

const frameLines = (report: Report): readonly string[] => [
  `${plural(report.frames, 'frame')} in ${report.seconds.toFixed(6)} s, ${report.replayed} replayed`,
  ...Object.entries(report.skipped).map(([reason, count]) => `  took no part: ${reason} ${count}`),
  ...(report.untimed === 0 ? [] : [`  without a time, put 1 ms behind the one before: ${report.untimed}`]),
  ...(report.held === 0 ? [] : [`  earlier than the one before, put at its time: ${report.held}`]),
  ...(report.problem === null ? [] : [`  the file cannot be read on: ${report.problem}`]),
]

const verdictLines = (counts: Counts): readonly string[] =>
  Object.entries(counts).map(
    ([name, count]) => `  ${name} ${count}: ${isVerdict(name) ? meaningOf(name).meaning : 'not known'}`,
  )

const serviceLines = (service: ServiceReport): readonly string[] => [
  `service ${service.name} at ${service.at}, ${service.mode}, ${service.select}`,
  `  flows ${service.flows}, packets ${service.packets}, bytes ${service.bytes}`,
  ...Object.entries(service.verdicts).map(([name, count]) => `  ${name} ${count}`),
  ...service.endpoints.map(
    ({ bytes, endpoint, flows, live, packets }) =>
      `  endpoint ${endpoint}: flows ${flows}, packets ${packets}, bytes ${bytes}, live at the end ${live}`,
  ),
]

const proxyLines = (proxy: ProxyReport): readonly string[] => [
  `service ${proxy.name} at ${proxy.at}, proxy, ${proxy.select}`,
  ...Object.entries(proxy.messages).map(([name, fates]) => `  ${name}: ${countsText(fates)}`),
  ...(Object.keys(proxy.messages).length === 0 ? ['  no message of the capture is for it'] : []),
  ...Object.entries(proxy.own).map(([name, count]) => `  own ${name}: ${count}, answered by a stand-in`),
  `  sessions live at the end: ${proxy.sessions}`,
  ...Object.entries(proxy.counters).map(([name, count]) => `  counted ${name}: ${count}`),
  ...proxy.events.map((event) => `  at ${event}`),
  ...proxy.advice.map((advice) => `  note: ${advice}`),
]

const puntLine = ({ answered, dropped, reason, received, waiting }: PuntReport): string =>
  `  ${reason}: ${received} received, ${answered} answered, ${waiting} waiting` +
  (Object.keys(dropped).length === 0 ? '' : `; dropped: ${countsText(dropped)}`)

const section = (title: string, lines: readonly string[], empty: string): readonly string[] => [
  '',
  ...(lines.length === 0 ? [`${title}: ${empty}`] : [title, ...lines]),
]

const common = (report: Report): readonly string[] => [
  ...frameLines(report),
  ...section('verdicts', verdictLines(report.verdicts), 'none'),
  ...report.services.flatMap((service) => ['', ...serviceLines(service)]),
  ...report.proxies.flatMap((proxy) => ['', ...proxyLines(proxy)]),
  '',
  `flows: ${report.flows.made} made, ${report.flows.live} live at the end`,
  ...section(
    'sessions learned',
    report.sessions.map(({ endpoint, key, kind, service }) => `  ${service}: ${kind} ${key} is at ${endpoint}`),
    'none',
  ),
  ...section(
    `slow path: ${plural(report.slowPath.sent, 'packet')} sent`,
    [
      ...report.slowPath.reasons.map(puntLine),
      ...(report.slowPath.lost === 0 ? [] : [`  lost, since the ring was full: ${report.slowPath.lost}`]),
    ],
    'nothing received',
  ),
  ...(report.warnings.length === 0 ? [] : section('a daemon would have warned', report.warnings, '')),
]

const joined = (lines: readonly string[]): string => `${lines.join('\n')}\n`

export const reportText = (report: Report): string =>
  joined([
    ...common(report),
    ...(Object.keys(report.handedOn).length === 0
      ? []
      : ['', `handed on by XDP, and finished by TC: ${countsText(report.handedOn)}`]),
  ])

/** The same under both hooks: what XDP hands on, TC finishes. */
export const goldenText = (report: Report, lines: readonly string[]): string =>
  joined([...common(report), '', 'frames', ...lines])
