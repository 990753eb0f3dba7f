// Services of `select: gtpc`: their peers and sessions.

import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { GtpcServiceSession, GtpcServiceStatus } from '../lb/gtpc-status.ts'
import type { AppOptions } from './app.ts'
import type { Gtpc, GtpcSession, GtpcSessions } from './gtpc-schemas.ts'
import { limitDefault, limitMax, limitQuery, sluiceSchema } from './route-schemas.ts'
import { ref } from './schemas.ts'

export const gtpcRoutes = async (app: FastifyInstance, { datapath }: AppOptions): Promise<void> => {
  app.get(
    '/gtpc',
    sluiceSchema(
      'GTP-C services: peers, numbers and counters',
      Type.Object({ gtpc: Type.Array(Type.Unsafe(ref('Gtpc'))) }),
    ),
    () => ({ gtpc: datapath.gtpc().map(statusOutput) }),
  )

  app.get<{ Querystring: { limit?: number; imsi?: string } }>(
    '/gtpc/sessions',
    sluiceSchema('GTP-C sessions, of each service the oldest first', ref('GtpcSessions'), {
      querystring: Type.Object({
        ...limitQuery,
        imsi: Type.Optional(Type.String({ minLength: 1, maxLength: 32, description: 'only of this user' })),
      }),
    }),
    ({ query: { imsi = null, limit = limitDefault } }): GtpcSessions => {
      if (imsi === null) return answer(datapath.gtpcSessions(limit, null), countAll(datapath.gtpc()))
      // A user has few.
      const found = datapath.gtpcSessions(limitMax, imsi)
      return answer(found.slice(0, limit), found.length)
    },
  )
}

const countAll = (services: readonly GtpcServiceStatus[]): number =>
  services.reduce((sum, { status }) => sum + status.sessions, 0)

const answer = (sessions: readonly GtpcServiceSession[], total: number): GtpcSessions => ({
  sessions: sessions.map(sessionOutput),
  total,
})

const statusOutput = ({ service, status }: GtpcServiceStatus): Gtpc => ({
  service,
  ...status,
  clients: [...status.clients],
  gateways: status.gateways.map((gateway) => ({ ...gateway, paths: [...gateway.paths] })),
})

const sessionOutput = (session: GtpcServiceSession): GtpcSession => ({
  ...session,
  contexts: [...session.contexts],
  ageMs: Math.floor(session.ageMs),
})
