// What the stories of GTP-C share: a daemon with one service of `select: gtpc`, and what it says of it.

import type { ExecutionContext } from 'ava'

import type { ThreeServers } from '../../lab/topology.ts'
import type { GtpcSession, GtpcSessions } from '../../src/api/gtpc-schemas.ts'
import type { GtpcServiceStatus } from '../../src/lb/gtpc-status.ts'
import { startStory, storyConfig, type Story } from './story.ts'

export const gtpcPort = 2123
export const nodesModule = new URL('gtpc-nodes.ts', import.meta.url)

type Status = GtpcServiceStatus['status']

export const statusOf = async ({ daemon }: Story): Promise<Status> => {
  const { gtpc } = await daemon.get<{ gtpc: readonly Status[] }>('/sluice/v1/gtpc')
  const [status] = gtpc
  if (status === undefined) throw new Error('the daemon has no service of select gtpc')
  return status
}

export const sessionsOf = async ({ daemon }: Story): Promise<readonly GtpcSession[]> =>
  (await daemon.get<GtpcSessions>('/sluice/v1/gtpc/sessions')).sessions

/** Of one version, by gateway. */
export const spread = ({ gateways }: Status): readonly number[] =>
  gateways.map(({ paths }) => paths.reduce((sum, { sessions }) => sum + sessions, 0))

export interface GtpcStory extends Story {
  /** what stands in the daemon's file */
  readonly config: object
}

export const gtpcStory = async (t: ExecutionContext, topology: ThreeServers, gtpc: object): Promise<GtpcStory> => {
  const endpoints = topology.servers.slice(0, 2).map(({ address }) => ({ address }))
  const service = { name: 'core', vip: topology.vip, port: gtpcPort, protocol: 'udp', mode: 'proxy', select: 'gtpc' }
  const config = storyConfig(topology, [], { services: [{ ...service, gtpc, endpoints }] })
  return { ...(await startStory(t, topology, config)), config }
}
