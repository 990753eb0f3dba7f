// The real slow path with the capture's clock. What it would send is handed to whoever replays; there is no socket.

import { native } from '../../../native/load.ts'
import { internetChecksum } from '../../wire/checksum.ts'
import { write16 } from '../../wire/fields.ts'
import { flowKeySize, puntOffsets } from '../layout.gen.ts'
import { eachRecord } from '../slow-path/punt-record.ts'
import { coreOf } from '../slow-path/slow-path.ts'
import type { SlowPathCore, SlowPathParts } from '../slow-path/slow-path.ts'

const arenaBytes = 1024 * 1024

export interface ReplaySlowPathOptions {
  readonly parts: SlowPathParts
  /** kernel time, in ticks, at which the clock's milliseconds began; a tick is a millisecond */
  readonly startTicks: number
  /** an IP packet that leaves */
  readonly onSend: (packet: Uint8Array) => void
}

export class ReplaySlowPath {
  readonly #core: SlowPathCore
  readonly #ring: ReturnType<typeof native.ringOpen>
  #records: Uint8Array[] = []

  constructor({ onSend, parts, startTicks }: ReplaySlowPathOptions) {
    this.#core = coreOf(parts, {
      sink: {
        send: (packets) => {
          for (const packet of packets) onSend(withHeaderChecksum(packet))
          return []
        },
      },
      ticks: () => (startTicks + parts.now()) >>> 0,
      msOfTick: (tick) => (tick - startTicks) | 0,
      // No handler is asynchronous; what has waited for one is run with the next packet or step.
      onReady: () => {},
    })
    const arena = new Uint8Array(arenaBytes)
    this.#ring = native.ringOpen(parts.fds.punts, arena, (count) => {
      eachRecord(arena, count, (record) => this.#records.push(record.slice()))
    })
  }

  /** Handles what the programs have punted since the last call; true when that was anything. */
  take(): boolean {
    native.ringConsume(this.#ring)
    const records = this.#records
    if (records.length === 0) return false
    this.#records = []
    if (records.length > 1) sortByKey(records)
    for (const record of records) this.#core.receive(record)
    while (this.#core.run(records.length));
    return true
  }

  /** What is due without a packet; true: again in a few milliseconds. */
  step(): boolean {
    return this.#core.step()
  }

  status(): ReturnType<SlowPathCore['status']> {
    return this.#core.status()
  }

  close(): void {
    native.ringClose(this.#ring)
    this.#core.close()
  }
}

/**
 * A walk over the table of flows finds those that end in an order that is the kernel's and another one each time: they
 * are put into the order of their keys, with the sequence numbers in theirs.
 */
function sortByKey(records: Uint8Array[]): void {
  const viewOf = (record: Uint8Array): DataView => new DataView(record.buffer, record.byteOffset, record.byteLength)
  const keyOf = (record: Uint8Array): Uint8Array => record.subarray(puntOffsets.key, puntOffsets.key + flowKeySize)
  const sequences = records.map((record) => viewOf(record).getUint32(puntOffsets.sequence, true))
  records.sort((a, b) => Buffer.compare(keyOf(a), keyOf(b)))
  for (const [index, record] of records.entries())
    viewOf(record).setUint32(puntOffsets.sequence, sequences[index]!, true)
}

const ipv4ChecksumAt = 10

/** A raw socket fills it in. */
function withHeaderChecksum(packet: Uint8Array): Uint8Array {
  const own = packet.slice()
  if (own[0]! >> 4 !== 4) return own
  const header = own.subarray(0, (own[0]! & 15) * 4)
  write16(header, ipv4ChecksumAt, 0)
  write16(header, ipv4ChecksumAt, internetChecksum(header))
  return own
}
