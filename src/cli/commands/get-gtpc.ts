// `get gtpc`: what services of `select: gtpc` hold. `-o json` is the server's answer as it is.

import type { Gtpc, GtpcSession } from '../../api/schemas.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import type { Io } from '../io.ts'
import { printData, printTable } from '../output.ts'
import type { View } from '../output.ts'
import { ageText, none, printServices, sayHowMany, stateText } from './signalling-views.ts'

export interface GtpcOptions extends GlobalOptions {
  readonly sessions?: true
  readonly imsi?: string
  readonly limit?: number
}

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
    ageText(session),
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
    ageText(session),
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
  sayHowMany(io, sessions, total)
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
  printServices(io, services, { services: servicesView(services), peers: peersView(io, services) }, options)
}
