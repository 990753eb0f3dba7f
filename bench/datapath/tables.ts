// Brings the flows that a row needs into the table, with the packets that make such flows.

import { flowsOf, millionFlows } from './cases.ts'
import { frameOf } from './frames.ts'
import { anyClient } from './network.ts'
import { seeds, shuffled } from './order.ts'
import { onlyEndpoint, portCount, vips } from './product.ts'
import { emptyReference } from './reference.ts'
import type { Protocol, Work } from './cases.ts'
import type { Direction } from './frames.ts'
import type { Product } from './product.ts'
import type { Wrapper } from './wrapper.ts'

/** What a row of the yardsticks needs: nothing. */
export const noFlows = flowsOf({ kind: 'floor', flows: 1 })

/** Share of all ports that a round takes; half of it before the percentage that the row is named after. */
const portsPerRound = 0.02
export const roundPorts = Math.round(portCount * portsPerRound)
/** Ports in use before a round. */
export const usedPorts = (percent: number): number => Math.round(portCount * (percent / 100 - portsPerRound / 2))

/** The packets that establish a flow, with their TCP flags. */
const steps: Readonly<Record<Protocol, readonly (readonly [Direction, string])[]>> = {
  tcp: [
    ['client', 'S'],
    ['endpoint', 'SA'],
    ['client', 'A'],
  ],
  udp: [
    ['client', ''],
    ['endpoint', ''],
  ],
}

export interface TablesOptions {
  readonly wrapper: Wrapper
  readonly product: Product
  readonly ifindex: Readonly<Record<Direction, number>>
  /** what is being done, for people */
  readonly progress: (text: string) => void
}

export class Tables {
  readonly #options: TablesOptions
  /** see flowsOf; what the table holds */
  #flows = noFlows
  #wholeUsed = false
  #referenceUsed = false

  constructor(options: TablesOptions) {
    this.#options = options
  }

  /** Only what is not there yet: rows with the same flows stand together. */
  fill(work: Work): void {
    const { product, progress } = this.#options
    const wanted = flowsOf(work)
    if (wanted === this.#flows || wanted === noFlows) return
    progress('preparing flows')
    if (!this.#wholeUsed && !(work.kind === 'established' && work.flows === 1)) this.#useWhole()
    product.empty()
    this.#flows = wanted
    if (work.kind === 'established') this.#establish(work.protocol, work.flows)
    if (work.kind === 'new-port') {
      const inUse = usedPorts(work.portsUsedPercent)
      this.#send(frameOf('tcp', anyClient, vips.fullnat, 'S', 'client'), 'client', shuffled(0, inUse, seeds.fill))
      this.#mustHold(2 * inUse)
    }
  }

  /** What is wrong with the number of entries, or null. */
  countProblem(wanted: number): string | null {
    const found = this.#options.product.countEntries()
    return found === wanted ? null : `the table has ${found} entries, but must have ${wanted}`
  }

  /** Empties the table of the minimal program; uses the whole of it first, as `#useWhole` does ours. */
  emptyReference(): void {
    const { wrapper, ifindex } = this.#options
    const { maps, programs } = wrapper.reference
    emptyReference(maps)
    if (this.#referenceUsed) return
    this.#referenceUsed = true
    const frame = frameOf('tcp', anyClient, vips.established, 'S', 'client')
    wrapper.prepare({ frame, client: 'source', order: shuffled(0, millionFlows, seeds.fill) })
    wrapper.run('xdp', programs.first, millionFlows, ifindex.client)
    emptyReference(maps)
  }

  /** Later flows get places all over the table, as in one that has long been in use. */
  #useWhole(): void {
    this.#wholeUsed = true
    this.#options.product.empty()
    const order = shuffled(0, millionFlows, seeds.fill)
    this.#send(frameOf('tcp', anyClient, vips.newFlow, 'S', 'client'), 'client', order)
    this.#mustHold(2 * millionFlows)
  }

  #establish(protocol: Protocol, flows: number): void {
    const order = shuffled(0, flows, seeds.fill)
    for (const [from, flags] of steps[protocol]) {
      const [source, destination] = from === 'client' ? [anyClient, vips.established] : [onlyEndpoint, anyClient]
      this.#send(frameOf(protocol, source, destination, flags, from), from, order)
    }
    this.#mustHold(2 * flows)
  }

  #send(frame: Uint8Array, from: Direction, order: Uint32Array): void {
    const { wrapper, product, ifindex } = this.#options
    wrapper.prepare({ frame, client: from === 'client' ? 'source' : 'destination', order })
    wrapper.run('xdp', product.program('xdp'), order.length, ifindex[from])
  }

  #mustHold(entries: number): void {
    const problem = this.countProblem(entries)
    if (problem === null) return
    const verdicts = Object.entries(this.#options.product.verdicts('xdp'))
      .filter(([, count]) => count > 0n)
      .map(([name, count]) => `${name} ${count}`)
    throw new Error(`the flows of a row cannot be made: ${problem}; verdicts so far: ${verdicts.join(', ')}`)
  }
}
