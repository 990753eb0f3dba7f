// Services that N4 services have led sessions by: what such a service has of sessions is forgotten when none of them
// names it any more, whoever has installed it.

import { serviceKey } from '../lb/model.ts'
import type { HintControl } from '../lb/hints.ts'
import type { Service, ServiceKey } from '../lb/model.ts'

/** Services that are gone and may come back before their endpoints have been left; the oldest are left out. */
const mostGone = 1024

export class SteeredServices {
  readonly #hints: Pick<HintControl, 'forget'>
  /** may have hints; null: a process of before may have left some anywhere */
  #known: ReadonlySet<ServiceKey> | null = null

  constructor(hints: Pick<HintControl, 'forget'>) {
    this.#hints = hints
  }

  /** To be said before any hint is installed. */
  expect(named: readonly Service[]): void {
    this.#known &&= this.#known.union(keysOf(named))
  }

  /** All N4 services go by what they name now: one may have taken over what another one had. */
  forgetOthers(named: readonly Service[], services: ReadonlyMap<ServiceKey, Service>): void {
    const wanted = keysOf(named)
    const known =
      this.#known ?? new Set([...services].flatMap(([key, service]) => (isOfSessions(service) ? [key] : [])))
    const gone: ServiceKey[] = []
    for (const key of known.difference(wanted)) {
      const service = services.get(key)
      if (service === undefined) gone.push(key)
      else this.#hints.forget(service.name)
    }
    this.#known = new Set([...gone.slice(-mostGone), ...wanted])
  }
}

const keysOf = (services: readonly Service[]): ReadonlySet<ServiceKey> => new Set(services.map(serviceKey))

const isOfSessions = ({ select }: Service): boolean => select === 'n3' || select === 'n6'
