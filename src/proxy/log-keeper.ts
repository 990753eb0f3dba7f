// Keeps a log of an engine's state: every change is appended before its effects leave. A log that has grown long is
// written anew beside the old one, a slice with each call, and takes its place when it is whole: until then changes go
// into both. A log that cannot be written is removed, since what it says is not true any more, and begun again later.

import { rmSync, truncateSync } from 'node:fs'
import { KeptLog } from './kept-log.ts'
import type { Log } from '../lb/log.ts'

export interface KeeperOptions {
  readonly file: string
  /** anything that JSON can say */
  readonly description: object
  /** All there is, as records; what changes while they are taken may be in them or not. */
  readonly all: () => Iterable<Uint8Array>
  readonly log: Log
  readonly nowMs: () => number
  readonly limits?: Partial<KeeperLimits>
}

export interface KeeperLimits {
  /** a log is written anew when it is this much longer than twice what it was in the beginning */
  readonly growthBytes: number
  /** records of all there is that one call writes at least */
  readonly slice: number
  /** after a log could not be written */
  readonly retryMs: number
}

const defaultLimits: KeeperLimits = { growthBytes: 0x400_0000, slice: 200, retryMs: 60_000 }
/** Records of all there is for each that has changed: so the new log is whole before it is half changes. */
const catchUp = 2

interface Next {
  readonly log: KeptLog
  readonly left: Iterator<Uint8Array>
}

export class LogKeeper {
  readonly #options: KeeperOptions
  readonly #limits: KeeperLimits
  /** null: it could not be written */
  #log: KeptLog | null = null
  #next: Next | null = null
  #firstBytes = 0
  #retryAtMs = 0
  #failures = 0

  /** Writes all there is, in the place of what was there. */
  constructor(options: KeeperOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#writeAll()
  }

  /** of times that a log could not be written */
  get failures(): number {
    return this.#failures
  }

  /** To be called before the effects of these changes leave, and a few times a second. */
  keep(changes: readonly Uint8Array[]): void {
    if (changes.length > 0) {
      // What it says would not be true any more.
      this.#tried(
        () => this.#log?.appendAll(changes),
        () => this.remove(),
      )
      this.#renewing(() => this.#next?.log.appendAll(changes))
    }
    this.#renewing(() => {
      if (this.#next === null && this.#isDue()) this.#begin()
      if (this.#next !== null) this.#goOn(Math.max(this.#limits.slice, changes.length * catchUp))
    })
  }

  /** Nothing changes any more. */
  close(): void {
    this.#dropNext()
    if (this.#log === null) this.#writeAll()
    this.#tried(
      () => this.#log?.close(),
      () => this.remove(),
    )
  }

  /** Nobody is to take it up. Where the disk refuses even that, it is emptied, if that is possible. */
  remove(): void {
    const { file, log } = this.#options
    const kept = this.#log
    this.#log = null
    this.#dropNext()
    try {
      kept?.abandon()
    } catch (error) {
      this.#warnOf(error, 'a log of sessions cannot be closed')
    }
    try {
      removeLog(file)
    } catch (error) {
      try {
        truncateSync(file)
      } catch {
        log.error({ file }, 'an old log of sessions stays: remove it before the daemon starts again')
      }
      this.#warnOf(error, 'a log of sessions cannot be removed')
    }
  }

  #warnOf(error: unknown, what: string): void {
    if (!(error instanceof Error) || !('code' in error)) throw error
    const { file, log } = this.#options
    log.warn({ file, error: error.message }, what)
  }

  #isDue(): boolean {
    if (this.#options.nowMs() < this.#retryAtMs) return false
    return this.#log === null || this.#log.bytes > this.#firstBytes * 2 + this.#limits.growthBytes
  }

  #writeAll(): void {
    this.#renewing(() => {
      this.#begin()
      while (this.#next !== null) this.#goOn(Infinity)
    })
    if (this.#log === null) this.remove()
  }

  #begin(): void {
    const { all, description, file } = this.#options
    this.#next = { log: KeptLog.begin(file, description), left: all()[Symbol.iterator]() }
  }

  #goOn(most: number): void {
    const { left, log } = this.#next!
    let isDone = false
    const take = function* (): Generator<Uint8Array> {
      for (let count = 0; count < most; count++) {
        const step = left.next()
        if (step.done === true) {
          isDone = true
          return
        }
        yield step.value
      }
    }
    log.appendAll(take())
    if (!isDone) return
    log.publish()
    this.#log?.abandon()
    this.#log = log
    this.#next = null
    this.#firstBytes = log.bytes
  }

  #dropNext(): void {
    const next = this.#next
    this.#next = null
    try {
      next?.log.discard()
    } catch (error) {
      this.#warnOf(error, 'what was begun of a log of sessions cannot be removed')
    }
  }

  /** The log that there is goes on. */
  #renewing(work: () => void): void {
    this.#tried(work, () => this.#dropNext())
  }

  #tried(work: () => void, otherwise: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error
      otherwise()
      this.#failures++
      this.#retryAtMs = this.#options.nowMs() + this.#limits.retryMs
      const { file, log } = this.#options
      const what = this.#log === null ? 'sessions would not outlive this process' : 'a log of sessions grows on'
      log.warn({ file, error: error.message }, `${what}: it cannot be written`)
    }
  }
}

/** Also what was begun and is not whole. */
export function removeLog(file: string): void {
  for (const one of [file, `${file}.tmp`]) rmSync(one, { force: true })
}
