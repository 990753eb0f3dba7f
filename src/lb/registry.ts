// Who holds the wanted services and sessions: what the API needs of the configuration's controller, and no more.

import type { UserSessionChange, UserSessionRegistry } from './user-session-registry.ts'
import type { Change, Endpoint, EndpointKey, Owner, Service, ServiceKey } from './model.ts'

/** What an operator may order of an endpoint. */
export type Order = Pick<Endpoint, 'drained' | 'blocked'>

export interface PutOptions {
  /** on whose behalf: an object of another owner is a conflict */
  readonly owner: Owner
  /** find the changes, perform none */
  readonly dryRun?: boolean
}

/** Services to add or replace, and such to remove. */
export interface Edit {
  readonly put?: readonly Service[]
  readonly remove?: readonly ServiceKey[]
}

/** What the file changed. */
export interface Reloaded {
  readonly services: readonly Change[]
  readonly sessions: readonly UserSessionChange[]
}

export interface Registry extends UserSessionRegistry {
  services(): readonly Service[]
  find(key: ServiceKey): Service | undefined
  /** Makes what `edit` finds wanted of the services there are; nobody else changes them in between. All or none. */
  update(edit: (services: readonly Service[]) => Edit, options: PutOptions): Promise<readonly Change[]>
  /** Adds or replaces these services, all or none. No change: an empty list. */
  put(services: readonly Service[], options: PutOptions): Promise<readonly Change[]>
  remove(keys: readonly ServiceKey[], options: PutOptions): Promise<readonly Change[]>
  /** Reads the file again and performs what differs. */
  reload(): Promise<Reloaded>
  /** Drains or blocks an endpoint, or revokes that, whoever owns its service. */
  order(service: ServiceKey, endpoint: EndpointKey, order: Partial<Order>): Promise<readonly Change[]>
}
