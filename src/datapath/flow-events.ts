// Flow events of the fast path, as log lines: who was translated to what, and when. The kernel side never waits: what
// does not fit into the ring is lost, and the gap in the CPU's sequence tells how much.

import { native } from '../../native/load.ts'
import { endpointKey } from '../lb/model.ts'
import { formatAddress } from '../wire/ip.ts'
import { protocolNames } from './entries.ts'
import { eventKindNames, flowEventSize, flowStateNames, limits, readFlowEvent } from './layout.gen.ts'
import type { FlowEvent } from './layout.gen.ts'
import type { Log } from '../lb/log.ts'

/** Before each record stands its length; records start at multiples of 8. */
const headerBytes = 4
const recordBytes = Math.ceil((headerBytes + flowEventSize) / 8) * 8

/** Finds what is missing among the numbers that each CPU gives its events. */
export class Gaps {
  readonly #last = new Map<number, number>()

  /**
   * How many of a CPU's events are missing before this one. They may come in another order than their numbers, since a
   * packet interrupts the freeing of flows.
   */
  before(cpu: number, sequence: number): number {
    const last = this.#last.get(cpu)
    const ahead = last === undefined ? 1 : (sequence - last) | 0
    if (ahead <= 0) return 0
    this.#last.set(cpu, sequence)
    return ahead - 1
  }
}

export class FlowEvents {
  readonly #ring: ReturnType<typeof native.ringOpen>
  readonly #gaps = new Gaps()

  constructor(ringFd: number, log: Log) {
    const arena = new Uint8Array(limits.eventRingBytes)
    const view = new DataView(arena.buffer)
    this.#ring = native.ringOpen(ringFd, arena, (count) => {
      let lost = 0
      for (let index = 0; index < count; index++) {
        const event = readFlowEvent(view, index * recordBytes + headerBytes)
        lost += this.#gaps.before(event.cpu, event.sequence)
        log.info(eventFields(event), `flow ${eventKindNames[event.kind]?.replace('flow_', '') ?? event.kind}`)
      }
      if (lost > 0) log.warn({ lost }, 'flow events were lost: the ring was full')
    })
  }

  /** Reads what has come; the fast path does not wake us for each record. */
  drain(): void {
    native.ringConsume(this.#ring)
  }

  close(): void {
    native.ringClose(this.#ring)
  }
}

const place = (address: Uint8Array, port: number): string => endpointKey({ address: formatAddress(address), port })

const eventFields = ({ client, endpointSide, state, cpu, sequence }: FlowEvent): object => ({
  protocol: protocolNames.get(client.protocol) ?? client.protocol,
  state: flowStateNames[state],
  client: place(client.source, client.sourcePort),
  vip: place(client.destination, client.destinationPort),
  source: place(endpointSide.destination, endpointSide.destinationPort),
  endpoint: place(endpointSide.source, endpointSide.sourcePort),
  cpu,
  sequence,
})
