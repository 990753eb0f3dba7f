// What became of a message of a capture, by what the proxy has sent and counted about it.

import type { MessageFate } from '../../lb/replayed-proxies.ts'
import type { Place } from '../../sockets/surroundings.ts'
import type { Exchange } from './exchanges.ts'
import type { Message, Speech } from './speech.ts'

/** A response of the proxy. */
export interface Answered {
  readonly to: Place
  readonly message: Message
}

export interface Told {
  readonly answers: readonly Answered[]
  /** names of counters that have grown */
  readonly counted: readonly string[]
  /** where the message belongs among the steps */
  readonly firstStep: number
}

/** `from`: who has sent the message. With what there is to say of it, which may be nothing. */
export function fateOf(
  speech: Speech,
  from: Place,
  exchange: Exchange | null,
  { answers, counted }: Told,
): readonly [MessageFate, string] {
  const again = counted.find((counter) => counter === 'retransmissions' || counter === 'answered-again')
  if (again !== undefined) return ['retransmission', again]
  const isAnswered = exchange !== null && exchange.answer !== null
  if (exchange !== null && !isAnswered && exchange.relays.length > 0)
    return ['relayed', `to ${[...new Set(exchange.relays.map(({ to }) => to.address))].join(', ')}`]
  const answer = answers.at(-1)
  if (answer === undefined) return ['dropped', counted.join(', ')]
  const cause = speech.cause(answer.message)
  const text = cause === null ? '' : `cause ${cause.text}`
  // What the capture has answered goes on to who has asked.
  if (isAnswered) return ['relayed', [`to ${answer.to.address}`, text].filter(Boolean).join(', ')]
  const isRefused = cause !== null && (!cause.isAccepted || answer.to.address !== from.address)
  return [isRefused ? 'refused' : 'answered', text]
}
