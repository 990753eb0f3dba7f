// loxilb's paths for sessions and their uplink classifiers. Its access network tunnel is where what goes to the UE is
// sent, its core network tunnel is how the UE's G-PDUs come in.

import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { ConflictError, NotFoundError } from '../lb/errors.ts'
import { canonicalPrefix } from '../wire/ip.ts'
import type { NamedUserSession } from '../lb/user-session-registry.ts'
import type { TunnelEnd } from '../lb/user-sessions.ts'
import type { AppOptions } from './app.ts'
import { Refused } from './errors.ts'
import { readAddress } from './native-input.ts'
import { loxilbSchema } from './route-schemas.ts'
import { ref } from './schemas.ts'
import type { SessionEntry, SessionUlClEntry } from './schemas.ts'

const success = { result: 'Success' }

const readEnd = (field: string, teidField: string, tunnelIP: string | undefined, teid: number | undefined) => {
  if (teid === undefined || teid === 0)
    throw new Refused(`malformed ${field}: ${teidField} is missing or 0, which is no TEID`)
  if (tunnelIP === undefined) throw new Refused(`malformed ${field}: tunnelIP is missing`)
  return { address: readAddress(tunnelIP, `${field}.tunnelIP`), teid } satisfies TunnelEnd
}

/** Its classifiers stay with a session that is sent again. */
const readSession = (entry: SessionEntry, before: NamedUserSession | undefined): NamedUserSession => {
  const { accessNetworkTunnel: access = {}, coreNetworkTunnel: core = {}, ident, sessionIP } = entry
  if (sessionIP === undefined) throw new Refused('malformed sessionIP: it is missing')
  const address = readAddress(sessionIP, 'sessionIP')
  const isV6 = address.includes(':')
  return {
    name: ident,
    owner: 'api',
    ueAddresses: [address],
    uplink: readEnd('coreNetworkTunnel', 'teID', core.tunnelIP, core.teID),
    downlink: readEnd('accessNetworkTunnel', 'TeID', access.tunnelIP, access.TeID),
    classifiers: (before?.classifiers ?? []).filter(({ prefix }) => prefix.includes(':') === isV6),
  }
}

const sessionOutput = ({ downlink, name, ueAddresses, uplink }: NamedUserSession): SessionEntry => ({
  ident: name,
  sessionIP: ueAddresses[0]!,
  accessNetworkTunnel: { TeID: downlink.teid, tunnelIP: downlink.address },
  coreNetworkTunnel: { teID: uplink.teid, tunnelIP: uplink.address },
})

const readPlace = (text: string | undefined): string => {
  const prefix = text === undefined ? undefined : canonicalPrefix(text)
  if (prefix === undefined) throw new Refused(`malformed ulclIP: "${text ?? ''}" is neither an address nor a prefix`)
  return prefix
}

/** A single address goes without its length, as loxilb knows no other. */
const placeText = (prefix: string): string => prefix.replace(/^([^:]*)\/32$|^(.*:.*)\/128$/, '$1$2')

const ulclOutput = ({ classifiers, name }: NamedUserSession): readonly SessionUlClEntry[] =>
  classifiers.map(({ prefix, qfi }) => ({ ulclIdent: name, ulclArgument: { qfi, ulclIP: placeText(prefix) } }))

const find = (sessions: readonly NamedUserSession[], ident: string): NamedUserSession => {
  const found = sessions.find(({ name }) => name === ident)
  if (found === undefined) throw new NotFoundError(`no-user error: no session is named "${ident}"`)
  return found
}

export const loxilbSessionRoutes = async (app: FastifyInstance, { registry }: AppOptions): Promise<void> => {
  const options = { owner: 'api' } as const

  app.post<{ Body: SessionEntry }>(
    '/config/session',
    loxilbSchema('Make or change a session', ref('PostSuccess'), { body: ref('SessionEntry') }),
    async ({ body }) => {
      const changes = await registry.updateUserSessions((sessions) => {
        const before = sessions.find(({ name }) => name === body.ident)
        return { put: [readSession(body, before)] }
      }, options)
      if (changes.length === 0) throw new ConflictError('sess-exists error')
      return success
    },
  )

  app.get(
    '/config/session/all',
    loxilbSchema('All sessions', Type.Object({ sessionAttr: Type.Array(Type.Unsafe(ref('SessionEntry'))) })),
    () => ({ sessionAttr: registry.userSessions().map(sessionOutput) }),
  )

  app.delete<{ Params: { ident: string } }>(
    '/config/session/ident/:ident',
    loxilbSchema('Remove a session with its uplink classifiers', ref('PostSuccess'), {
      params: Type.Object({ ident: Type.String() }),
    }),
    async ({ params }) => {
      await registry.updateUserSessions((sessions) => ({ remove: [find(sessions, params.ident).name] }), options)
      return success
    },
  )

  app.post<{ Body: SessionUlClEntry }>(
    '/config/sessionulcl',
    loxilbSchema('Make a place local for a session', ref('PostSuccess'), { body: ref('SessionUlClEntry') }),
    async ({ body }) => {
      await registry.updateUserSessions((sessions) => {
        const session = find(sessions, body.ulclIdent)
        const { qfi = 0, ulclIP } = body.ulclArgument ?? {}
        const prefix = readPlace(ulclIP)
        if (session.classifiers.some((one) => one.prefix === prefix)) throw new ConflictError('ulcl-exists error')
        return { put: [{ ...session, classifiers: [...session.classifiers, { prefix, qfi }] }] }
      }, options)
      return success
    },
  )

  app.get(
    '/config/sessionulcl/all',
    loxilbSchema(
      'Uplink classifiers of all sessions',
      Type.Object({ ulclAttr: Type.Array(Type.Unsafe(ref('SessionUlClEntry'))) }),
    ),
    () => ({ ulclAttr: registry.userSessions().flatMap(ulclOutput) }),
  )

  app.delete<{ Params: { ident: string; ip_address: string } }>(
    '/config/sessionulcl/ident/:ident/ulclAddress/:ip_address',
    loxilbSchema('Make a place local no more', ref('PostSuccess'), {
      params: Type.Object({ ident: Type.String(), ip_address: Type.String() }),
    }),
    async ({ params }) => {
      await registry.updateUserSessions((sessions) => {
        const session = find(sessions, params.ident)
        const prefix = readPlace(params.ip_address)
        const classifiers = session.classifiers.filter((one) => one.prefix !== prefix)
        if (classifiers.length === session.classifiers.length)
          throw new NotFoundError(`no-ulcl error: ${params.ip_address} is not local for session "${params.ident}"`)
        return { put: [{ ...session, classifiers }] }
      }, options)
      return success
    },
  )
}
