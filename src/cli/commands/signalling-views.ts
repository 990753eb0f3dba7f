// What `get n4` and `get gtpc` show in the same way: services with peers and counters, and sessions.

import { durationText } from '../duration.ts'
import type { Io } from '../io.ts'
import { printTable } from '../output.ts'
import type { OutputOptions, View } from '../output.ts'

export const none = '-'

export const stateText = (io: Io, state: string): string =>
  state === 'up' || state === 'establishing' || state === 'associating' ? state : io.style('out', 'yellow', state)

export const ageText = ({ ageMs }: { readonly ageMs: number }): string => durationText(Math.floor(ageMs / 1000))

interface Counted {
  readonly service: string
  readonly counters: Readonly<Record<string, number>>
}

/** What never happened is left out, unless all is wanted. */
const countersView = (services: readonly Counted[], all: boolean): View => ({
  headers: ['Service', 'Counter', 'Count'],
  rows: services.flatMap(({ counters, service }) =>
    Object.entries(counters)
      .filter(([, count]) => all || count > 0)
      .map(([name, count]) => [service, name, String(count)]),
  ),
  empty: '',
})

/** Where there are no peers and no counters, their tables are left out. */
export const printServices = (
  io: Io,
  services: readonly Counted[],
  views: { readonly services: View; readonly peers: View },
  options: OutputOptions,
): void => {
  printTable(io, views.services, options)
  for (const view of [views.peers, countersView(services, options.output === 'wide')]) {
    if (view.rows.length === 0) continue
    io.out('\n')
    printTable(io, view, options)
  }
}

/** Whoever sees only a part of them is told so. */
export const sayHowMany = (io: Io, sessions: readonly unknown[], total: number): void => {
  if (sessions.length < total) io.say(`only ${sessions.length} of ${total} sessions are shown; --limit shows more`)
}
