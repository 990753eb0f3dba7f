// A TCP endpoint for tests, as plain as can be: it says what it has to say in pieces, again when told to, takes what
// comes in any order, and acknowledges it, selectively too. It must not be deceived by what stands between: it
// complains about bytes that change and acknowledgements of what it has not said.

import { advance, distance } from '../../datapath/slow-path/alg/sequence.ts'
import { tcpFlags } from '../../datapath/slow-path/alg/segment.ts'
import { read32, write32 } from '../../wire/fields.ts'
import type { Segment } from '../../datapath/slow-path/alg/segment.ts'

const none = new Uint8Array()

export class TcpPeer {
  readonly first: number
  readonly #says: Uint8Array
  /** bytes sent, and acknowledged, of what it says; one more with FIN */
  sent = 0
  acknowledged = 0
  #otherFirst = 0
  /** by position, as it came */
  readonly #heard = new Map<number, number>()
  #heardUpTo = 0
  #heardEnd: number | null = null
  readonly complaints: string[] = []
  /** parts of what it says that the other side has, as it was told selectively */
  readonly selective: (readonly [number, number])[] = []

  constructor(first: number, says: Uint8Array) {
    this.first = first
    this.#says = says
  }

  get saysAll(): boolean {
    return this.sent === this.#says.length + 1
  }

  get done(): boolean {
    return this.acknowledged === this.#says.length + 1 && this.#heardEnd !== null && this.#heardUpTo > this.#heardEnd
  }

  get heard(): Uint8Array {
    const length = Math.min(this.#heardUpTo, this.#heardEnd ?? this.#heardUpTo)
    return Uint8Array.from({ length }, (_, index) => this.#heard.get(index)!)
  }

  has(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (!this.#heard.has(at)) return false
    return true
  }

  syn(acknowledging: boolean): Segment {
    return this.#segment(this.first, none, tcpFlags.syn | (acknowledging ? tcpFlags.ack : 0))
  }

  takeSyn(segment: Segment): void {
    this.#otherFirst = segment.sequence
  }

  /** What comes next, or what came before again. */
  say(most: number, again: boolean): Segment {
    const from = again ? this.acknowledged : this.sent
    const to = Math.min(this.#says.length, from + most, again ? this.sent : Infinity)
    const fin = to === this.#says.length && (!again || this.saysAll)
    const end = fin ? to + 1 : to
    this.sent = Math.max(this.sent, end)
    const flags = tcpFlags.ack | (fin ? tcpFlags.fin : 0) | (to > from ? tcpFlags.psh : 0)
    return this.#segment(advance(this.first, 1 + from), this.#says.subarray(from, to), flags)
  }

  acknowledgement(): Segment {
    return this.#segment(advance(this.first, 1 + this.sent), none, tcpFlags.ack)
  }

  /** True when it answers by an acknowledgement. */
  take(segment: Segment): boolean {
    this.#takeAcknowledgement(segment)
    const start = distance(segment.sequence, advance(this.#otherFirst, 1))
    const isOld = start < this.#heardUpTo
    segment.payload.forEach((byte, index) => {
      const known = this.#heard.get(start + index)
      if (start + index < 0) return
      if (known !== undefined && known !== byte) this.complaints.push(`byte ${start + index} changes`)
      this.#heard.set(start + index, byte)
    })
    if (segment.flags & tcpFlags.fin) {
      const end = start + segment.payload.length
      if (this.#heardEnd !== null && this.#heardEnd !== end) this.complaints.push('the end moves')
      this.#heardEnd = end
    }
    while (this.#heard.has(this.#heardUpTo)) this.#heardUpTo++
    if (this.#heardUpTo === this.#heardEnd) this.#heardUpTo++
    return isOld || segment.payload.length > 0 || (segment.flags & tcpFlags.fin) !== 0
  }

  #takeAcknowledgement({ acknowledgement, options }: Segment): void {
    const upTo = distance(acknowledgement, advance(this.first, 1))
    if (upTo > this.sent) this.complaints.push(`${upTo} is acknowledged, ${this.sent} is said`)
    this.acknowledged = Math.max(this.acknowledged, upTo)
    for (let at = 4; at < options.length; at += 8)
      if (options[2] === 5)
        this.selective.push([this.#position(read32(options, at)), this.#position(read32(options, at + 4))])
  }

  #position(sequence: number): number {
    return distance(sequence, advance(this.first, 1))
  }

  #segment(sequence: number, payload: Uint8Array, flags: number): Segment {
    const acknowledgement = flags & tcpFlags.ack ? advance(this.#otherFirst, 1 + this.#heardUpTo) : 0
    const options = flags & tcpFlags.syn ? Uint8Array.of(2, 4, 0, 100) : this.#selectiveOption()
    return { sequence, acknowledgement, flags, window: 1000, urgent: 0, options, payload }
  }

  /** The first part behind a gap. */
  #selectiveOption(): Uint8Array {
    const beyond = [...this.#heard.keys()].filter((position) => position > this.#heardUpTo).toSorted((a, b) => a - b)
    const [start] = beyond
    if (start === undefined) return none
    let end = start
    while (this.#heard.has(end)) end++
    const option = Uint8Array.of(1, 1, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0)
    write32(option, 4, advance(this.#otherFirst, 1 + start))
    write32(option, 8, advance(this.#otherFirst, 1 + end))
    return option
  }
}
