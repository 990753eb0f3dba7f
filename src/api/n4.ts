// Services of `select: n4`: their peers and sessions.

import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { N4ServiceSession, N4ServiceStatus } from '../lb/n4-status.ts'
import type { AppOptions } from './app.ts'
import { jsonParts } from './json.ts'
import type { N4, N4Session, N4Sessions } from './n4-schemas.ts'
import { limitDefault, limitQuery, sluiceSchema } from './route-schemas.ts'
import { ref } from './schemas.ts'

export const n4Routes = async (app: FastifyInstance, { datapath }: AppOptions): Promise<void> => {
  app.get(
    '/n4',
    sluiceSchema('PFCP services: peers, numbers and counters', Type.Object({ n4: Type.Array(Type.Unsafe(ref('N4'))) })),
    () => ({ n4: datapath.n4().map(statusOutput) }),
  )

  app.get<{ Querystring: { limit?: number } }>(
    '/sessions',
    sluiceSchema('PFCP sessions, of each service the oldest first', ref('N4Sessions'), {
      querystring: Type.Object(limitQuery),
    }),
    async ({ query }, reply) => {
      const sessions = (await datapath.n4Sessions(query.limit ?? limitDefault)).map(sessionOutput)
      const total = datapath.n4().reduce((sum, { status }) => sum + status.sessions, 0)
      const others = { total } satisfies Omit<N4Sessions, 'sessions'>
      return reply.type('application/json; charset=utf-8').send(Readable.from(jsonParts('sessions', sessions, others)))
    },
  )
}

const statusOutput = ({ service, status }: N4ServiceStatus): N4 => ({
  service,
  ...status,
  smfs: [...status.smfs],
  upfs: [...status.upfs],
})

const sessionOutput = (session: N4ServiceSession): N4Session => ({
  ...session,
  tunnels: [...session.tunnels],
  ueAddresses: [...session.ueAddresses],
  ageMs: Math.floor(session.ageMs),
})
