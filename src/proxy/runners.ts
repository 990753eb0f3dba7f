// The proxies of one kind, in step with the services that want one. What a kind is made of stands in its `RunnerKind`:
// `proxying-datapath.ts` has one for each `select` of mode `proxy`.

import { UnavailableError } from '../lb/errors.ts'
import type { Service, ServiceKey } from '../lb/model.ts'

/** What a runner is made from: its service, and what else of the model it depends on. */
interface Wanted {
  readonly service: Service
}

interface Runner {
  close(): void
}

interface Running<Want extends Wanted, Run extends Runner> {
  readonly wanted: Want
  readonly runner: Run
}

export interface RunnerKind<Want extends Wanted, Run extends Runner> {
  /** Throws what the kernel throws when the VIP cannot be listened at. */
  start(wanted: Want): Run
  /** False: what peers were told is not true any more, so a new one is needed. */
  goesOn(known: Want, next: Want): boolean
  configure(runner: Run, known: Want, next: Want): void
}

export class Runners<Want extends Wanted, Run extends Runner> {
  readonly #kind: RunnerKind<Want, Run>
  #running: ReadonlyMap<ServiceKey, Running<Want, Run>> = new Map()

  constructor(kind: RunnerKind<Want, Run>) {
    this.#kind = kind
  }

  /** Throws UnavailableError where a VIP cannot be listened at. */
  follow(wanted: ReadonlyMap<ServiceKey, Want>): void {
    const before = this.#running
    const after = new Map<ServiceKey, Running<Want, Run>>()
    // First those that go, so that their sockets are free.
    for (const [key, running] of before) {
      const next = wanted.get(key)
      if (next !== undefined && this.#kind.goesOn(running.wanted, next)) after.set(key, running)
      else running.runner.close()
    }
    this.#running = after
    for (const [key, next] of wanted) {
      const running = after.get(key)
      if (running !== undefined) this.#kind.configure(running.runner, running.wanted, next)
      after.set(key, { wanted: next, runner: running?.runner ?? this.#start(next) })
    }
  }

  #start(wanted: Want): Run {
    try {
      return this.#kind.start(wanted)
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error
      throw new UnavailableError(`service ${wanted.service.name} cannot be listened at: ${error.message}`)
    }
  }

  /** What each of them says, under the name of its service. */
  statuses<Status>(of: (runner: Run) => Status): readonly { readonly service: string; readonly status: Status }[] {
    return [...this.#running.values()].map(({ runner, wanted }) => ({
      service: wanted.service.name,
      status: of(runner),
    }))
  }

  /** At most so many of all services together; a runner lets others in between many of its own. */
  async sessionsInTurns<Session extends object>(
    limit: number,
    of: (runner: Run, limit: number) => Promise<readonly Session[]>,
  ): Promise<readonly (Session & { readonly service: string })[]> {
    const found: (Session & { readonly service: string })[] = []
    for (const { runner, wanted } of this.#running.values())
      for (const session of await of(runner, limit - found.length))
        found.push({ service: wanted.service.name, ...session })
    return found
  }

  /** At most so many of all services together. */
  sessions<Session extends object>(
    limit: number,
    of: (runner: Run, limit: number) => readonly Session[],
  ): readonly (Session & { readonly service: string })[] {
    const found: (Session & { readonly service: string })[] = []
    for (const { runner, wanted } of this.#running.values())
      for (const session of of(runner, limit - found.length)) found.push({ service: wanted.service.name, ...session })
    return found
  }

  runners(): readonly Run[] {
    return [...this.#running.values()].map(({ runner }) => runner)
  }

  close(): void {
    for (const { runner } of this.#running.values()) runner.close()
    this.#running = new Map()
  }
}
