// What the N4 proxies of a daemon leave behind in its state directory, a log for each VIP, and what another daemon
// takes up: sessions, and the recovery time stamp that peers know them by (TS 29.244, 6.2.2). It is taken up once: the
// log that is read is replaced by the next one before any datagram is sent, so that nothing old ever comes back.

import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DecodeError } from '../wire/decode-error.ts'
import { readLog, UnreadableLog } from './kept-log.ts'
import { LogKeeper, removeLog } from './log-keeper.ts'
import { Snapshot, snapshotVersion } from './n4/snapshot.ts'
import type { Log } from '../lb/log.ts'
import type { Surroundings } from '../sockets/surroundings.ts'

export interface N4MemoryOptions {
  /** null: nothing outlives the process */
  readonly directory: string | null
  readonly log: Log
  readonly surroundings: Pick<Surroundings, 'nowMs' | 'wallSeconds'>
  /** another text each time that the machine is started; left out: the kernel's */
  readonly boot?: string
}

/** What peers have been told: sessions mean nothing under anything else. */
export interface Told {
  readonly address: string
  readonly nodeId: string
  /** VIP of the service that takes GTP-U */
  readonly tunnels: string
}

/** How an engine begins. */
export interface N4Start {
  /** NTP seconds */
  readonly recoveryTimeStamp: number
  /** of an engine before it; null: it begins anew */
  readonly snapshot: Snapshot | null
  /** Makes its state, and what changes of it, outlive it; null: nothing does. */
  readonly keep: ((all: () => Iterable<Uint8Array>) => LogKeeper) | null
}

interface Description extends Told {
  readonly what: string
  readonly version: number
  readonly boot: string
  /** NTP seconds, not cut to 32 bits */
  readonly recovery: number
}

interface Left {
  readonly recovery: number
  readonly snapshot: Snapshot
}

const what = 'sessions of N4'
const bootId = '/proc/sys/kernel/random/boot_id'
/** Seconds from 1900, where NTP begins, to 1970. */
const ntpEpoch = 2_208_988_800

/** Addresses of IPv6 have colons, which not every tool likes in a name. */
const nameOf = (address: string): string => `n4-${address.replaceAll(':', '_')}.log`
const ours = /^(?<log>n4-[0-9a-f._]+\.log)(?:\.tmp)?$/

export class N4Memory {
  readonly #options: N4MemoryOptions
  readonly #boot: string
  #lastRecovery = 0

  constructor(options: N4MemoryOptions) {
    this.#options = options
    this.#boot = options.boot ?? (options.directory === null ? '' : readFileSync(bootId, 'utf8').trim())
  }

  /**
   * Runs an engine with what another one has left at its VIP, or, where there is nothing, or nothing that can be taken
   * up, anew. `run` throws DecodeError for a snapshot that is not whole, before it does anything else.
   */
  start<Engine>(told: Told, run: (start: N4Start) => Engine): Engine {
    const left = this.#leftOrNull(told)
    if (left !== null) {
      try {
        return run(this.#startOf(told, left.recovery, left.snapshot))
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        this.#refuse(told, error)
      }
    }
    const now = this.#options.surroundings.wallSeconds() + ntpEpoch
    this.#lastRecovery = Math.max(this.#lastRecovery + 1, now)
    return run(this.#startOf(told, this.#lastRecovery, null))
  }

  /** What was left at other VIPs is of services that are gone. */
  keepOnly(addresses: Iterable<string>): void {
    const { directory, log } = this.#options
    if (directory === null) return
    const wanted = new Set(Array.from(addresses, nameOf))
    try {
      for (const name of readdirSync(directory)) {
        const its = ours.exec(name)?.groups?.['log']
        if (its !== undefined && !wanted.has(its)) removeLog(join(directory, its))
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      log.warn({ directory, reason: error.message }, 'what services that are gone have left cannot be removed')
    }
  }

  /** Null: there is nothing, or a warning has said why it is not taken up. */
  #leftOrNull(told: Told): Left | null {
    try {
      return this.#left(told)
    } catch (error) {
      const isRefusal = error instanceof UnreadableLog || error instanceof DecodeError
      if (!isRefusal && !(error instanceof Error && 'code' in error)) throw error
      this.#refuse(told, error)
      return null
    }
  }

  #refuse({ address }: Told, { message }: Error): void {
    const facts = { file: this.#fileOf(address), reason: message }
    this.#options.log.warn(facts, 'sessions of before are not taken up: all begins anew, and peers are told so')
  }

  #startOf(told: Told, recovery: number, snapshot: Snapshot | null): N4Start {
    const { log, surroundings } = this.#options
    const file = this.#fileOf(told.address)
    const description: Description = { what, version: snapshotVersion, boot: this.#boot, recovery, ...told }
    return {
      recoveryTimeStamp: recovery % 2 ** 32,
      snapshot,
      keep:
        file === null
          ? null
          : (all) => new LogKeeper({ file, description, all, log, nowMs: () => surroundings.nowMs() }),
    }
  }

  #fileOf(address: string): string | null {
    const { directory } = this.#options
    return directory === null ? null : join(directory, nameOf(address))
  }

  /** Throws UnreadableLog, DecodeError and what the file system throws. */
  #left({ address, nodeId, tunnels }: Told): Left | null {
    const file = this.#fileOf(address)
    const found = file === null ? null : readLog(file)
    if (file === null || found === null) return null
    try {
      // It must go when it is not true any more.
      accessSync(dirname(file), constants.W_OK)
      const description = descriptionOf(found.description)
      const { boot, recovery } = description
      this.#lastRecovery = Math.max(this.#lastRecovery, recovery)
      // The page cache, where the last changes may have been, has gone with it.
      if (!found.closed && boot !== this.#boot)
        throw new UnreadableLog('the machine has gone down while it was written')
      const changed = Object.entries({ address, nodeId, tunnels }).find(([name, value]) => value !== description[name])
      if (changed !== undefined)
        throw new UnreadableLog(`peers were told ${changed[0]} ${String(description[changed[0]])}, not ${changed[1]}`)
      const snapshot = new Snapshot()
      for (const record of found.records) snapshot.add(record)
      return { recovery, snapshot }
    } finally {
      found.close()
    }
  }
}

function descriptionOf(value: unknown): Description & Readonly<Record<string, unknown>> {
  const found = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  if (found['what'] !== what) throw new UnreadableLog('it has no sessions of N4')
  if (found['version'] !== snapshotVersion)
    throw new UnreadableLog(`it has version ${String(found['version'])}, and this program reads ${snapshotVersion}`)
  if (!isDescription(found)) throw new UnreadableLog('it does not say whose sessions it has')
  return found
}

const isDescription = (
  value: Readonly<Record<string, unknown>>,
): value is Description & Readonly<Record<string, unknown>> =>
  ['boot', 'address', 'nodeId', 'tunnels'].every((name) => typeof value[name] === 'string') &&
  Number.isSafeInteger(value['recovery'])
