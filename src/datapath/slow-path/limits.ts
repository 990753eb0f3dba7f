// Every limit of the slow path: what may wait, how long, and how much may be answered.

import type { DispatchLimits } from './dispatch.ts'
import type { FragmentLimits } from './handlers/held-datagrams.ts'
import type { ResetLimits } from './handlers/reset.ts'
import type { QueueLimits } from './lanes.ts'
import type { RateLimits } from './rate-limit.ts'

export interface SlowPathLimits {
  readonly dispatch: DispatchLimits
  readonly tooBig: RateLimits
  readonly fragments: FragmentLimits
  readonly resets: ResetLimits
  /** answers to SCTP out of the blue */
  readonly sctpAborts: RateLimits
  /** Error Indications of our own about tunnels without a hint */
  readonly gtpuMisses: RateLimits
  /** Error Indications of others, and how many endpoints are told of one */
  readonly gtpuErrors: RateLimits & { readonly endpoints: number }
  /** connection ids decrypted */
  readonly quic: RateLimits
  /** announced connections at a time, with those that have come and live */
  readonly expectations: number
}

/** A frame has at most 9,216 bytes, most have 1,500. */
const queue = (queued: number): QueueLimits => ({ queued, withoutFlow: queued / 2, inHand: queued / 4 })

export const slowPathLimits: SlowPathLimits = {
  dispatch: {
    queues: {
      fragment: { ...queue(4096), withoutFlow: 4096 },
      icmp_error: queue(1024),
      too_big: queue(1024),
      alg: queue(4096),
      miss: queue(4096),
      quic: queue(2048),
      sctp_address: queue(2048),
      sctp_abort: queue(1024),
      gtpu_error: queue(1024),
      reset: queue(4096),
    },
    waitMs: 2000,
    answerMs: 5000,
  },
  tooBig: { perSecond: 1000, eachPerSecond: 20, askers: 4096 },
  fragments: {
    datagrams: 1024,
    datagramsOfSource: 64,
    bytes: 8 * 1024 * 1024,
    partsOfDatagram: 64,
    waitMs: 5000,
  },
  resets: { connections: 1024, tries: 3, tryMs: 1000 },
  sctpAborts: { perSecond: 1000, eachPerSecond: 20, askers: 4096 },
  gtpuMisses: { perSecond: 1000, eachPerSecond: 100, askers: 4096 },
  gtpuErrors: { perSecond: 1000, eachPerSecond: 100, askers: 4096, endpoints: 64 },
  quic: { perSecond: 5000, eachPerSecond: 100, askers: 16_384 },
  expectations: 1024,
}
