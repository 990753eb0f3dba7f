// Clients: nodes that open sessions, known by their address as long as they have any.

import type { GtpVersion } from '../../lb/model.ts'
import { TunnelSets } from './tunnels.ts'
import type { Tunnel } from './tunnels.ts'

export interface Client {
  readonly address: string
  /** by version; null: not said yet */
  readonly restart: Record<GtpVersion, number | null>
  readonly tunnels: Set<Tunnel>
  readonly sets: TunnelSets
}

export class ClientTable {
  readonly #clients = new Map<string, Client>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  [Symbol.iterator](): IterableIterator<Client> {
    return this.#clients.values()
  }

  get(address: string): Client | null {
    return this.#clients.get(address) ?? null
  }

  /** null: there are too many. */
  getOrAdd(address: string): Client | null {
    const known = this.#clients.get(address)
    if (known !== undefined) return known
    if (this.#clients.size >= this.#limit) return null
    const client: Client = { address, restart: { 1: null, 2: null }, tunnels: new Set(), sets: new TunnelSets() }
    this.#clients.set(address, client)
    return client
  }

  /** Without sessions there is nothing to remember of it. */
  forgetIfIdle(client: Client): boolean {
    if (client.tunnels.size > 0) return false
    return this.#clients.delete(client.address)
  }
}

/**
 * What a restart counter says (TS 23.007, 18): the numbers go round, and one from behind was overtaken on its way,
 * unless it came as the answer to a question of ours.
 */
export function compareRestart(known: number | null, said: number, isAnswer: boolean): 'same' | 'restarted' | 'stale' {
  if (known === null || said === known) return 'same'
  return isAnswer || ((said - known) & 0xff) < 128 ? 'restarted' : 'stale'
}
