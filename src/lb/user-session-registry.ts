// Sessions with uplink classifiers that somebody configured: by the file or through the API. Those that signalling
// installs have no name and are not here.

import type { Owner } from './model.ts'
import type { PutOptions } from './registry.ts'
import type { UserSession } from './user-sessions.ts'

export interface NamedUserSession extends UserSession {
  /** unique */
  readonly name: string
  readonly owner: Owner
}

export type UserSessionChange =
  | { readonly kind: 'add' | 'remove'; readonly session: NamedUserSession }
  | { readonly kind: 'update'; readonly from: NamedUserSession; readonly to: NamedUserSession }

/** Sessions to add or replace, and names of such to remove. */
export interface UserSessionEdit {
  readonly put?: readonly NamedUserSession[]
  readonly remove?: readonly string[]
}

export interface UserSessionRegistry {
  userSessions(): readonly NamedUserSession[]
  /** Makes what `edit` finds wanted of the sessions there are; nobody else changes them in between. All or none. */
  updateUserSessions(
    edit: (sessions: readonly NamedUserSession[]) => UserSessionEdit,
    options: PutOptions,
  ): Promise<readonly UserSessionChange[]>
}
