// Who holds the wanted services: what the API needs of the configuration's controller, and no more.

import type { Change, EndpointKey, Owner, Service, ServiceKey } from './model.ts'

export interface PutOptions {
  /** on whose behalf: an object of another owner is a conflict */
  readonly owner: Owner
  /** find the changes, perform none */
  readonly dryRun?: boolean
}

export interface Registry {
  services(): readonly Service[]
  find(key: ServiceKey): Service | undefined
  /** Adds or replaces these services, all or none. No change: an empty list. */
  put(services: readonly Service[], options: PutOptions): Promise<readonly Change[]>
  remove(keys: readonly ServiceKey[], options: PutOptions): Promise<readonly Change[]>
  /** Reads the file again and performs what differs. */
  reload(): Promise<readonly Change[]>
  /** A drained endpoint keeps its flows and takes no new ones. */
  setDrained(service: ServiceKey, endpoint: EndpointKey, drained: boolean): Promise<readonly Change[]>
}
