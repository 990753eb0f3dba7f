// Requests of the capture that the proxy has passed on, until the capture tells their answers.

import type { Message } from './speech.ts'
import type { Place } from '../../sockets/surroundings.ts'

/** A request of the proxy that waits for the answer of the capture. */
export interface Relay {
  readonly to: Place
  /** the proxy's */
  readonly sequence: number
}

export interface Exchange {
  readonly key: string
  /** of the capture: server and client */
  readonly pair: string
  readonly type: number
  /** what the asker wants to be called; null: it does not say */
  readonly own: bigint | null
  /** what it called the other side of the session */
  readonly session: bigint | null
  relays: Relay[]
  /** of the capture; null: it has not come yet */
  answer: Message | null
}

/** A capture may have any number of requests that nobody has answered: the oldest give way. */
const mostOpen = 65_536

export class Exchanges {
  readonly #open = new Map<string, Exchange>()

  /** The one that this message begins, or repeats. */
  begin(pair: string, { sequence, session, type }: Message, own: bigint | null): Exchange {
    const key = keyOf(pair, sequence, type)
    const known = this.#open.get(key)
    if (known !== undefined && known.own === own && known.session === session) return known
    return { key, pair, type, own, session, relays: [], answer: null }
  }

  /** It waits for an answer. */
  keep(exchange: Exchange): void {
    this.#open.delete(exchange.key)
    this.#open.set(exchange.key, exchange)
    if (this.#open.size <= mostOpen) return
    for (const oldest of this.#open.keys()) return void this.#open.delete(oldest)
  }

  find(pair: string, sequence: number, requestType: number): Exchange | undefined {
    return this.#open.get(keyOf(pair, sequence, requestType))
  }

  /** The one of this type that has waited longest. */
  oldest(type: number): Exchange | undefined {
    return this.#open.values().find((exchange) => exchange.type === type && exchange.answer === null)
  }

  end({ key }: Exchange): void {
    this.#open.delete(key)
  }
}

const keyOf = (pair: string, sequence: number, type: number): string => `${pair} ${sequence} ${type}`
