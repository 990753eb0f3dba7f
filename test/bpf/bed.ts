// The test bed as a test sees it: the programs, loaded once over maps of their own in a thread that lives in the test
// network. Cases run one after another; `reset` empties every map.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { UserSession } from '../../src/lb/user-sessions.ts'
import type { Service } from '../../src/lb/model.ts'
import type { FlowState, HintKind, Hook, PuntReason, Verdict } from '../../src/datapath/layout.gen.ts'
import type { Socket } from '../../src/testing/packets/socket.ts'
import type { BedThread } from './bed-thread.ts'
import type { DeviceName } from './network.ts'

export interface BedOptions {
  /** flows that the table has room for */
  readonly flows: number
  /** hints that there is room for; as many as ever, if not given */
  readonly hints?: number
}

/** What a case starts from. */
export interface Setup {
  readonly services: readonly Service[]
  readonly snat?: { readonly first: number; readonly last: number }
  /** of the selection hash */
  readonly seed?: number
  readonly events?: boolean
  /** Devices whose address the programs do not know: they take every frame. */
  readonly unknownDevices?: readonly DeviceName[]
  /** whether user space reads the packets it is given; true if not given */
  readonly slowPath?: boolean
  /** new flows are refused when this many live */
  readonly flowsAdmitted?: number
  /** no more SEIDs are learnt for a service when it has this many */
  readonly seidsAdmitted?: number
  /** that are there from the start */
  readonly hints?: readonly HintOptions[]
  /** with uplink classifiers */
  readonly sessions?: readonly UserSession[]
}

/** Where a session lives. */
export interface HintOptions {
  /** `ADDRESS:PORT/PROTOCOL` */
  readonly service: string
  readonly kind: HintKind
  readonly key: Uint8Array
  /** of kind `ue_route`: how many bits of the 16 bytes count */
  readonly prefixBits?: number
  /** null: the hint goes */
  readonly endpoint: Socket | null
  /** ticks from now; for ever, if not given */
  readonly lifetime?: number
  /** the identifier to write into the packet */
  readonly identifier?: number
}

export interface RunOptions {
  /** the one the frame comes in by; `client` if not given */
  readonly device?: DeviceName
  /** TC only: a super-packet with segments of so many bytes of payload */
  readonly segmentPayload?: number
  readonly segments?: number
  /** TC only: the firewall mark */
  readonly mark?: number
  /** TC only: the frame's VLAN tag (100, priority 5) is in its metadata */
  readonly metadataTag?: boolean
}

export interface Outcome {
  readonly action: number
  readonly frame: Uint8Array
  /** whose counters have grown; a program counts each packet once */
  readonly verdicts: readonly { readonly hook: Hook; readonly verdict: Verdict }[]
  /** what user space got of it */
  readonly punts: readonly Punted[]
}

export interface Punted {
  readonly reason: PuntReason
  /** bytes of IP packet that the next link takes */
  readonly mtu: number
  readonly frame: Uint8Array
}

/** One entry of the flow table; sockets are `address:port`. */
export interface FlowEntry {
  readonly protocol: number
  readonly reverse: boolean
  readonly state: FlowState
  readonly from: string
  readonly to: string
  readonly newFrom: string
  readonly newTo: string
  readonly packets: number
  readonly bytes: number
}

export interface Count {
  readonly packets: number
  readonly bytes: number
  readonly flows: number
}

export type Counts = Readonly<Record<string, Count & { readonly active?: number }>>

/** Timeouts of the bed, in ticks. */
export const timeouts: Readonly<Record<FlowState, number>> = {
  none: 0,
  syn_sent: 1000,
  syn_received: 1500,
  established: 100_000,
  closing: 2000,
  closed: 100,
  unreplied: 3000,
  replied: 9000,
}

/** Outer sources of encapsulated packets, of which the last 16 bits vary; and the UDP port of GUE. */
export const tunnels = { 4: '10.99.0.0', 6: 'fd00:0:0:99::', guePort: 6080 } as const

export const startTicks = 1_000_000

type Remote<T> = {
  readonly [Name in keyof T]: T[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never
}

/** Every method of BedThread, asked of the thread; and the end of it. */
export type Bed = Remote<BedThread> & { readonly close: () => Promise<void> }

export type BedRequest = { readonly id: number; readonly method: string; readonly args: readonly unknown[] }
export type BedReply =
  { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: unknown }

export async function openBed(options: BedOptions): Promise<Bed> {
  const worker = new Worker(new URL('./bed-worker.ts', import.meta.url), { workerData: options })
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (reason: unknown) => void }>()
  worker.on('message', (reply: BedReply) => {
    const asked = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('error' in reply) asked?.reject(reply.error)
    else asked?.resolve(reply.result)
  })
  worker.on('error', (error) => {
    for (const { reject } of waiting.values()) reject(error)
  })

  let lastId = 0
  const ask = (method: string, ...args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      lastId++
      waiting.set(lastId, { resolve, reject })
      worker.postMessage({ id: lastId, method, args } satisfies BedRequest)
    })
  const bed = new Proxy({} as Bed, {
    get: (_target, name) => (name === 'close' ? close : name === 'then' ? undefined : ask.bind(null, String(name))),
  })
  const close = async (): Promise<void> => {
    // Asked for first: the answer and the exit may come in the same turn of the event loop.
    const exited = once(worker, 'exit')
    await ask('end')
    await exited
  }
  await bed.open()
  return bed
}
