// Reads the TAP that ava prints, one line at a time: counts results and turns each into a line for people.

import pc from 'picocolors'

export interface Tally {
  passed: number
  /** titles */
  readonly failed: string[]
  /** titles, which say why */
  readonly skipped: string[]
}

export const emptyTally = (): Tally => ({ passed: 0, failed: [], skipped: [] })

const result = /^(?<verdict>ok|not ok) \d+ - (?<title>.*?)(?: # (?<directive>SKIP|TODO)\b.*)?$/
const noise = /^(?:TAP version \d+|\d+\.\.\d+|# (?:tests|pass|skip|todo|fail) \d+|# .* hook(?: for .*)?)$/

export class TapReader {
  readonly #prefix: string
  readonly #tally = emptyTally()
  #planned = false

  /** `prefix` stands before the titles in the tally. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** What to show for this line; null for nothing. */
  read(line: string): string | null {
    const found = result.exec(line)?.groups
    if (found === undefined) {
      if (/^\d+\.\.\d+$/.test(line)) this.#planned = true
      return noise.test(line) || line === '' ? null : pc.dim(`    ${line}`)
    }
    const title = found['title'] ?? ''
    if (found['directive'] !== undefined) {
      this.#tally.skipped.push(this.#prefix + title)
      return pc.yellow(`  - ${title}`)
    }
    if (found['verdict'] === 'ok') {
      this.#tally.passed += 1
      return `  ${pc.green('✔')} ${title}`
    }
    this.#tally.failed.push(this.#prefix + title)
    return pc.red(`  ✘ ${title}`)
  }

  /** The sum. A runner that ended badly, or before it said how many tests there were, is one more failure. */
  finish(exitCode: number): Tally {
    const silent = exitCode !== 0 && this.#tally.failed.length === 0
    if (silent || !this.#planned) this.#tally.failed.push(`${this.#prefix}ava ended with exit code ${exitCode}`)
    return this.#tally
  }
}
