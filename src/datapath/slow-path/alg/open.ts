// The handler with all that it needs of a datapath: services, maps, chance.

import { randomInt } from 'node:crypto'
import { Expectations } from '../../expectations.ts'
import { algHandler } from './index.ts'
import type { Services } from '../../services.ts'
import type { Handler, Lookups } from '../handler.ts'

export interface OpenAlgOptions {
  /** map services */
  readonly fd: number
  readonly services: Pick<Services, 'expectationRoom' | 'serviceOf'>
  /** announced connections at a time, with those that have come and live; each is a service and an endpoint */
  readonly limit: number
  /** milliseconds that never go back */
  readonly now: () => number
  /** a whole number from 0 to below `count`; by the machine's chance, where it is left out */
  readonly random?: (count: number) => number
  /** what was asked for in a connection and is not done, by name */
  readonly refused?: (reason: string) => void
}

export interface OpenedAlg {
  readonly handler: (lookups: Pick<Lookups, 'flow'>) => Handler
  /** for what the handler's answers expect; its `step` is to be called a few times a second */
  readonly expectations: Expectations
}

export function openAlg({ fd, limit, now, random, refused, services }: OpenAlgOptions): OpenedAlg {
  const room = services.expectationRoom
  const chance = random ?? ((count: number): number => randomInt(count))
  const expectations = new Expectations({ fd, room, limit, now, random: chance })
  const handler: OpenedAlg['handler'] = (lookups) =>
    algHandler({
      algOf: (service) => services.serviceOf(service)?.alg ?? null,
      reserve: (request) => expectations.reserve(request),
      lookups,
      ...(refused === undefined ? {} : { refused }),
    })
  return { handler, expectations }
}
