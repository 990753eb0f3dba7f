// `get gtpc`: what services of `select: gtpc` hold. `-o json` is the server's answer as it is.

import type { Gtpc, GtpcSession } from '../../api/schemas.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { durationText } from '../duration.ts'
import type { Io } from '../io.ts'
import { printData, printTable } from '../output.ts'
import type { View } from '../output.ts'
import { countersView, stateText } from './get-n4.ts'

export interface GtpcOptions extends GlobalOptions {
  readonly sessions?: true
  readonly imsi?: string
  readonly limit?: number
}

const none = '-'

const age = ({ ageMs }: GtpcSession): string => durationText(Math.floor(ageMs / 1000))

const sessionsView = (io: Io, sessions: readonly GtpcSession[]): View => ({
  headers: ['Service', 'Version', 'IMSI', 'APN', 'Client', 'Gateway', 'State', 'Contexts', 'Age'],
  rows: sessions.map((session) => [
    session.service,
    String(session.version),
    session.imsi ?? none,
    session.apn ?? none,
    session.client,
    session.gateway,
    stateText(io, session.state),
    session.contexts.join(',') || none,
    age(session),
  ]),
  empty: 'no sessions',
})

/** With the TEIDs of both sides, each before the one that stands for it at the other side. */
const sessionsWideView = (io: Io, sessions: readonly GtpcSession[]): View => ({
  headers: [
    'Service',
    'Version',
    'IMSI',
    'APN',
    'Client',
    'Client TEID',
    'Gateway',
    'Gateway TEID',
    'State',
    'Contexts',
    'Age',
  ],
  rows: sessions.map((session) => [
    session.service,
    String(session.version),
    session.imsi ?? none,
    session.apn ?? none,
    session.client,
    `${session.clientTeid}>${session.teidForGateway}`,
    session.gateway,
    `${session.gatewayTeid ?? none}>${session.teidForClient}`,
    stateText(io, session.state),
    session.contexts.join(',') || none,
    age(session),
  ]),
  empty: 'no sessions',
})

const servicesView = (services: readonly Gtpc[]): View => ({
  headers: ['Service', 'Clients', 'Gateways', 'Sessions', 'Pending', 'Restarts'],
  rows: services.map(({ clients, gateways, pending, restartCounter, service, sessions }) => [
    service,
    String(clients.length),
    String(gateways.length),
    String(sessions),
    String(pending),
    String(restartCounter),
  ]),
  empty: 'no services of select gtpc',
})

/** A gateway has a line for each version that it speaks. */
const peersView = (io: Io, services: readonly Gtpc[]): View => ({
  headers: ['Service', 'Role', 'Name', 'Version', 'State', 'Sessions', 'Restarts', 'Load'],
  rows: services.flatMap(({ clients, gateways, service }) => [
    ...clients.map(({ address, sessions }) => [service, 'client', address, none, none, String(sessions), none, none]),
    ...gateways.flatMap(({ isDraining, load, name, paths }) =>
      paths.map(({ restartCounter, sessions, state, version }) => [
        service,
        'gateway',
        name,
        String(version),
        stateText(io, isDraining && state === 'up' ? 'draining' : state),
        String(sessions),
        restartCounter === null ? none : String(restartCounter),
        load === null ? none : `${load}%`,
      ]),
    ),
  ]),
  empty: 'no peers',
})

const getSessions = async (io: Io, options: GtpcOptions): Promise<void> => {
  const { imsi, limit } = options
  const client = await connect(io, options)
  const { body } = await client.get('/sluice/v1/gtpc/sessions', {
    ...(limit !== undefined && { limit }),
    ...(imsi !== undefined && { imsi }),
  })
  const { sessions, total } = body
  if (sessions.length < total) io.say(`only ${sessions.length} of ${total} sessions are shown; --limit shows more`)
  if (await printData(io, body, options.output)) return
  const view = options.output === 'wide' ? sessionsWideView : sessionsView
  printTable(io, view(io, sessions), options)
}

export const getGtpc = async (io: Io, options: GtpcOptions): Promise<void> => {
  // To ask for a user, or for so many, is to ask for sessions.
  if (options.sessions === true || options.imsi !== undefined || options.limit !== undefined)
    return getSessions(io, options)
  const client = await connect(io, options)
  const { body } = await client.get('/sluice/v1/gtpc')
  if (await printData(io, body, options.output)) return
  const services = body.gtpc
  printTable(io, servicesView(services), options)
  const counters = countersView(services, options.output === 'wide')
  for (const view of [peersView(io, services), counters]) {
    if (view.rows.length === 0) continue
    io.out('\n')
    printTable(io, view, options)
  }
}
