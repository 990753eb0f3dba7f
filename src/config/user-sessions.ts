// Sessions with uplink classifiers that the file and the API own: put together, compared with what is installed, and
// brought there. Those of signalling stand beside them in the datapath and are never touched.

import { isDeepStrictEqual } from 'node:util'
import { ResourceError } from '../lb/datapath.ts'
import { ConflictError } from '../lb/errors.ts'
import { tunnelText, userOf } from '../lb/user-session-owners.ts'
import { userSessionLimits, UserSessionError } from '../lb/user-sessions.ts'
import type { UserSessionOwners } from '../lb/user-session-owners.ts'
import type { NamedUserSession, UserSessionChange } from '../lb/user-session-registry.ts'

export interface SessionModel {
  readonly file: readonly NamedUserSession[]
  readonly api: readonly NamedUserSession[]
  /** those of the file first */
  readonly byName: ReadonlyMap<string, NamedUserSession>
}

interface SessionInput {
  readonly file: readonly NamedUserSession[]
  readonly api: readonly NamedUserSession[]
  /** how messages name the file */
  readonly fileName: string
}

const title = ({ name }: NamedUserSession): string => `session ${name}`

const remedy = ({ name, owner }: NamedUserSession, fileName: string): string =>
  owner === 'file'
    ? `remove ${name} from ${fileName}`
    : `delete it through the API (sluice delete user-session ${name})`

/** What only one session can have, each with how a message says it. */
const claimsOf = ({ name, ueAddresses, uplink }: NamedUserSession): readonly (readonly [string, string])[] => [
  [`name ${name}`, `have the same name "${name}"`],
  ...ueAddresses.map((address) => [`user ${userOf(address)}`, `are both of the user ${address}`] as const),
  [`tunnel ${tunnelText(uplink)}`, `both have the uplink tunnel ${tunnelText(uplink)}`],
]

/** Throws ConflictError, naming both sides of every conflict, or ResourceError. */
export function combineSessions({ api, file, fileName }: SessionInput): SessionModel {
  const all = [...file, ...api]
  const claimed = new Map<string, NamedUserSession>()
  const found: string[] = []
  const owned = (session: NamedUserSession): string =>
    `${title(session)} of ${session.owner === 'file' ? fileName : 'the API'}`
  for (const session of all) {
    let told = false
    for (const [claim, problem] of claimsOf(session)) {
      const other = claimed.get(claim)
      claimed.set(claim, session)
      if (other === undefined || told) continue
      told = true
      const remedies =
        other.owner === session.owner
          ? 'change one of them'
          : `${remedy(other, fileName)} or ${remedy(session, fileName)}`
      found.push(`${owned(other)} and ${owned(session)} ${problem}: ${remedies}`)
    }
  }
  if (found.length > 0) throw new ConflictError(found.join('\n'))
  const count = (of: (session: NamedUserSession) => number): number => all.reduce((sum, one) => sum + of(one), 0)
  checkLimit(
    'addresses of UEs',
    count(({ ueAddresses }) => ueAddresses.length),
    userSessionLimits.addresses,
  )
  checkLimit(
    'classifiers',
    count(({ classifiers }) => classifiers.length),
    userSessionLimits.classifiers,
  )
  return { file, api, byName: new Map(all.map((session) => [session.name, session])) }
}

function checkLimit(what: string, count: number, most: number): void {
  if (count > most)
    throw new ResourceError('sessions', `${count} ${what} of sessions are more than the ${most} that are possible`)
}

/** Removals first; then what differs and what is new, in the order of the wanted. */
export function planSessions(
  current: ReadonlyMap<string, NamedUserSession>,
  wanted: ReadonlyMap<string, NamedUserSession>,
): readonly UserSessionChange[] {
  const removals = [...current.values()].flatMap((session): readonly UserSessionChange[] =>
    wanted.has(session.name) ? [] : [{ kind: 'remove', session }],
  )
  const others = [...wanted.values()].flatMap((session): readonly UserSessionChange[] => {
    const from = current.get(session.name)
    if (from === undefined) return [{ kind: 'add', session }]
    return isDeepStrictEqual(from, session) ? [] : [{ kind: 'update', from, to: session }]
  })
  return [...removals, ...others]
}

const endText = (end: NamedUserSession['uplink']): string => tunnelText(end)

const classifiersText = ({ classifiers }: NamedUserSession): string =>
  classifiers.length === 0 ? 'none' : classifiers.map(({ prefix, qfi }) => `${prefix} QFI ${qfi}`).join(', ')

const fields = {
  ueAddresses: ({ ueAddresses }) => ueAddresses.join(', '),
  uplink: ({ uplink }) => endText(uplink),
  downlink: ({ downlink }) => endText(downlink),
  classifiers: classifiersText,
  owner: ({ owner }) => owner,
} satisfies Readonly<Record<string, (session: NamedUserSession) => string>>

/** One line for each thing that changes: `+` comes, `-` goes, `~` is different. */
export const describeSessions = (changes: readonly UserSessionChange[]): readonly string[] =>
  changes.flatMap((change): readonly string[] => {
    switch (change.kind) {
      case 'remove':
        return [`- ${title(change.session)}`]
      case 'add': {
        const { session } = change
        const said = Object.entries(fields).map(([name, text]) => `${name} ${text(session)}`)
        return [`+ ${title(session)}: ${said.join('; ')}`]
      }
      case 'update': {
        const { from, to } = change
        return Object.entries(fields).flatMap(([name, text]) => {
          const [before, after] = [text(from), text(to)]
          return before === after ? [] : [`~ ${title(to)}: ${name} ${before} -> ${after}`]
        })
      }
      default:
        return change satisfies never
    }
  })

/** What keeps its user and its uplink tunnel is changed without a gap, and its counts go on. */
const staysInPlace = (from: NamedUserSession, to: NamedUserSession): boolean =>
  from.owner === to.owner &&
  isDeepStrictEqual(from.uplink, to.uplink) &&
  isDeepStrictEqual(from.ueAddresses.map(userOf), to.ueAddresses.map(userOf))

/** The sessions of the file and of the API that the datapath has. */
export class InstalledSessions {
  readonly #owners: UserSessionOwners
  readonly #installed = new Map<string, NamedUserSession>()

  constructor(owners: UserSessionOwners) {
    this.#owners = owners
  }

  get byName(): ReadonlyMap<string, NamedUserSession> {
    return this.#installed
  }

  /**
   * Performs changes, and returns what takes them back. Throws ConflictError where signalling has a user or a tunnel,
   * or ResourceError, and then nothing has changed.
   */
  apply(changes: readonly UserSessionChange[]): () => void {
    const undo: (() => void)[] = []
    const takeBack = (): void => {
      for (const step of undo.splice(0).toReversed()) step()
    }
    const moved = changes.filter((change) => change.kind === 'update' && !staysInPlace(change.from, change.to))
    try {
      // What goes makes room for what comes: users and tunnels may go from one session to another.
      for (const change of changes) {
        if (change.kind === 'remove') undo.push(this.#remove(change.session))
        else if (change.kind === 'update' && moved.includes(change)) undo.push(this.#remove(change.from))
      }
      for (const change of changes) {
        if (change.kind === 'add') undo.push(this.#install(change.session))
        else if (change.kind === 'update') undo.push(this.#install(change.to))
      }
    } catch (error) {
      takeBack()
      throw asRefusal(error)
    }
    return takeBack
  }

  #remove(session: NamedUserSession): () => void {
    this.#owners.as(session.owner).remove(session.ueAddresses[0]!)
    this.#installed.delete(session.name)
    return () => void this.#install(session)
  }

  #install(session: NamedUserSession): () => void {
    const before = this.#installed.get(session.name)
    this.#owners.as(session.owner).install(session)
    this.#installed.set(session.name, session)
    return () => void (before === undefined ? this.#remove(session) : this.#install(before))
  }
}

/** The checks of the section let nothing through that is bad in itself. */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof UserSessionError)) return error
  if (error.reason === 'no room') return new ResourceError('sessions', error.message)
  return new ConflictError(error.message)
}
