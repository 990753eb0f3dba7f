// Identifiers of sessions, on both sides of a proxy that was not there when the capture was made: what peers of the
// capture call a session, and what the proxy calls it now.

import type { Message } from './speech.ts'
import type { Place } from '../../sockets/surroundings.ts'

/** null: not said yet */
export interface RecordedSession {
  /** whose conversation it is: recorded server and client */
  readonly pair: string
  /** where the proxy has it */
  endpoint: Place
  /** what the peers of the capture want to be called */
  clientOwn: bigint
  serverOwn: bigint | null
  /** what the proxy wants to be called, by the client and by the endpoint */
  forClient: bigint | null
  forEndpoint: bigint | null
  /** how the server of the capture has answered the request for it */
  answer: Message | null
}

export class RecordedSessions {
  readonly #byClient = new Map<string, RecordedSession>()
  readonly #byServer = new Map<string, RecordedSession>()
  readonly #byProxy = new Map<string, RecordedSession>()
  /** by what a peer is called, whoever has spoken to it */
  readonly #byPeer = { client: new Map<bigint, RecordedSession>(), server: new Map<bigint, RecordedSession>() }

  add(session: RecordedSession): void {
    this.#byClient.set(nameOf(session.pair, session.clientOwn), session)
    this.#byPeer.client.set(session.clientOwn, session)
    this.#index(session)
  }

  /** Something has been said of it. */
  change(session: RecordedSession, change: Partial<Omit<RecordedSession, 'pair'>>): void {
    if (change.clientOwn !== undefined) this.#byClient.delete(nameOf(session.pair, session.clientOwn))
    Object.assign(session, change)
    this.add(session)
  }

  /** By what the client of the capture wants to be called. */
  ofClient(pair: string, own: bigint | null): RecordedSession | undefined {
    return own === null ? undefined : this.#byClient.get(nameOf(pair, own))
  }

  ofServer(pair: string, own: bigint | null): RecordedSession | undefined {
    return own === null ? undefined : this.#byServer.get(nameOf(pair, own))
  }

  /** By what the proxy wants to be called by its endpoint. */
  ofProxy(forEndpoint: bigint | null): RecordedSession | undefined {
    return forEndpoint === null ? undefined : this.#byProxy.get(`${forEndpoint}`)
  }

  /** What the proxy wants to be called by a peer that it has called so; null: not known. */
  calledBy(side: 'client' | 'server', own: bigint | null): bigint | null {
    const session = own === null ? undefined : this.#byPeer[side].get(own)
    return (side === 'client' ? session?.forClient : session?.forEndpoint) ?? null
  }

  #index(session: RecordedSession): void {
    const { forEndpoint, pair, serverOwn } = session
    if (serverOwn !== null) {
      this.#byServer.set(nameOf(pair, serverOwn), session)
      this.#byPeer.server.set(serverOwn, session)
    }
    if (forEndpoint !== null) this.#byProxy.set(`${forEndpoint}`, session)
  }
}

const nameOf = (pair: string, own: bigint): string => `${pair} ${own}`
