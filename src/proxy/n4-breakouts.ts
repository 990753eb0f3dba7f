// What the N4 engine says of local traffic, as sessions with uplink classifiers in the fast path.

import { UserSessionError } from '../lb/user-sessions.ts'
import { Refusals } from './refusals.ts'
import type { UserSessionControl } from '../lb/user-sessions.ts'
import type { BreakoutChange } from './n4/model.ts'
import type { RefusalsOptions } from './refusals.ts'

export class N4Breakouts {
  readonly #control: UserSessionControl
  readonly #refusals: Refusals

  /** `control` has nothing but the service's own. */
  constructor(control: UserSessionControl, options: RefusalsOptions) {
    this.#control = control
    this.#refusals = new Refusals(options)
  }

  /** In the fast path before this returns. What is refused stays with the UPF, like all that is not classified. */
  apply(changes: readonly BreakoutChange[]): void {
    for (const change of changes) {
      if (change.action === 'remove') this.#control.remove(change.ueAddress)
      else this.#install(change)
    }
  }

  counters(): Readonly<Record<string, number>> {
    return this.#refusals.counters('local')
  }

  #install({ session }: BreakoutChange & { readonly action: 'install' }): void {
    try {
      this.#control.install(session)
    } catch (error) {
      if (!(error instanceof UserSessionError)) throw error
      // Better all through its UPF than by what held before.
      for (const address of session.ueAddresses) this.#control.remove(address)
      this.#refusals.add(error, 'local traffic of a session goes through its UPF')
    }
  }
}
