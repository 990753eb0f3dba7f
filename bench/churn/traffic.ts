// The traffic of the churn benchmark. It lives in the thread of the balancer's network, over the maps that the daemon
// has pinned, and runs the daemon's programs over the packets of whole connections: opened, taken up, closed by both.

import { setTimeout as sleep } from 'node:timers/promises'
import { native } from '../../native/load.ts'
import { FlowReader } from '../../src/datapath/flow-reader.ts'
import { load } from '../../src/datapath/maps.ts'
import { buildFrame } from '../../src/testing/packets.ts'
import { shuffled } from '../datapath/order.ts'
import { frameBytes, Wrapper } from '../datapath/wrapper.ts'
import type { Loaded } from '../../src/datapath/maps.ts'
import type { Sizes } from '../../src/datapath/sizes.ts'
import type { Socket } from '../../src/testing/packets.ts'

interface Side {
  readonly device: string
  /** of the device, and of who is behind it */
  readonly mac: string
  readonly peerMac: string
}

export interface TrafficOptions {
  readonly objects: string
  readonly benchObjects: string
  readonly pins: string
  /** those of the daemon */
  readonly sizes: Sizes
  readonly vip: Socket
  readonly endpoint: Socket
  readonly client: Side
  readonly server: Side
}

export interface Slice {
  readonly connections: number
  readonly elapsedMs: number
}

export interface Traffic {
  /** establishes so many connections, which then stay */
  hold(flows: number): void
  /** opens and closes so many connections a second, for so long */
  churn(perSecond: number, milliseconds: number): Promise<Slice>
  /** of the flow table; each flow has two */
  entries(): number
  close(): void
}

type Step = readonly [from: 'client' | 'server', flags: string]
const opening: readonly Step[] = [
  ['client', 'S'],
  ['server', 'SA'],
  ['client', 'A'],
]
const closing: readonly Step[] = [
  ['client', 'FA'],
  ['server', 'FA'],
  ['client', 'A'],
]
/** packets of a connection that comes and goes */
export const connectionPackets = opening.length + closing.length

/** What the wrapper writes into a frame with zeroes in these places. */
const anyClient = '10.64.0.0:0'
/** Where clients are: their numbers have 31 bits. */
export const clientPrefix = '10.64.0.0/10'
const mostAtOnce = 4096
/** Between two looks at the clock. */
const tickMs = 5
/** What could not be done for so long is forgotten, and missing in the rate. */
const longestArrearsMs = 500
const orderLength = 1_048_576

class Connections implements Traffic {
  readonly #options: TrafficOptions
  readonly #loaded: Loaded
  readonly #wrapper: Wrapper
  readonly #frames: ReadonlyMap<Step, Uint8Array>
  #next = 0
  /** connections that should have been made when the clock was looked at */
  #owed = 0
  #lookedAt: number | null = null

  constructor(options: TrafficOptions) {
    this.#options = options
    const { objects, pins, sizes } = options
    this.#loaded = load({ objects, pins, sizes, ticksPerSecond: native.ticksPerSecond() })
    if (!this.#loaded.adopted) throw new Error('the daemon has pinned no maps')
    this.#wrapper = new Wrapper(options.benchObjects)
    this.#frames = new Map([...opening, ...closing].map((step) => [step, this.#frame(step)]))
  }

  hold(flows: number): void {
    for (let left = flows; left > 0;) {
      const count = Math.min(left, orderLength)
      this.#pass(opening, shuffled(this.#next, count, 1))
      this.#next += count
      left -= count
    }
  }

  async churn(perSecond: number, milliseconds: number): Promise<Slice> {
    const mostOwed = (longestArrearsMs * perSecond) / 1000
    const beganAt = (this.#lookedAt ??= performance.now())
    let connections = 0
    for (;;) {
      const now = performance.now()
      this.#owed = Math.min(mostOwed, this.#owed + ((now - this.#lookedAt) * perSecond) / 1000)
      this.#lookedAt = now
      const count = Math.min(Math.floor(this.#owed), mostAtOnce)
      if (count > 0) {
        const order = Uint32Array.from({ length: count }, (_, index) => this.#next + index)
        this.#pass([...opening, ...closing], order)
        this.#next += count
        this.#owed -= count
        connections += count
      }
      if (now - beganAt >= milliseconds) return { connections, elapsedMs: now - beganAt }
      if (this.#owed < mostAtOnce) await sleep(tickMs)
    }
  }

  entries(): number {
    const reader = new FlowReader(this.#loaded.fds.flows)
    for (let entries = 0; ;) {
      const { count, done } = reader.next()
      entries += count
      if (done) return entries
    }
  }

  close(): void {
    this.#wrapper.close()
    this.#loaded.close()
  }

  #pass(steps: readonly Step[], order: Uint32Array): void {
    for (const step of steps) {
      const [from] = step
      this.#wrapper.prepare({
        frame: this.#frames.get(step)!,
        client: from === 'client' ? 'source' : 'destination',
        order,
      })
      const ifindex = native.interfaceIndex(this.#options[from].device)
      this.#wrapper.run('tc', this.#loaded.programs.tc, order.length, ifindex)
    }
  }

  #frame([from, flags]: Step): Uint8Array {
    const { vip, endpoint } = this.#options
    const { mac, peerMac } = this.#options[from]
    const ends = from === 'client' ? { from: anyClient, to: vip } : { from: endpoint, to: anyClient }
    const packet = {
      kind: 'tcp',
      ...ends,
      flags,
      ethernetSource: peerMac,
      ethernetDestination: mac,
    } as const
    const bare = buildFrame(packet)
    return buildFrame({ ...packet, trailer: new Uint8Array(frameBytes - bare.length) })
  }
}

/** Methods that can be called without their object, as the lab does. */
export const openTraffic = (options: TrafficOptions): Traffic => {
  const connections = new Connections(options)
  return {
    hold: (flows) => connections.hold(flows),
    churn: (perSecond, milliseconds) => connections.churn(perSecond, milliseconds),
    entries: () => connections.entries(),
    close: () => connections.close(),
  }
}
