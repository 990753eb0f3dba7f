// What a message of SIP means to a balancer: its session, and what it proves about where a session lives.

import { methodOf } from './headers.ts'
import { latin1 } from './text.ts'
import type { Learned, SessionKey, Side } from '../protocol.ts'
import type { SipMessage } from './message.ts'

/** Call-IDs are compared byte by byte (RFC 3261, 8.1.1.4). Of several, which are not allowed, the first counts. */
export function sessions(message: SipMessage): readonly SessionKey[] {
  if (message.kind === 'keepalive' || message.callId === null) return []
  const { end, start } = message.callId
  return start === end ? [] : [{ kind: 'call-id', value: latin1(message.bytes, start, end) }]
}

/** What they do is done with their answer: it leaves nothing behind at who has answered (RFC 3261, 11; RFC 3428). */
const passing: ReadonlySet<string> = new Set(['OPTIONS', 'MESSAGE'])

const doesNotExist = 481
const firstSuccess = 200
const firstRedirection = 300
const firstServerFailure = 500
const firstGlobalFailure = 600

/**
 * Who answers for a call has it: also who refuses it, since the ACK and the next try with credentials must reach the
 * same one. Who fails (5xx) does not, so that the next try may go elsewhere. A request of an endpoint, of whatever
 * method, says where the answer belongs. A call is over when its BYE is answered.
 */
export function learn(message: SipMessage, from: Side): readonly Learned[] {
  if (from === 'client' || message.kind === 'keepalive') return []
  const [key] = sessions(message)
  if (key === undefined) return []
  const known: Learned = { action: 'add', key, at: null }
  if (message.kind === 'request') return [known]
  const { status } = message
  const method = methodOf(message)
  if (method === 'BYE') {
    const isOver = (status >= firstSuccess && status < firstRedirection) || status === doesNotExist
    return isOver ? [{ ...known, action: 'remove' }] : []
  }
  if (passing.has(method) || status === doesNotExist) return []
  return status >= firstServerFailure && status < firstGlobalFailure ? [] : [known]
}

/** Whoever answers with anything but a failure of its own reads SIP and is at work. */
export function isAlive(message: SipMessage): boolean {
  if (message.kind !== 'response' || methodOf(message) !== 'OPTIONS') return false
  const requestTimeout = 408
  const { status } = message
  return status >= firstSuccess && status < firstServerFailure && status !== requestTimeout
}
