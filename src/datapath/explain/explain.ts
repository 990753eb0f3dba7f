// Runs one frame through the real programs, beside the live traffic, and says what they looked up and decided.

import { native } from '../../../native/load.ts'
import { flowOffsets, hook as hookNumbers, traceStepNames, verdictNames } from '../layout.gen.ts'
import { addressesOf } from './frame.ts'
import { Needs } from './needs.ts'
import { ExplainError, Rehearsal } from './rehearsal.ts'
import { stepOf } from './steps.ts'
import { meaningOf } from './verdicts.ts'
import type { Hook, Trace, Verdict } from '../layout.gen.ts'
import type { Ran } from './rehearsal.ts'
import type { Addresses, Step, Surroundings } from './steps.ts'
import type { Meaning } from './verdicts.ts'

export interface Question {
  /** directory of the BPF objects */
  readonly objects: string
  readonly pins: string
  /** from the link header on */
  readonly frame: Uint8Array
  readonly ifindex: number
  /** under XDP the TC program has what that hands on */
  readonly hook: Hook
  /** firewall mark; only TC sees one */
  readonly mark: number
  readonly serviceName: Surroundings['serviceName']
}

/** How a forwarded frame leaves. */
export type Egress =
  | {
      readonly kind: 'link'
      readonly device: string
      readonly ifindex: number
      readonly sourceMac: string
      readonly destinationMac: string
      /** the flow's next hop was still good: nobody had to ask for the route */
      readonly remembered: boolean
    }
  /** the kernel asks for the next hop's MAC address when the frame is sent */
  | { readonly kind: 'asks' }

export interface Explained {
  /** by its own headers; null where it is not IP */
  readonly packet: Addresses | null
  readonly steps: readonly Step[]
  readonly verdict: { readonly name: Verdict; readonly hook: Hook } & Meaning
  /** not dropped, and not left to the kernel */
  readonly forwarded: boolean
  readonly egress: Egress | null
  /** as it came in, and as it left the programs; hexadecimal */
  readonly frameIn: string
  readonly frameOut: string
}

/** A flow that was found names its partner, and an association its first path: more is not known to happen. */
const mostRounds = 4
/** What a test run of the kernel takes. */
const shortestFrame = 14

interface Way {
  readonly runs: readonly { readonly hook: Hook; readonly ran: Ran }[]
  readonly steps: readonly Trace[]
}

/** Changes nothing that anybody else can see. */
export const explain = (question: Question): Explained => {
  const { frame } = question
  if (frame.length < shortestFrame) throw new ExplainError(`a frame of ${frame.length} bytes has no link header`)
  const rehearsal = Rehearsal.open(question)
  try {
    const needs = new Needs(rehearsal, frame)
    let way: Way
    for (let round = 1; ; round++) {
      rehearsal.reset(needs.copied)
      way = travel(rehearsal, question)
      if (!needs.learn(way.steps) || round === mostRounds) break
    }
    const surroundings: Surroundings = {
      endpoints: new DataView(native.mapMemory(rehearsal.live('endpoints'))),
      deviceName: (ifindex) => native.interfaceName(ifindex) || `ifindex ${ifindex}`,
      serviceName: question.serviceName,
      flow: (key) => needs.flow(key),
      packet: addressesOf(frame),
    }
    return conclude(question, way, surroundings, rehearsal)
  } finally {
    rehearsal.close()
  }
}

const verdictOf = (steps: readonly Trace[]): Verdict => {
  const last = steps.findLast(({ step }) => traceStepNames[step] === 'verdict')
  if (last === undefined) throw new ExplainError('the program told no verdict: it gave up at a map that lacks an entry')
  return verdictNames[last.value] ?? 'drop_internal'
}

/** As the kernel does: what XDP hands on, TC sees unchanged. */
const travel = (rehearsal: Rehearsal, { frame, hook, ifindex, mark }: Question): Way => {
  const first = rehearsal.run(hook, frame, { ifindex, mark })
  if (!verdictOf(first.steps).startsWith('to_tc_')) return { runs: [{ hook, ran: first }], steps: first.steps }
  const second = rehearsal.run('tc', first.frame, { ifindex, mark })
  return {
    runs: [
      { hook, ran: first },
      { hook: 'tc', ran: second },
    ],
    steps: [...first.steps, ...second.steps],
  }
}

const conclude = (question: Question, way: Way, surroundings: Surroundings, rehearsal: Rehearsal): Explained => {
  const name = verdictOf(way.steps)
  const steps = way.steps.map((trace) => stepOf(trace, surroundings))
  const last = way.runs.at(-1)!
  const forwarded = name === 'forward'
  return {
    packet: addressesOf(question.frame),
    steps,
    verdict: { name, hook: last.hook, ...meaningOf(name) },
    forwarded,
    egress: forwarded ? egressOf(way, steps, surroundings, rehearsal) : null,
    frameIn: hexOf(question.frame),
    frameOut: hexOf(last.ran.frame),
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const macText = (hex: string): string => hex.match(/../g)?.join(':') ?? ''

const egressOf = (
  { runs, steps: traces }: Way,
  steps: readonly Step[],
  surroundings: Surroundings,
  rehearsal: Rehearsal,
): Egress | null => {
  const { hook, ran } = runs.at(-1)!
  const route = steps.findLast((step) => step.kind === 'route' && step.hook === hook)
  const asked = route?.kind === 'route' ? route : undefined
  const ifindex = asked?.device?.ifindex ?? rememberedDevice(traces, hook, rehearsal)
  if (asked?.device === null) return { kind: 'asks' }
  if (ifindex === undefined) return null
  const link = hexOf(ran.frame.subarray(0, 12))
  return {
    kind: 'link',
    device: surroundings.deviceName(ifindex),
    ifindex,
    sourceMac: macText(link.slice(12)),
    destinationMac: macText(link.slice(0, 12)),
    remembered: asked === undefined,
  }
}

/** ROUTE_XDP: the highest bit of what stands beside the ifindex. */
const routeXdp = 0x8000_0000

/** The device that stands in the packet's flow. */
const rememberedDevice = (steps: readonly Trace[], hook: Hook, rehearsal: Rehearsal): number | undefined => {
  const found = steps.findLast(
    ({ step, hook: told, found: has }) => traceStepNames[step] === 'flow' && told === hookNumbers[hook] && has !== 0,
  )
  const value = found === undefined ? undefined : rehearsal.after('flows', found.data)
  if (value === undefined) return undefined
  const device = new DataView(value.buffer, value.byteOffset).getUint32(flowOffsets.routeDevice, true)
  return device & ~routeXdp
}
