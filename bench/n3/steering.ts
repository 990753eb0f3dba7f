// What a G-PDU costs that a hint steers: of the only tunnel there is, and of one among a million that come in random
// order. The programs are those of production, run by the wrapper of the datapath benchmark.

import { hintKey } from '../../src/datapath/hints.ts'
import { hintKind, hookNames } from '../../src/datapath/layout.gen.ts'
import { buildFrame } from '../../src/testing/packets.ts'
import { translateFrame } from '../../src/testing/oracle.ts'
import { gtpu, gtpuPort, gtpuTypes } from '../../src/testing/packets/gtpu.ts'
import { native } from '../../native/load.ts'
import { network } from '../datapath/network.ts'
import { seeds, shuffled } from '../datapath/order.ts'
import { Product } from '../datapath/product.ts'
import { median } from '../report.ts'
import { Wrapper } from '../datapath/wrapper.ts'
import { teidBytes, tunnels } from './hints.ts'
import type { Hook } from '../../src/datapath/layout.gen.ts'
import type { Row, Task } from './worker.ts'

/** How many times the cost of the only tunnel one among a million may cost. */
const goalRatio = 2.5
const batch = 4096

const { clientSide, endpointSide, endpoints, vip } = network
const client = `10.64.0.7:${gtpuPort}` as const
const endpoint = endpoints[0]!
/** With a TEID of zero it is the template: the wrapper writes one into each packet. */
const frameOf = (teid: number): Uint8Array =>
  buildFrame({
    kind: 'udp',
    from: client,
    to: `${vip}:${gtpuPort}`,
    payload: gtpu({ type: gtpuTypes.gPdu, teid, payload: new Uint8Array(64) }),
    ethernetSource: clientSide.peerMac,
    ethernetDestination: clientSide.mac,
  })

interface Measured {
  readonly roundsNs: readonly number[]
  readonly problem: string | null
}

class Steering {
  readonly #task: Task
  readonly #wrapper: Wrapper
  readonly #product: Product
  readonly #ifindex = native.interfaceIndex(clientSide.device)

  constructor(task: Task, wrapper: Wrapper, product: Product) {
    this.#task = task
    this.#wrapper = wrapper
    this.#product = product
  }

  /** TEIDs 1 to `count`, in another order than they are asked for. */
  install(count: number): void {
    const { services } = this.#product
    const found = [...services.placed().values()].find(({ service }) => service?.select === 'n3')
    if (found === undefined) throw new Error('there is no service of tunnels')
    const [id = 0] = found.endpoints.values()
    const hint = { endpoint: id, identifier: 0, flags: 0, lifetimeMs: 0 }
    const order = shuffled(1, count, seeds.fill)
    for (let first = 0; first < count; first += batch) {
      const teids = Array.from(order.subarray(first, first + batch))
      services.hints.installAll(teids.map((teid) => ({ key: hintKey(found.id, hintKind.teid, teidBytes(teid)), hint })))
    }
  }

  measure(hook: Hook, order: Uint32Array, program: 'product' | 'floor'): Measured {
    const { repeat, rounds } = this.#task
    this.#wrapper.prepare({ frame: frameOf(0), client: 'teid', order })
    const fd = program === 'product' ? this.#product.program(hook) : this.#wrapper.floor(hook)
    const roundsNs: number[] = []
    const problems: string[] = []
    for (let round = 0; round < rounds; round++) {
      this.#wrapper.rewind()
      const before = this.#forwarded(hook)
      const { durationNs, frame } = this.#wrapper.run(hook, fd, repeat, this.#ifindex)
      roundsNs.push(durationNs)
      if (program === 'floor') continue
      const forwarded = this.#forwarded(hook) - before
      if (forwarded !== BigInt(repeat)) problems.push(`${forwarded} of ${repeat} packets were sent on`)
      const sent = frameOf(order[(repeat - 1) % order.length]!)
      const wanted = translateFrame(sent, {
        from: client,
        to: `${endpoint.address}:${gtpuPort}`,
        ethernetSource: endpointSide.mac,
        ethernetDestination: endpoint.mac,
      })
      if (Buffer.compare(wanted, frame) !== 0) problems.push('the last packet is not what it must be')
    }
    return { roundsNs, problem: problems[0] ?? null }
  }

  #forwarded(hook: Hook): bigint {
    return this.#product.verdicts(hook)['forward'] ?? 0n
  }
}

export const measureSteering = (task: Task, progress: (text: string) => void): readonly Row[] => {
  const wrapper = new Wrapper(task.benchObjects)
  const product = new Product(task.objects)
  // The kernel runs XDP tests only on a device that has an XDP program.
  const links = [clientSide, endpointSide].map(({ device }) =>
    native.linkXdp(wrapper.floor('xdp'), native.interfaceIndex(device), 'native'),
  )
  const steering = new Steering(task, wrapper, product)
  try {
    progress('installing one tunnel')
    steering.install(1)
    const one = new Map(hookNames.map((hook) => [hook, steering.measure(hook, Uint32Array.of(1), 'product')] as const))
    progress(`installing ${tunnels} tunnels`)
    steering.install(tunnels)
    const order = shuffled(1, tunnels, seeds.visit)
    return hookNames.flatMap((hook) => {
      progress(`steering ${tunnels} tunnels under ${hook}`)
      const many = steering.measure(hook, order, 'product')
      // The only tunnel once more, beside the million: what slows the machine for a while must not ease the goal.
      const again = steering.measure(hook, Uint32Array.of(1), 'product')
      const single = { ...again, roundsNs: [...one.get(hook)!.roundsNs, ...again.roundsNs] }
      return rowsOf(hook, single, many, Math.min(...steering.measure(hook, order, 'floor').roundsNs))
    })
  } finally {
    for (const link of links) native.fdClose(link)
    product.close()
    wrapper.close()
  }
}

const rowsOf = (hook: Hook, one: Measured, many: Measured, floorNs: number): readonly Row[] => {
  const least = { one: Math.min(...one.roundsNs), many: Math.min(...many.roundsNs) }
  const ratio = Math.round((least.many / least.one) * 100) / 100
  const common = { bench: 'n3', hook } as const
  const problemOf = ({ problem }: Measured) => (problem === null ? {} : { problem })
  return [
    {
      ...common,
      case: 'gtpu-one-teid',
      unit: 'ns',
      value: least.one,
      goal: null,
      ok: one.problem === null,
      beside: { median_ns: median(one.roundsNs) },
      ...problemOf(one),
    },
    {
      ...common,
      case: 'gtpu-1m-teids-random',
      unit: 'ratio',
      value: ratio,
      goal: goalRatio,
      ok: many.problem === null && ratio <= goalRatio,
      beside: { min_ns: least.many, median_ns: median(many.roundsNs), floor_ns: floorNs },
      ...problemOf(many),
    },
  ]
}
