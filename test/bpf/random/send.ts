// Sends random packets through the programs of one hook, and compares what comes out with the oracle.

import { Buffer } from 'node:buffer'
import type { Hook, Verdict } from '../../../src/datapath/layout.gen.ts'
import { checksumError } from '../../../src/testing/oracle.ts'
import { ipPartsOf } from '../../../src/testing/packets/parts.ts'
import type { FlowEntry, Outcome } from '../bed.ts'
import type { BedThread } from '../bed-thread.ts'
import { expect } from '../case.ts'
import { pathTo } from '../network.ts'
import { drawFrom } from './draw.ts'
import { expectedFrame } from './expected.ts'
import { drawFrames, type Drawn } from './frames.ts'
import { services } from './services.ts'

export interface Sent {
  /** where it ended: what XDP hands on goes to TC */
  readonly verdict: Verdict
  /** as XDP said it, or TC where that is alone */
  readonly first: Verdict
  readonly out: Uint8Array
  /** translated, and with right checksums before */
  readonly checkable: boolean
}

const packetsPerDump = 200
/** What is found out to be impossible half-way is dropped as it is by then. */
const halfWay: Verdict = 'drop_not_translatable'

/** Throws at the first surprise, with the packet and what is wrong. */
export function sendRandom(bed: BedThread, hook: Hook, seed: number, count: number): readonly Sent[] {
  const draw = drawFrom(seed)
  bed.reset({ services })
  const sent: Sent[] = []
  const pending: Drawn[] = []
  let flows: readonly FlowEntry[] = []
  for (let i = 0; i < count; i++) {
    if (i % packetsPerDump === 0) flows = inOrder(bed.flows().filter(({ from }) => hasPath(from)))
    if (draw(100) === 0) bed.addTime(draw(200))
    if (pending.length === 0) pending.push(...drawFrames(draw, flows))
    const drawn = pending.shift()
    if (drawn === undefined) continue
    try {
      sent.push(sendOne(bed, hook, drawn))
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      throw new Error(`packet ${i} under ${hook} (${hex(drawn.frame)}): ${what}`, { cause: error })
    }
  }
  return sent
}

/** A damaged source may have made a flow, too. */
function hasPath(from: string): boolean {
  try {
    return pathTo(from).device !== 'closed'
  } catch {
    return false
  }
}

/** A hash map gives them in an order of its own each time: a seed would not draw the same again. */
function inOrder(flows: readonly FlowEntry[]): readonly FlowEntry[] {
  return flows
    .map((flow) => ({ flow, text: `${flow.protocol} ${flow.from} ${flow.to}` }))
    .toSorted((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ flow }) => flow)
}

/** Test runs want a whole link header, and under TC the fixed part of the IP header too. */
function isRunnable(frame: Uint8Array): boolean {
  const least = frame[12] === 0x08 ? 34 : frame[12] === 0x86 ? 54 : 14
  return frame.length >= least
}

function sendOne(bed: BedThread, hook: Hook, drawn: Drawn): Sent {
  if (!isRunnable(drawn.frame)) return { verdict: 'continue', first: 'continue', out: drawn.frame, checkable: false }
  const first = runOne(bed, hook, drawn)
  const last = first.verdict.startsWith('to_tc_') ? runOne(bed, 'tc', drawn) : first
  return { ...last, first: first.verdict }
}

function runOne(bed: BedThread, hook: Hook, drawn: Drawn): Omit<Sent, 'first'> {
  const { frame, device } = drawn
  const outcome = bed.run(hook, frame, { device })
  const verdict = verdictOf(outcome, hook)
  const forwarded = verdict === 'forward'
  if (verdict !== halfWay)
    expectSame(outcome.frame, forwarded ? expectedFrame(bed, drawn, outcome.frame) : frame, verdict)
  const checkable = forwarded && drawn.part === null && isRight(frame)
  return { verdict, out: outcome.frame, checkable }
}

function verdictOf({ verdicts }: Outcome, hook: Hook): Verdict {
  const verdict = verdicts[0]?.verdict ?? 'continue'
  expect(verdicts, [{ hook, verdict }], 'verdicts')
  if (verdict === 'continue' || verdict === 'drop_internal') throw new Error(`verdict ${verdict}`)
  return verdict
}

function isRight(frame: Uint8Array): boolean {
  return ipPartsOf(frame).fragment === null && (checksumError(frame) ?? 0) === 0
}

function expectSame(found: Uint8Array, wanted: Uint8Array, verdict: Verdict): void {
  if (Buffer.compare(found, wanted) !== 0)
    throw new Error(`verdict ${verdict}, the frame out is\n  ${hex(found)}\nand should be\n  ${hex(wanted)}`)
}

/** TC cannot make room behind a tag that stands in the frame. (Of one tag it need not: the kernel takes that out.) */
function isBehindTag({ verdict, out }: Sent): boolean {
  return verdict === 'forward' && (out[12] === 0x81 || out[12] === 0x88)
}

/** Both hooks must have made the same of the same packets. */
export function compareHooks(xdp: readonly Sent[], tc: readonly Sent[]): void {
  let counted = true
  for (const [i, sent] of xdp.entries()) {
    const other = tc[i]
    if (isBehindTag(sent) && other?.verdict === halfWay) {
      // TC did not count this packet for its flow. Identifications are taken from that count, and differ from here.
      counted = false
      continue
    }
    if (sent.verdict !== other?.verdict) throw new Error(`packet ${i}: ${sent.verdict} of XDP, ${other?.verdict} of TC`)
    if (sent.verdict === halfWay || Buffer.compare(sent.out, other.out) === 0) continue
    if (counted || Buffer.compare(withoutIdentification(sent.out), withoutIdentification(other.out)) !== 0)
      throw new Error(`packet ${i}: XDP sends\n  ${hex(sent.out)}\nand TC\n  ${hex(other.out)}`)
  }
}

function withoutIdentification(frame: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(frame)
  const { family, header } = ipPartsOf(copy)
  if (family !== 4) return copy
  header.fill(0, 4, 6)
  header.fill(0, 10, 12)
  return copy
}

function hex(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex')
}
