// `get n4` and `get sessions`: what services of `select: n4` hold. `-o json` is the server's answer as it is.

import type { N4, N4Session } from '../../api/schemas.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import type { Io } from '../io.ts'
import { printData, printTable } from '../output.ts'
import type { View } from '../output.ts'
import { ageText, none, printServices, sayHowMany, stateText } from './signalling-views.ts'

export interface SessionsOptions extends GlobalOptions {
  readonly limit?: number
}

const listText = (texts: readonly string[]): string => (texts.length === 0 ? none : texts.join(','))

/** A TEID that the UPF calls by another one has both. */
const tunnelText = ({ teid, upfTeid }: N4Session['tunnels'][number]): string =>
  teid === upfTeid ? teid : `${teid}>${upfTeid}`

const trafficHeaders = ['Up Packets', 'Up Bytes', 'Down Packets', 'Down Bytes'] as const

/** What nobody counts is not 0. */
const trafficTexts = ({ downlink, uplink }: N4Session): readonly string[] =>
  [uplink, downlink].flatMap((one) => (one === null ? [none, none] : [String(one.packets), String(one.bytes)]))

const sessionsView = (io: Io, sessions: readonly N4Session[]): View => ({
  headers: ['Service', 'SEID', 'SMF', 'UPF', 'State', 'DNN', 'UE Addresses', 'Tunnels', ...trafficHeaders, 'Age'],
  rows: sessions.map((session) => [
    session.service,
    session.seid,
    session.smf,
    session.upf,
    stateText(io, session.state),
    session.dnn || none,
    listText(session.ueAddresses),
    String(session.tunnels.length),
    ...trafficTexts(session),
    ageText(session),
  ]),
  empty: 'no sessions',
})

/** With the identifiers of both sides. */
const sessionsWideView = (io: Io, sessions: readonly N4Session[]): View => ({
  headers: [
    'Service',
    'SEID',
    'SMF',
    'SMF SEID',
    'UPF',
    'UPF SEID',
    'State',
    'DNN',
    'UE Addresses',
    'Tunnels',
    ...trafficHeaders,
    'Age',
  ],
  rows: sessions.map((session) => [
    session.service,
    session.seid,
    session.smf,
    session.smfSeid,
    session.upf,
    session.upfSeid ?? none,
    stateText(io, session.state),
    session.dnn || none,
    listText(session.ueAddresses),
    listText(session.tunnels.map(tunnelText)),
    ...trafficTexts(session),
    ageText(session),
  ]),
  empty: 'no sessions',
})

export const getSessions = async (io: Io, options: SessionsOptions): Promise<void> => {
  const client = await connect(io, options)
  const { limit } = options
  const { body } = await client.get('/sluice/v1/sessions', limit === undefined ? {} : { limit })
  const { sessions, total } = body
  sayHowMany(io, sessions, total)
  if (await printData(io, body, options.output)) return
  const view = options.output === 'wide' ? sessionsWideView : sessionsView
  printTable(io, view(io, sessions), options)
}

const servicesView = (services: readonly N4[]): View => ({
  headers: ['Service', 'SMFs', 'UPFs', 'Sessions', 'Tunnels', 'UE Addresses', 'Pending'],
  rows: services.map((one) => [
    one.service,
    String(one.smfs.length),
    String(one.upfs.length),
    String(one.sessions),
    String(one.tunnels),
    String(one.ueAddresses),
    String(one.pending),
  ]),
  empty: 'no services of select n4',
})

const peersView = (io: Io, services: readonly N4[]): View => ({
  headers: ['Service', 'Role', 'Name', 'Address', 'State', 'Sessions', 'Load'],
  rows: services.flatMap(({ service, smfs, upfs }) =>
    [...smfs.map((peer) => ({ role: 'smf', peer })), ...upfs.map((peer) => ({ role: 'upf', peer }))].map(
      ({ peer, role }) => [
        service,
        role,
        peer.name,
        peer.address,
        stateText(io, peer.state),
        String(peer.sessions),
        peer.load === null ? none : `${peer.load}%`,
      ],
    ),
  ),
  empty: 'no peers',
})

export const getN4 = async (io: Io, options: GlobalOptions): Promise<void> => {
  const client = await connect(io, options)
  const { body } = await client.get('/sluice/v1/n4')
  if (await printData(io, body, options.output)) return
  const services = body.n4
  printServices(io, services, { services: servicesView(services), peers: peersView(io, services) }, options)
}
