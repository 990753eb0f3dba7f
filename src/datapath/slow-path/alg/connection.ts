// A TCP connection both of whose directions are changed on their way: each side's numbers stay its own, and all that
// one side says of the other's is turned into what that one knows.

import { DecodeError } from '../../../wire/decode-error.ts'
import { tcpFlags } from './segment.ts'
import { advance, distance } from './sequence.ts'
import { Stream } from './stream.ts'
import { mapSelective, maximumSegment, timestamp, timestampOption } from './tcp-options.ts'
import type { Segment } from './segment.ts'
import type { Editor } from './stream.ts'
import type { Side } from '../../../protocols/ftp/index.ts'

/** A segment to the other side. */
export interface Outgoing {
  /** whose it is, or seems to be */
  readonly from: Side
  /** not what came in, but made here */
  readonly own: boolean
  readonly segment: Segment
}

interface Seat {
  readonly stream: Stream
  /** what its first segment said */
  first: number
  /** bytes of a segment that it takes */
  maximumSegment: number
  window: number
  timestamp: number | null
  /** what the other side has been told */
  acknowledged: number
}

/** RFC 9293 3.7.1: what can be sent to somebody who has said nothing. */
const defaultMaximumSegment = 536
/** What Linux takes as the least: nobody gets more packets for one than this makes. */
const leastMaximumSegment = 48
/** Between two repetitions of what is ours to deliver; doubled each time. */
const firstRetryMs = 1000
/** Then the connection is left to its sides. */
const mostRetries = 6

const noBytes = new Uint8Array()
const other = (side: Side): Side => (side === 'client' ? 'server' : 'client')

export class Connection {
  readonly #seats: Readonly<Record<Side, Seat>>
  #retryAt: number | null = null
  #retries = 0

  constructor(editors: Readonly<Record<Side, Editor>>) {
    const seat = (side: Side): Seat => ({
      stream: new Stream(editors[side]),
      first: 0,
      maximumSegment: defaultMaximumSegment,
      window: 0,
      timestamp: null,
      acknowledged: 0,
    })
    this.#seats = { client: seat('client'), server: seat('server') }
  }

  /** Whether a client's SYN begins this connection (again), or another one with the same addresses and ports. */
  begunBy(segment: Segment): boolean {
    const { first, stream } = this.#seats.client
    return stream.started && first === segment.sequence
  }

  /** When `due` has something to do; null: not before a packet has come. */
  get retryAt(): number | null {
    return this.#retryAt
  }

  receive(from: Side, segment: Segment, nowMs: number): readonly Outgoing[] {
    const seat = this.#seats[from]
    const peer = this.#seats[other(from)]
    if (segment.flags & tcpFlags.syn) return this.#open(from, segment)
    const flags = segment.flags & ~tcpFlags.fin
    if (segment.flags & tcpFlags.rst || !seat.stream.started) return this.#bare(from, { ...segment, flags })
    const acknowledgement = this.#acknowledgement(segment, peer)
    if (acknowledgement === null) throw new DecodeError('acknowledges what was not sent', 0)
    const passed = seat.stream.receive(segment.sequence, segment.payload, (segment.flags & tcpFlags.fin) !== 0)
    this.#note(seat, segment)
    const waits = seat.stream.acknowledges !== null && passed.bytes.length === 0 && segment.payload.length > 0
    const silent = waits && acknowledgement === seat.acknowledged
    const told: Segment = {
      ...segment,
      flags: flags | (passed.fin ? tcpFlags.fin : 0),
      sequence: passed.start,
      acknowledgement,
      options: this.#options(segment, peer),
      payload: passed.bytes,
      urgent: advance(segment.sequence, segment.urgent),
    }
    seat.acknowledged = acknowledgement
    const out = silent ? [] : this.#split(from, told)
    this.#rest(nowMs)
    return [...out, ...this.#answer(from)]
  }

  /** Repeats what is ours to deliver. */
  due(nowMs: number): readonly Outgoing[] {
    if (this.#retryAt === null || nowMs < this.#retryAt) return []
    this.#retryAt = this.#retries < mostRetries ? nowMs + firstRetryMs * 2 ** ++this.#retries : null
    return (['client', 'server'] as const).flatMap((from) => {
      const run = this.#seats[from].stream.overdue
      if (!run) return []
      const flags = tcpFlags.ack | tcpFlags.psh
      return this.#split(from, this.#own(from, { flags, sequence: run.start, payload: run.bytes }), true)
    })
  }

  #open(from: Side, segment: Segment): readonly Outgoing[] {
    const seat = this.#seats[from]
    const first = segment.sequence
    if (!seat.stream.started) {
      seat.first = first
      seat.stream.start(advance(first, 1))
      seat.maximumSegment = maximumSegment(segment.options) ?? defaultMaximumSegment
    } else if (seat.first !== first) {
      throw new DecodeError('another SYN', 0)
    }
    this.#note(seat, segment)
    // Whatever came with it comes again, when it is clear that the other side does not know it yet.
    return [{ from, own: false, segment: { ...segment, flags: segment.flags & ~tcpFlags.fin, payload: noBytes } }]
  }

  /**
   * A reset, or an answer of a server that refuses or knows of another connection with these ports: it has not said
   * where it stands, and the client has to hear what it says.
   */
  #bare(from: Side, segment: Segment): readonly Outgoing[] {
    const { stream } = this.#seats[from]
    const sequence = stream.started ? stream.outOf(segment.sequence) : segment.sequence
    const acknowledgement = this.#acknowledgement(segment, this.#seats[other(from)]) ?? segment.acknowledgement
    const bare = { ...segment, sequence, acknowledgement, options: noBytes, payload: noBytes }
    return [{ from, own: false, segment: bare }]
  }

  #note(seat: Seat, segment: Segment): void {
    seat.window = segment.window
    seat.timestamp = timestamp(segment.options) ?? seat.timestamp
  }

  #acknowledgement({ acknowledgement, flags }: Segment, peer: Seat): number | null {
    return flags & tcpFlags.ack && peer.stream.started ? peer.stream.acknowledge(acknowledgement) : acknowledgement
  }

  #options({ options }: Segment, peer: Seat): Uint8Array {
    return mapSelective(options, (start, end) => peer.stream.selective(start, end))
  }

  /** Into segments that the other side takes; FIN and PSH go with the last one. `urgent` is a position until here. */
  #split(from: Side, segment: Segment, own = false): readonly Outgoing[] {
    const { stream } = this.#seats[from]
    const { flags, options, payload } = segment
    const room = Math.max(leastMaximumSegment, this.#seats[other(from)].maximumSegment - options.length)
    const urgentEnd = flags & tcpFlags.urg ? stream.outOf(segment.urgent) : null
    const out: Outgoing[] = []
    let at = 0
    do {
      const end = Math.min(payload.length, at + room)
      const sequence = advance(segment.sequence, at)
      const urgent = urgentEnd === null ? 0 : distance(urgentEnd, sequence)
      const isUrgent = urgent > 0 && urgent <= 0xffff
      const last = end === payload.length
      const kept = flags & ~((last ? 0 : tcpFlags.fin | tcpFlags.psh) | (isUrgent ? 0 : tcpFlags.urg))
      const part = { flags: kept, urgent: isUrgent ? urgent : 0, sequence, payload: payload.subarray(at, end) }
      out.push({ from, own, segment: { ...segment, ...part } })
      at = end
    } while (at < payload.length)
    return out
  }

  /** A sender whose line waits here for its end is told that it has arrived. */
  #answer(to: Side): readonly Outgoing[] {
    const acknowledgement = this.#seats[to].stream.acknowledges
    const from = other(to)
    if (acknowledgement === null || !this.#seats[from].stream.started) return []
    const sequence = this.#seats[from].stream.outNext
    const segment = this.#own(from, { flags: tcpFlags.ack, sequence, payload: noBytes })
    return [{ from, own: true, segment: { ...segment, acknowledgement } }]
  }

  #own(from: Side, part: Pick<Segment, 'flags' | 'payload' | 'sequence'>): Segment {
    const seat = this.#seats[from]
    const peer = this.#seats[other(from)]
    const { timestamp: value } = seat
    const { timestamp: echo } = peer
    const options = value === null || echo === null ? noBytes : timestampOption(value, echo)
    return { ...part, acknowledgement: seat.acknowledged, window: seat.window, urgent: 0, options }
  }

  #rest(nowMs: number): void {
    const waiting = this.#seats.client.stream.overdue !== null || this.#seats.server.stream.overdue !== null
    if (!waiting) [this.#retryAt, this.#retries] = [null, 0]
    else if (this.#retryAt === null && this.#retries === 0) this.#retryAt = nowMs + firstRetryMs
  }
}
