// Sessions with uplink classifiers on our own paths.

import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { NotFoundError } from '../lb/errors.ts'
import type { OwnedUserSession, UserSessionOwners } from '../lb/user-session-owners.ts'
import type { NamedUserSession, UserSessionChange } from '../lb/user-session-registry.ts'
import type { AppOptions } from './app.ts'
import { readAddress } from './native-input.ts'
import { dryRunQuery, limitDefault, limitQuery, sluiceSchema } from './route-schemas.ts'
import { ref } from './schemas.ts'
import type { UserSession, UserSessionChanges, UserSessionInput, UserSessions, UserSessionsInput } from './schemas.ts'

/** Changes as answers show them. */
export const sessionChanges = (
  changes: readonly UserSessionChange[],
  describe: AppOptions['describeSessions'],
): UserSessionChanges['sessions'] =>
  changes.map((change) => ({
    kind: change.kind,
    session: change.kind === 'update' ? change.to.name : change.session.name,
    description: [...describe([change])],
  }))

const fromInput = ({ name, ueAddresses, uplink, downlink, classifiers = [] }: UserSessionInput): NamedUserSession => ({
  name,
  owner: 'api',
  ueAddresses: ueAddresses.map((address) => readAddress(address, 'address of a UE')),
  uplink: { ...uplink, address: readAddress(uplink.address, 'uplink address') },
  downlink: { ...downlink, address: readAddress(downlink.address, 'downlink address') },
  classifiers,
})

const nothing = { packets: 0n, bytes: 0n }

const output = ({ owner, session }: OwnedUserSession, name: string, owners: UserSessionOwners): UserSession => {
  const { uplink = nothing, downlink = nothing } = owners.counts(session.ueAddresses[0]!) ?? {}
  return {
    name,
    owner,
    ueAddresses: [...session.ueAddresses],
    uplink: { ...session.uplink },
    downlink: { ...session.downlink },
    classifiers: session.classifiers.map((classifier) => ({ ...classifier })),
    counters: { uplink: { ...uplink }, downlink: { ...downlink } },
  }
}

export const userSessionRoutes = async (app: FastifyInstance, options: AppOptions): Promise<void> => {
  const { datapath, registry } = options
  const owner = 'api'

  const answer = (changes: readonly UserSessionChange[], dryRun: boolean): UserSessionChanges => ({
    dryRun,
    sessions: sessionChanges(changes, options.describeSessions),
  })

  app.get<{ Querystring: { limit?: number } }>(
    '/user-sessions',
    sluiceSchema('Sessions with uplink classifiers, of every owner, with counters', ref('UserSessions'), {
      querystring: Type.Object(limitQuery),
    }),
    ({ query }): UserSessions => {
      const owners = datapath.userSessions
      const all = owners.list()
      // A user has one session, so its first address leads to its name.
      const names = new Map(registry.userSessions().map(({ name, ueAddresses }) => [ueAddresses[0], name]))
      const sessions = all
        .slice(0, query.limit ?? limitDefault)
        .map((one) => output(one, names.get(one.session.ueAddresses[0]) ?? '', owners))
      return { sessions, total: all.length }
    },
  )

  app.post<{ Body: UserSessionsInput; Querystring: { dryRun?: boolean } }>(
    '/user-sessions',
    sluiceSchema('Make or change sessions, all or none', ref('UserSessionChanges'), {
      body: ref('UserSessionsInput'),
      querystring: dryRunQuery,
    }),
    async ({ body, query }) => {
      const { dryRun = false } = query
      const put = body.sessions.map(fromInput)
      return answer(await registry.updateUserSessions(() => ({ put }), { owner, dryRun }), dryRun)
    },
  )

  app.delete<{ Params: { name: string }; Querystring: { dryRun?: boolean } }>(
    '/user-sessions/:name',
    sluiceSchema('Remove a session', ref('UserSessionChanges'), {
      params: Type.Object({ name: Type.String() }),
      querystring: dryRunQuery,
    }),
    async ({ params, query }) => {
      const { dryRun = false } = query
      const changes = await registry.updateUserSessions(
        (sessions) => {
          if (!sessions.some(({ name }) => name === params.name))
            throw new NotFoundError(`no session is named "${params.name}"`)
          return { remove: [params.name] }
        },
        { owner, dryRun },
      )
      return answer(changes, dryRun)
    },
  )
}
