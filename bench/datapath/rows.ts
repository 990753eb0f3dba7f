// Measures one row after the other: brings the flows that a row needs into the table, runs its rounds, and looks
// whether the packets went the way they should.

import { native } from '../../native/load.ts'
import { flowsOf } from './cases.ts'
import { checkFullNat, checkToClient, checkToEndpoint, checkUntouched, frameOf } from './frames.ts'
import { anyClient, clientSocket, network } from './network.ts'
import { seeds, shuffled } from './order.ts'
import { onlyEndpoint, vips } from './product.ts'
import { emptyReference, writeReference } from './reference.ts'
import { noFlows, roundPorts, Tables, usedPorts } from './tables.ts'
import { longFrameBytes } from './wrapper.ts'
import { singleNamed } from './singles.ts'
import type { Case, Protocol } from './cases.ts'
import type { Send, Single } from './singles.ts'
import type { Check, Direction } from './frames.ts'
import type { Product } from './product.ts'
import type { Traffic, Wrapper } from './wrapper.ts'
import type { Hook } from '../../src/datapath/layout.gen.ts'
import type { Socket } from '../../src/testing/packets.ts'

export interface Measured {
  readonly case: Case
  readonly roundsNs: readonly number[]
  readonly verifiedInstructions: number
  /** what the row failed by, apart from its goal; null: nothing */
  readonly problem: string | null
}

export interface RowOptions {
  readonly wrapper: Wrapper
  readonly product: Product
  readonly rounds: number
  /** packets of a round; a round of first packets has as many as the row has flows */
  readonly repeat: number
  /** what is being done, for people */
  readonly progress: (text: string) => void
}

/** One row, ready to run. */
interface Ready {
  readonly program: number
  readonly traffic: Traffic
  readonly repeat: number
  readonly direction: Direction
  readonly check: Check
  /** what the wrapper puts back */
  readonly headers?: 'short' | 'long'
  /** what becomes of every packet; forwarded, if not said */
  readonly verdict?: string
  /** the incoming packet of a flow */
  readonly sent: (flow: number) => Uint8Array
  readonly beforeRound?: () => void
  /** what is wrong after a round, or null */
  readonly afterRound?: () => string | null
}

export class Rows {
  readonly #options: RowOptions
  readonly #tables: Tables
  readonly #ifindex = {
    client: native.interfaceIndex(network.clientSide.device),
    endpoint: native.interfaceIndex(network.endpointSide.device),
  }

  constructor(options: RowOptions) {
    this.#options = options
    this.#tables = new Tables({ ...options, ifindex: this.#ifindex })
  }

  measure(row: Case): Measured {
    const { wrapper, rounds, progress } = this.#options
    this.#tables.fill(row.work)
    const ready = this.#ready(row)
    const roundsNs: number[] = []
    const problems: string[] = []
    wrapper.prepare(ready.traffic)
    for (let round = 0; round < rounds; round++) {
      progress(`${row.hook} ${row.name}: round ${round + 1} of ${rounds}`)
      ready.beforeRound?.()
      wrapper.rewind()
      const before = this.#verdicts(row.hook)
      const run = wrapper.run(row.hook, ready.program, ready.repeat, this.#ifindex[ready.direction], ready.headers)
      roundsNs.push(run.durationNs)
      const order = ready.traffic.order
      const flow = order[(ready.repeat - 1) % order.length] ?? 0
      const verdicts = this.#difference(before, this.#verdicts(row.hook))
      const product = flowsOf(row.work) !== noFlows
      problems.push(
        ...[
          run.redirected || row.work.kind === 'floor' || ready.verdict !== undefined
            ? null
            : 'the last packet was not sent on',
          ready.check(ready.sent(flow), run.frame, flow),
          product && verdicts !== `${ready.verdict ?? 'forward'} ${ready.repeat}`
            ? `verdicts of ${ready.repeat} packets: ${verdicts}`
            : null,
          ready.afterRound?.() ?? null,
        ].filter((problem) => problem !== null),
      )
    }
    return {
      case: row,
      roundsNs,
      verifiedInstructions: native.programInfo(ready.program).verifiedInstructions,
      problem: problems[0] ?? null,
    }
  }

  #ready(row: Case): Ready {
    const { work, hook } = row
    const { wrapper, repeat } = this.#options
    switch (work.kind) {
      case 'floor':
        return {
          ...this.#established('tcp', work.flows, 'client'),
          program: wrapper.floor(hook),
          repeat,
          check: checkUntouched,
        }
      case 'reference':
        return this.#reference(work.flows)
      case 'reference-new':
        return this.#referenceNew(work.flows)
      case 'established':
        return { ...this.#established(work.protocol, work.flows, work.from), program: this.#program(hook), repeat }
      case 'single':
        return this.#single(hook, singleNamed(work.name))
      case 'new':
        return this.#new(hook, work.flows)
      case 'new-port':
        return this.#newPort(hook, work.portsUsedPercent)
      default:
        return work satisfies never
    }
  }

  #established(protocol: Protocol, flows: number, from: Direction): Omit<Ready, 'program' | 'repeat'> {
    const toEndpoint = (client: Socket): Uint8Array => frameOf(protocol, client, vips.established, 'A', 'client')
    const toClient = (client: Socket): Uint8Array => frameOf(protocol, onlyEndpoint, client, 'A', 'endpoint')
    const frame = from === 'client' ? toEndpoint : toClient
    return {
      traffic:
        flows === 1
          ? { frame: frame(clientSocket(0)), client: 'none', order: Uint32Array.of(0) }
          : {
              frame: frame(anyClient),
              client: from === 'client' ? 'source' : 'destination',
              order: shuffled(0, flows, seeds.visit),
            },
      direction: from,
      check: from === 'client' ? checkToEndpoint : checkToClient(vips.established),
      sent: (flow) => frame(clientSocket(flow)),
    }
  }

  #reference(flows: number): Ready {
    const { wrapper, repeat } = this.#options
    const { maps, programs } = wrapper.reference
    writeReference(maps, 0, vips.established, onlyEndpoint)
    const ready = this.#established('tcp', flows, 'client')
    if (flows === 1) return { ...ready, program: programs.one, repeat }
    this.#tables.emptyReference()
    wrapper.prepare({ ...ready.traffic, order: shuffled(0, flows, seeds.fill) })
    wrapper.run('xdp', programs.first, flows, this.#ifindex.client)
    return { ...ready, program: programs.many, repeat }
  }

  #referenceNew(flows: number): Ready {
    const { maps, programs } = this.#options.wrapper.reference
    this.#tables.emptyReference()
    return {
      ...this.#established('tcp', flows, 'client'),
      program: programs.first,
      repeat: flows,
      afterRound: () => {
        const entries = emptyReference(maps)
        return entries === 2 * flows ? null : `the table had ${entries} entries, but must have ${2 * flows}`
      },
    }
  }

  #new(hook: Hook, flows: number): Ready {
    const { product } = this.#options
    return {
      ...this.#syns(vips.newFlow, shuffled(0, flows, seeds.visit)),
      program: this.#program(hook),
      check: checkToEndpoint,
      beforeRound: () => product.empty(),
      afterRound: () => this.#tables.countProblem(2 * flows),
    }
  }

  #newPort(hook: Hook, percent: number): Ready {
    const { product } = this.#options
    const inUse = usedPorts(percent)
    const order = shuffled(inUse, roundPorts, seeds.visit)
    return {
      ...this.#syns(vips.fullnat, order),
      program: this.#program(hook),
      check: checkFullNat,
      afterRound: () => {
        const problem = this.#tables.countProblem(2 * (inUse + order.length))
        product.free(order, vips.fullnat)
        return problem
      },
    }
  }

  #single(hook: Hook, { open, headers, verdict }: Single): Ready {
    const { wrapper, repeat } = this.#options
    const none = { client: 'none', order: Uint32Array.of(0) } as const
    const program = this.#program(hook)
    const send: Send = (frame, direction) => {
      // As long as what the wrapper puts back; what is behind the IP packet does not matter.
      const padded = new Uint8Array(Math.max(frame.length, longFrameBytes))
      padded.set(frame)
      wrapper.prepare({ frame: padded, ...none })
      return wrapper.run(hook, program, 1, this.#ifindex[direction], 'long').frame
    }
    const { frame, direction, expected } = open(send)
    return {
      program,
      repeat,
      traffic: { frame, ...none },
      direction,
      headers,
      sent: () => frame,
      check: (_sent, received) => checkUntouched(expected(received), received, 0),
      ...(verdict === 'forward' ? {} : { verdict }),
    }
  }

  #syns(to: Socket, order: Uint32Array): Pick<Ready, 'traffic' | 'repeat' | 'direction' | 'sent'> {
    return {
      traffic: { frame: frameOf('tcp', anyClient, to, 'S', 'client'), client: 'source', order },
      repeat: order.length,
      direction: 'client',
      sent: (flow) => frameOf('tcp', clientSocket(flow), to, 'S', 'client'),
    }
  }

  #program(hook: Hook): number {
    return this.#options.product.program(hook)
  }

  #verdicts(hook: Hook): Readonly<Record<string, bigint>> {
    return this.#options.product.verdicts(hook)
  }

  #difference(before: Readonly<Record<string, bigint>>, after: Readonly<Record<string, bigint>>): string {
    return Object.entries(after)
      .map(([name, count]) => [name, count - (before[name] ?? 0n)] as const)
      .filter(([, count]) => count !== 0n)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  }
}
