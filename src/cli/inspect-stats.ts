// How many messages of each kind a capture has, and what of it could not be read.

import type { CapturedFrame, CaptureTime, Message } from '../captures/index.ts'
import type { ProtocolName } from '../protocols/protocol.ts'
import { shown, timeText } from './inspect-lines.ts'
import type { View } from './output.ts'

/** of one protocol: others are counted together */
const mostNames = 4096
const otherNames = 'others'

interface Counts {
  messages: number
  bytes: number
  readonly names: Map<string, number>
  readonly malformed: Map<string, number>
}

export class Stats {
  #frames = 0
  #first: CaptureTime | null = null
  #last: CaptureTime | null = null
  readonly #protocols = new Map<ProtocolName, Counts>()

  frame({ time }: CapturedFrame): void {
    this.#frames++
    if (time === null) return
    this.#first ??= time
    this.#last = time
  }

  message(message: Message): void {
    const { bytes, error, protocol } = message
    let counts = this.#protocols.get(protocol.name)
    if (counts === undefined) {
      counts = { messages: 0, bytes: 0, names: new Map(), malformed: new Map() }
      this.#protocols.set(protocol.name, counts)
    }
    counts.messages++
    counts.bytes += bytes.length
    if (error === null) count(counts.names, message.name)
    else count(counts.malformed, error.reason)
  }

  /** For programs. */
  data(): Readonly<Record<string, unknown>> {
    return {
      frames: this.#frames,
      first: timeText(this.#first),
      last: timeText(this.#last),
      protocols: Object.fromEntries(
        this.#sorted().map(([name, { bytes, malformed, messages, names }]) => [
          name,
          { messages, bytes, names: object(names), malformed: object(malformed) },
        ]),
      ),
    }
  }

  view(): View {
    return {
      headers: ['Protocol', 'Message', 'Count'],
      rows: this.#sorted().flatMap(([protocol, { malformed, names }]) => [
        ...sorted(names).map(([name, number]) => [protocol, shown(name), `${number}`]),
        ...sorted(malformed).map(([reason, number]) => [protocol, `malformed: ${reason}`, `${number}`]),
      ]),
      empty: 'no messages',
    }
  }

  /** In a sentence. */
  summary(): string {
    const seconds = this.#first === null || this.#last === null ? 0 : secondsBetween(this.#first, this.#last)
    const messages = [...this.#protocols.values()].reduce((sum, counts) => sum + counts.messages, 0)
    return `${this.#frames} frames in ${seconds.toFixed(3)} s, ${messages} messages`
  }

  #sorted(): readonly (readonly [ProtocolName, Counts])[] {
    return [...this.#protocols].toSorted(([a], [b]) => (a < b ? -1 : 1))
  }
}

const secondsBetween = (first: CaptureTime, last: CaptureTime): number =>
  last.seconds - first.seconds + (last.nanoseconds - first.nanoseconds) / 1e9

function count(counts: Map<string, number>, name: string): void {
  const known = counts.get(name)
  if (known !== undefined || counts.size < mostNames) counts.set(name, (known ?? 0) + 1)
  else counts.set(otherNames, (counts.get(otherNames) ?? 0) + 1)
}

/** The most frequent one first. */
const sorted = (counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] =>
  [...counts].toSorted(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))

const object = (counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> =>
  Object.fromEntries(sorted(counts))
