// The single writer of what is balanced, and of the sessions whose traffic is classified. It knows who owns each, lets
// every owner change only what is its own, brings the datapath to what is wanted, and keeps the API's part in the state
// directory.
//
// The order of one change, and what a crash leaves behind:
//
//   1. prepare  the new state is written and synced under another name. A full disk is found here; nothing has changed.
//               A crash leaves a stray file that the next change overwrites.
//   2. apply    the datapath changes: sessions, then services. If it refuses, the prepared state is thrown away. A
//               crash leaves maps that are ahead of the state: the next start brings them back. Nobody was told that
//               the change was made.
//   3. commit   the prepared state gets its name: the change is made. If that fails, the datapath is taken back.
//
// So whoever got an answer finds the change after any crash, and whoever got none may find either. What the file
// owns needs no journal, because the file is read again at every start.

import assert from 'node:assert/strict'
import { ConflictError, NotFoundError, UnavailableError } from '../lb/errors.ts'
import { ResourceError } from '../lb/datapath.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { changedSections } from './changed.ts'
import { combine, edited } from './ownership.ts'
import { checkServiceInputs, checkSessionInputs, readConfig } from './parse.ts'
import { describe, plan, serviceTitle } from './plan.ts'
import { toService, toServiceInput } from './sections/services.ts'
import { toSession, toSessionInput } from './sections/sessions.ts'
import { prepareState, readState, stateText } from './state.ts'
import { combineSessions, describeSessions, InstalledSessions, planSessions } from './user-sessions.ts'
import type { Datapath } from '../lb/datapath.ts'
import type { Log } from '../lb/log.ts'
import type { Change, EndpointKey, Service, ServiceKey } from '../lb/model.ts'
import type { Edit, Order, PutOptions, Registry, Reloaded } from '../lb/registry.ts'
import type { NamedUserSession, UserSessionChange, UserSessionEdit } from '../lb/user-session-registry.ts'
import type { ModelLimits, Override, Ownership, OwnershipInput } from './ownership.ts'
import type { Config } from './schema.ts'
import type { PreparedState } from './state.ts'
import type { SessionModel } from './user-sessions.ts'

/** Changes that wait for their turn; more than that are turned away. */
const maxWaiting = 1024

export interface ControllerOptions {
  readonly datapath: Datapath
  /** made when it does not exist */
  readonly stateDirectory: string
  /** null: nothing is balanced but what the API makes */
  readonly configFile: string | null
  /** what the file held, when the caller has read it already */
  readonly config?: Config
  /** what the datapath was started for */
  readonly limits: ModelLimits
  readonly log: Log
  /** milliseconds, for measuring how long a change took */
  readonly now: () => number
}

/** What one change replaces; what it leaves out stays. */
interface Wanted extends Partial<Pick<OwnershipInput, 'file' | 'api' | 'overrides'>> {
  readonly sessions?: Partial<Pick<SessionModel, 'file' | 'api'>>
}

export class Controller implements Registry {
  readonly #options: ControllerOptions
  /** what the daemon was started with; sections that wait for the next start are compared with it */
  readonly #started: Config | null
  #config: Config | null
  #model: Ownership
  #sessions: SessionModel
  readonly #installed: InstalledSessions
  /** what stands in the state file */
  #stored: string
  /** A change failed half-way: what is balanced is no longer known from the model, and the datapath has to be asked. */
  #diverged = false
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed = false

  private constructor(
    options: ControllerOptions,
    config: Config | null,
    model: Ownership,
    sessions: SessionModel,
    installed: InstalledSessions,
    stored: string,
  ) {
    this.#options = options
    this.#started = config
    this.#config = config
    this.#model = model
    this.#sessions = sessions
    this.#installed = installed
    this.#stored = stored
  }

  /** Reads the file and the state directory, and brings the datapath to what they say. */
  static async open(options: ControllerOptions): Promise<Controller> {
    const { configFile, datapath, limits, log, stateDirectory } = options
    const state = await readState(stateDirectory)
    const config = options.config ?? (configFile === null ? null : await readConfig(configFile))
    const file = config?.services ?? []
    const fileName = configFile ?? ''
    const model = combine({ file, api: state.services, overrides: state.overrides, limits, fileName, before: [] })
    const sessions = combineSessions({ file: config?.sessions ?? [], api: state.sessions, fileName })
    // Before services, whose signalling may know users too: what somebody configured comes first.
    const installed = new InstalledSessions(datapath.userSessions)
    installed.apply(planSessions(installed.byName, sessions.byName))
    await datapath.apply(plan([], model.all))
    log.info(
      { file: file.length, api: state.services.length, sessions: sessions.byName.size },
      `balancing ${model.all.length} services`,
    )
    return new Controller(options, config, model, sessions, installed, stateText(state))
  }

  /** The last configuration file that was accepted. */
  config(): Config | null {
    return this.#config
  }

  services(): readonly Service[] {
    return this.#model.all
  }

  find(key: ServiceKey): Service | undefined {
    return this.#model.byKey.get(key)
  }

  userSessions(): readonly NamedUserSession[] {
    return [...this.#sessions.byName.values()]
  }

  /** Adds services of the API, or replaces those that have the same key. All of them or none. */
  put(services: readonly Service[], options: PutOptions): Promise<readonly Change[]> {
    return this.update(() => ({ put: services }), options)
  }

  /** Removes services of the API. All of them or none. */
  remove(keys: readonly ServiceKey[], options: PutOptions): Promise<readonly Change[]> {
    return this.update(() => ({ remove: keys }), options)
  }

  /** Both, found from the services there are when the change has its turn. */
  update(edit: (services: readonly Service[]) => Edit, options: PutOptions): Promise<readonly Change[]> {
    assert.equal(options.owner, 'api', 'the services of the file come and go by reload')
    return this.#inTurn(async () => {
      const { put = [], remove = [] } = edit(this.#model.all)
      const inputs = checkServiceInputs(put.map(toServiceInput))
      const wanted = inputs.map((input, index) => toService(input, 'api', put[index]?.annotations))
      const missing = remove.filter((key) => !this.#model.byKey.has(key))
      if (missing.length > 0) throw new NotFoundError(`there is no service ${missing.join(', ')}`)
      this.#refuseFileOwned([...wanted.map(serviceKey), ...remove])
      const gone = new Set(remove)
      const given = new Map(wanted.map((service) => [serviceKey(service), service]))
      const api = edited(this.#model.api, serviceKey, gone, given)
      return (await this.#perform({ api }, options.dryRun ?? false)).services
    })
  }

  /** Sessions that are added or replaced, and those that are removed, all of them or none. */
  updateUserSessions(
    edit: (sessions: readonly NamedUserSession[]) => UserSessionEdit,
    options: PutOptions,
  ): Promise<readonly UserSessionChange[]> {
    assert.equal(options.owner, 'api', 'the sessions of the file come and go by reload')
    return this.#inTurn(async () => {
      const { byName } = this.#sessions
      const { put = [], remove = [] } = edit(this.userSessions())
      const wanted = checkSessionInputs(put.map(toSessionInput)).map((input) => toSession(input, 'api'))
      const missing = remove.filter((name) => !byName.has(name))
      if (missing.length > 0) throw new NotFoundError(`there is no session ${missing.join(', ')}`)
      const names = [...wanted.map(({ name }) => name), ...remove]
      this.#refuseOfFile(names.flatMap((name) => (byName.get(name)?.owner === 'file' ? [`session ${name}`] : [])))
      const given = new Map(wanted.map((session) => [session.name, session]))
      const api = edited(this.#sessions.api, ({ name }) => name, new Set(remove), given)
      return (await this.#perform({ sessions: { api } }, options.dryRun ?? false)).sessions
    })
  }

  /** Reads the file again. Only what the file owns changes; a bad file changes nothing. */
  reload(): Promise<Reloaded> {
    return this.#inTurn(async () => {
      const { configFile, log } = this.#options
      if (configFile === null) return { services: [], sessions: [] }
      const config = await readConfig(configFile)
      const changes = await this.#perform({ file: config.services, sessions: { file: config.sessions } }, false)
      const waiting = this.#started === null ? [] : changedSections(this.#started, config)
      if (waiting.length > 0) {
        log.warn(
          { sections: waiting },
          `${waiting.join(', ')} differs from what is running: takes effect when the daemon is started again`,
        )
      }
      this.#config = config
      return changes
    })
  }

  /**
   * Takes an endpoint out of the choice for new flows (drained) or out of all traffic (blocked), or back in, whoever
   * owns its service. The order is kept across reloads and restarts until it is revoked or the endpoint goes.
   */
  order(service: ServiceKey, endpoint: EndpointKey, order: Partial<Order>): Promise<readonly Change[]> {
    return this.#inTurn(async () => {
      const found = this.#model.byKey.get(service)
      if (found === undefined) throw new NotFoundError(`there is no service ${service}`)
      if (!found.endpoints.some((one) => endpointKey(one) === endpoint)) {
        throw new NotFoundError(`${serviceTitle(found)} has no endpoint ${endpoint}`)
      }
      const isMeant = (one: Override): boolean => one.service === service && one.endpoint === endpoint
      const before = this.#model.overrides.find(isMeant)
      const others = this.#model.overrides.filter((one) => !isMeant(one))
      const overrides = [...others, { ...before, ...order, service, endpoint }]
      return (await this.#perform({ overrides }, false)).services
    })
  }

  /** Lets the changes finish that wait, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#tail
  }

  /** One change after the other: each sees what the one before it left. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new UnavailableError('the daemon is shutting down: try again when it is back')
    if (this.#waiting >= maxWaiting) {
      throw new UnavailableError(`${maxWaiting} changes are waiting already: try again in a moment`)
    }
    this.#waiting++
    const result = this.#tail.then(work)
    // The caller gets the failure; the next change must run all the same.
    this.#tail = result.then(
      () => this.#waiting--,
      () => this.#waiting--,
    )
    return result
  }

  #refuseFileOwned(keys: readonly ServiceKey[]): void {
    const owned = keys.flatMap((key) => {
      const service = this.#model.byKey.get(key)
      return service?.owner === 'file' ? [serviceTitle(service)] : []
    })
    this.#refuseOfFile(owned)
  }

  #refuseOfFile(owned: readonly string[]): void {
    if (owned.length === 0) return
    const { configFile } = this.#options
    throw new ConflictError(`${owned.join(', ')} belongs to ${configFile}: edit it there and send the daemon SIGHUP`)
  }

  async #perform({ sessions, ...change }: Wanted, dryRun: boolean): Promise<Reloaded> {
    const { configFile, datapath, limits, log, now, stateDirectory } = this.#options
    const { file, api, overrides } = this.#model
    const fileName = configFile ?? ''
    const next = combine({ file, api, overrides, ...change, limits, fileName, before: this.#model.all })
    const nextSessions =
      sessions === undefined ? this.#sessions : combineSessions({ ...this.#sessions, ...sessions, fileName })
    const current = this.#diverged ? datapath.services().map((status) => status.service) : this.#model.all
    const changes = {
      services: plan(current, next.all),
      sessions: planSessions(this.#installed.byName, nextSessions.byName),
    }
    if (dryRun) return changes

    const started = now()
    const text = stateText({ services: next.api, overrides: next.overrides, sessions: nextSessions.api })
    const prepared = text === this.#stored ? null : await prepareState(stateDirectory, text)
    let takeSessionsBack = (): void => {}
    try {
      takeSessionsBack = this.#installed.apply(changes.sessions)
      if (changes.services.length > 0) await datapath.apply(changes.services)
    } catch (error) {
      await this.#forget(prepared)
      takeSessionsBack()
      const isUntouched = error instanceof ResourceError || error instanceof ConflictError
      if (!isUntouched) await this.#takeBack(error)
      throw error
    }
    try {
      await prepared?.commit()
    } catch (error) {
      await this.#forget(prepared)
      takeSessionsBack()
      await this.#takeBack(error)
      throw error
    }
    this.#model = next
    this.#sessions = nextSessions
    this.#stored = text
    this.#diverged = false
    await this.#sync(prepared)
    const durationMs = now() - started
    for (const line of [...describe(changes.services), ...describeSessions(changes.sessions)])
      log.info({ durationMs }, line)
    return changes
  }

  async #forget(prepared: PreparedState | null): Promise<void> {
    try {
      await prepared?.discard()
    } catch (error) {
      this.#options.log.warn(
        { err: error },
        'a prepared state file could not be removed; the next change overwrites it',
      )
    }
  }

  /** The change is made and visible; only a power cut in the next seconds could undo it. */
  async #sync(prepared: PreparedState | null): Promise<void> {
    try {
      await prepared?.sync()
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the state directory could not be synced')
    }
  }

  /** Brings the datapath back to the model after a change that failed half-way. */
  async #takeBack(reason: unknown): Promise<void> {
    const { datapath, log } = this.#options
    this.#diverged = true
    try {
      const actual = datapath.services().map((status) => status.service)
      await datapath.apply(plan(actual, this.#model.all))
      this.#diverged = false
      log.error({ err: reason }, 'a change failed half-way and was taken back')
    } catch (error) {
      log.error(
        { err: error, reason },
        'a change failed half-way and could not be taken back; the next change tries again',
      )
    }
  }
}
