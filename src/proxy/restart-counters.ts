// Restart counters of GTP-C (TS 23.007, 18): what peers of a VIP are told, and by which they notice that its sessions
// are lost. They are kept in the state directory, since a number that comes again hides a restart.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../lb/log.ts'
import type { Surroundings } from '../sockets/surroundings.ts'

const version = 1
/** One byte says them. */
const range = 256
/** VIPs that are remembered; the one that was started longest ago is forgotten first. */
const mostAddresses = 4096

export interface RestartCounterOptions {
  /** null: there is none, and a VIP begins where the clock says */
  readonly directory: string | null
  readonly surroundings: Pick<Surroundings, 'wallSeconds'>
  readonly log: Log
}

export class RestartCounters {
  readonly #options: RestartCounterOptions
  /** the last one of each VIP; null: not read yet */
  #last: Map<string, number> | null = null

  constructor(options: RestartCounterOptions) {
    this.#options = options
  }

  /**
   * The one for a new start at this VIP: one more than the last one, also of an earlier process. It is on the disk when
   * this returns. Where there is none, or the disk refuses, it is made from the clock.
   */
  next(address: string): number {
    this.#last ??= this.#read()
    const last = this.#last.get(address)
    const counter = last === undefined ? this.#options.surroundings.wallSeconds() % range : (last + 1) % range
    this.#last.delete(address)
    this.#last.set(address, counter)
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= mostAddresses) break
      this.#last.delete(oldest)
    }
    return this.#write(this.#last) ? counter : this.#ofClock(address, last)
  }

  /** What is not on the disk must not be one more either: the next process would say the same. */
  #ofClock(address: string, last: number | undefined): number {
    const counter = this.#options.surroundings.wallSeconds() % range
    const other = counter === last ? (counter + 1) % range : counter
    this.#last?.set(address, other)
    return other
  }

  #read(): Map<string, number> {
    const { directory, log } = this.#options
    if (directory === null) return new Map()
    const file = fileIn(directory)
    try {
      return decode(readFileSync(file, 'utf8'))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT'))
        log.warn({ file, reason }, 'restart counters of GTP-C cannot be read, and begin where the clock says')
      return new Map()
    }
  }

  #write(counters: ReadonlyMap<string, number>): boolean {
    const { directory, log } = this.#options
    if (directory === null) return true
    const file = fileIn(directory)
    try {
      const temporary = `${file}.tmp`
      writeFileSync(temporary, `${JSON.stringify({ version, counters: Object.fromEntries(counters) })}\n`, {
        mode: 0o600,
        flush: true,
      })
      renameSync(temporary, file)
      const handle = openSync(directory, 'r')
      fsyncSync(handle)
      closeSync(handle)
      return true
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      log.warn({ file, reason }, 'restart counters of GTP-C cannot be kept, and are made from the clock')
      return false
    }
  }
}

const fileIn = (directory: string): string => join(directory, 'gtpc-restarts.json')

const isCounter = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < range

/** Throws Error, which says what is wrong. */
function decode(text: string): Map<string, number> {
  const state = JSON.parse(text) as { readonly version?: unknown; readonly counters?: unknown } | null
  if (state?.version !== version) throw new Error(`it is not of version ${version}`)
  const counters: readonly (readonly [string, unknown])[] = Object.entries(state.counters ?? {})
  return new Map(
    counters.map(([address, counter]) => {
      if (!isCounter(counter)) throw new Error(`it has no counter for ${address}`)
      return [address, counter]
    }),
  )
}
