// Sessions with uplink classifiers: in loxicmd's words (`session`, `sessionulcl`) and in ours (`user-session`).

import { isIPv4, isIPv6 } from 'node:net'
import type { SessionEntry, UserSession, UserSessionChanges } from '../../api/schemas.ts'
import { canonicalPrefix } from '../../wire/ip.ts'
import { parseAddress } from '../arguments.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { usage } from '../errors.ts'
import type { Io } from '../io.ts'
import { printData, printTable } from '../output.ts'
import type { View } from '../output.ts'
import { printSessionChanges } from './changes.ts'

const base = '/netlox/v1/config'
const ours = '/sluice/v1/user-sessions'
const none = '-'

// ---- what is typed ---------------------------------------------------------------------------------------------

interface TypedEnd {
  readonly teid: number
  readonly address: string
}

/** `TEID:ADDRESS`; the TEID also in hexadecimal, the address may have colons. */
export function parseEnd(flag: string, text: string): TypedEnd {
  const colon = text.indexOf(':')
  const [teidText, address] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)]
  const teid = Number(teidText)
  if (!/^([0-9]{1,10}|0x[0-9a-f]{1,8})$/i.test(teidText) || teid === 0 || teid > 0xffff_ffff)
    throw usage(`${flag}: "${text}" is no TEID:IP: "${teidText}" is not a number from 1 to 4294967295`)
  if (!isIPv4(address) && !isIPv6(address)) throw usage(`${flag}: "${text}" is no TEID:IP: "${address}" is no address`)
  return { teid, address }
}

interface TypedClassifier {
  readonly qfi: number
  readonly prefix: string
}

/** `QFI:ADDRESS` or `QFI:PREFIX`. */
export function parseClassifier(flag: string, text: string): TypedClassifier {
  const colon = text.indexOf(':')
  const [qfiText, prefix] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)]
  if (!/^[0-9]{1,2}$/.test(qfiText) || Number(qfiText) > 63)
    throw usage(`${flag}: "${text}" is no QFI:IP: "${qfiText}" is not a number from 0 to 63`)
  if (canonicalPrefix(prefix) === undefined)
    throw usage(`${flag}: "${text}" is no QFI:IP: "${prefix}" is neither an address nor a prefix`)
  return { qfi: Number(qfiText), prefix }
}

// ---- in loxicmd's words ----------------------------------------------------------------------------------------

export interface CreateSessionOptions extends GlobalOptions {
  readonly accessNetworkTunnel: string
  readonly coreNetworkTunnel: string
}

/** What the server says of something, with its name before it. */
async function about<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error) {
      const isThere = error.message === 'sess-exists error' || error.message === 'ulcl-exists error'
      error.message = `${what}: ${isThere ? 'exists already' : error.message}`
    }
    throw error
  }
}

export async function createSession(io: Io, ident: string, ue: string, options: CreateSessionOptions): Promise<void> {
  const access = parseEnd('--accessNetworkTunnel', options.accessNetworkTunnel)
  const core = parseEnd('--coreNetworkTunnel', options.coreNetworkTunnel)
  const entry: SessionEntry = {
    ident,
    sessionIP: parseAddress(ue),
    accessNetworkTunnel: { TeID: access.teid, tunnelIP: access.address },
    coreNetworkTunnel: { teID: core.teid, tunnelIP: core.address },
  }
  const client = await connect(io, options)
  await about(`session ${ident}`, client.post(`${base}/session`, entry))
  io.say(`session ${ident} saved`)
}

export interface UlclOptions extends GlobalOptions {
  readonly ulclArgs: readonly string[]
}

export async function createSessionUlcl(io: Io, ident: string, options: UlclOptions): Promise<void> {
  const classifiers = options.ulclArgs.map((text) => parseClassifier('--ulclArgs', text))
  const client = await connect(io, options)
  for (const { qfi, prefix } of classifiers) {
    const entry = { ulclIdent: ident, ulclArgument: { qfi, ulclIP: prefix } }
    await about(`sessionulcl ${ident} ${prefix}`, client.post(`${base}/sessionulcl`, entry))
    io.say(`sessionulcl ${ident} ${prefix} saved`)
  }
}

export async function deleteSession(io: Io, ident: string, options: GlobalOptions): Promise<void> {
  const client = await connect(io, options)
  await client.remove(`${base}/session/ident/${encodeURIComponent(ident)}`)
  io.say(`session ${ident} deleted`)
}

export async function deleteSessionUlcl(io: Io, ident: string, options: UlclOptions): Promise<void> {
  // As they are made, and as loxicmd deletes them: without the QFI.
  const places = options.ulclArgs.map((text) =>
    canonicalPrefix(text) === undefined ? parseClassifier('--ulclArgs', text).prefix : text,
  )
  const client = await connect(io, options)
  for (const place of places) {
    const path = `${encodeURIComponent(ident)}/ulclAddress/${encodeURIComponent(place)}`
    await client.remove(`${base}/sessionulcl/ident/${path}`)
    io.say(`sessionulcl ${ident} ${place} deleted`)
  }
}

const loxilbEnd = (teid: number | undefined, address: string | undefined): string => `${teid ?? 0}:${address ?? ''}`

export async function getSession(io: Io, options: GlobalOptions): Promise<void> {
  const client = await connect(io, options)
  const { body } = await client.get(`${base}/session/all`)
  if (await printData(io, body, options.output)) return
  const isWide = options.output === 'wide'
  const view: View = {
    headers: ['ident', 'session IP', ...(isWide ? ['access Network Tunnel', 'core Network Tunnel'] : [])],
    rows: body.sessionAttr.map(({ accessNetworkTunnel: access, coreNetworkTunnel: core, ident, sessionIP = '' }) => [
      ident,
      sessionIP,
      ...(isWide ? [loxilbEnd(access?.TeID, access?.tunnelIP), loxilbEnd(core?.teID, core?.tunnelIP)] : []),
    ]),
    empty: 'no sessions',
  }
  printTable(io, view, options)
}

export async function getSessionUlcl(io: Io, options: GlobalOptions): Promise<void> {
  const client = await connect(io, options)
  const { body } = await client.get(`${base}/sessionulcl/all`)
  if (await printData(io, body, options.output)) return
  const rows = body.ulclAttr.map(({ ulclArgument: it, ulclIdent }) => [
    ulclIdent,
    it?.ulclIP ?? '',
    String(it?.qfi ?? 0),
  ])
  printTable(io, { headers: ['ident', 'ulcl IP', 'qfi'], rows, empty: 'no uplink classifiers' }, options)
}

// ---- in ours ---------------------------------------------------------------------------------------------------

export interface CreateUserSessionOptions extends GlobalOptions {
  readonly ue: readonly string[]
  readonly uplink: string
  readonly downlink: string
  readonly local?: readonly string[]
  readonly dryRun?: true
}

const query = ({ dryRun }: { readonly dryRun?: true }): string => (dryRun === true ? '?dryRun=true' : '')

export async function createUserSession(io: Io, name: string, options: CreateUserSessionOptions): Promise<void> {
  const session = {
    name,
    ueAddresses: options.ue.map(parseAddress),
    uplink: parseEnd('--uplink', options.uplink),
    downlink: parseEnd('--downlink', options.downlink),
    classifiers: (options.local ?? []).map((text) => parseClassifier('--local', text)),
  }
  const client = await connect(io, options)
  const answer = await client.post(`${ours}${query(options)}`, { sessions: [session] })
  await printSessionChanges(io, answer as UserSessionChanges, options)
}

export interface DeleteUserSessionOptions extends GlobalOptions {
  readonly dryRun?: true
}

export async function deleteUserSession(io: Io, name: string, options: DeleteUserSessionOptions): Promise<void> {
  const client = await connect(io, options)
  const answer = await client.remove(`${ours}/${encodeURIComponent(name)}${query(options)}`)
  await printSessionChanges(io, answer as UserSessionChanges, options)
}

/** As it can be typed again. */
const endText = ({ address, teid }: UserSession['uplink']): string =>
  `0x${teid.toString(16).padStart(8, '0')}:${address}`

const countText = (count: number | bigint): string => String(count)

const userSessionsView = (sessions: readonly UserSession[], isWide: boolean): View => ({
  headers: [
    'Name',
    'Owner',
    'UE Addresses',
    ...(isWide ? ['Uplink', 'Downlink'] : []),
    'Local',
    'Up Packets',
    'Up Bytes',
    'Down Packets',
    'Down Bytes',
  ],
  rows: sessions.map(({ classifiers, counters: { downlink, uplink }, ...session }) => [
    session.name || none,
    session.owner,
    session.ueAddresses.join(','),
    ...(isWide ? [endText(session.uplink), endText(session.downlink)] : []),
    isWide ? classifiers.map(({ prefix, qfi }) => `${qfi}:${prefix}`).join(',') || none : String(classifiers.length),
    ...[uplink.packets, uplink.bytes, downlink.packets, downlink.bytes].map(countText),
  ]),
  empty: 'no sessions with uplink classifiers',
})

export interface GetUserSessionsOptions extends GlobalOptions {
  readonly limit?: number
}

export async function getUserSessions(io: Io, options: GetUserSessionsOptions): Promise<void> {
  const client = await connect(io, options)
  const { limit } = options
  const { body } = await client.get(ours, limit === undefined ? {} : { limit })
  const { sessions, total } = body
  if (sessions.length < total) io.say(`only ${sessions.length} of ${total} sessions are shown; --limit shows more`)
  if (await printData(io, body, options.output)) return
  printTable(io, userSessionsView(sessions, options.output === 'wide'), options)
}
