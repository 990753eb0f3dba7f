// The request that would establish a session as it is now: the one that did, and all modifications since, merged rule
// by rule (TS 29.244, 7.5.2 and 7.5.4). Kept as bytes; merged when it is needed, or when changes pile up.

import { readElements, writeElements } from '../../protocols/pfcp/index.ts'
import { join } from '../../wire/fields.ts'
import { merge } from './merging.ts'
import { longestBody } from './spans.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { Session } from './sessions.ts'

/** Changes that pile up before they are merged. */
const mostChanges = 8

/** `change` has been accepted. False: the session has become too long to be kept, and is not kept any more. */
export function keepChange(session: Session, change: Uint8Array, mostBytes: number): boolean {
  if (session.stored === null) return true
  if (change.length <= mostBytes) {
    session.changes.push(change)
    const bytes = session.changes.reduce((sum, { length }) => sum + length, session.stored.length)
    if (session.changes.length < mostChanges && bytes <= mostBytes) return true
    const merged = mergeChanges(session)
    if (merged !== null && merged.length <= mostBytes) return true
  }
  session.stored = null
  session.changes = []
  return false
}

/** The request; null: it is not kept. */
export function mergeChanges(session: Session): Uint8Array | null {
  const { changes, stored } = session
  if (stored === null || changes.length === 0) return stored
  session.changes = []
  session.stored = written(merge(readElements(stored), changes.map(readElements)))
  return session.stored
}

/** Null: a rule has grown longer than an element can be. */
function written(elements: readonly PfcpElement[]): Uint8Array | null {
  try {
    const body = writeElements(elements)
    return body.length > longestBody ? null : body
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** Bytes of its own: what comes from a datagram does not stay. */
export const kept = (body: Uint8Array): Uint8Array => join(body)
