// Flow events of the fast path, as log lines: who was translated to what, and when. The kernel side never waits: what does
// not fit into the ring is lost, and the gap in the CPU's sequence tells how much.

import { native } from '../../native/load.ts'
import { formatAddress } from '../wire/ip.ts'
import { protocolNames } from './entries.ts'
import { eventKindNames, flowEventSize, flowStateNames, limits, readFlowEvent } from './layout.gen.ts'
import type { FlowEvent } from './layout.gen.ts'
import type { Log } from '../lb/log.ts'

/** Before each record stands its length; records start at multiples of 8. */
const headerBytes = 4
const recordBytes = Math.ceil((headerBytes + flowEventSize) / 8) * 8

export class FlowEvents {
  readonly #ring: ReturnType<typeof native.ringOpen>
  readonly #sequences = new Map<number, number>()
  #lost = 0

  constructor(ringFd: number, log: Log) {
    const arena = new Uint8Array(limits.eventRingBytes)
    const view = new DataView(arena.buffer)
    this.#ring = native.ringOpen(ringFd, arena, (count) => {
      const before = this.#lost
      for (let index = 0; index < count; index++) {
        const event = readFlowEvent(view, index * recordBytes + headerBytes)
        this.#follow(event)
        log.info(eventFields(event), `flow ${eventKindNames[event.kind]?.replace('flow_', '') ?? event.kind}`)
      }
      if (this.#lost > before) log.warn({ lost: this.#lost - before }, 'flow events were lost: the ring was full')
    })
  }

  /** Reads what has come; the fast path does not wake us for each record. */
  drain(): void {
    native.ringConsume(this.#ring)
  }

  close(): void {
    native.ringClose(this.#ring)
  }

  #follow({ cpu, sequence }: FlowEvent): void {
    const last = this.#sequences.get(cpu)
    if (last !== undefined) this.#lost += (sequence - last - 1) >>> 0
    this.#sequences.set(cpu, sequence)
  }
}

const place = (address: Uint8Array, port: number): string => `${formatAddress(address)}:${port}`

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
