// Reads a capture and runs each frame through the programs and the slow path, with the capture's clock. Lives in a
// thread of its own, since that enters a network namespace for good.

import { native } from '../../../native/load.ts'
import { CaptureError, readCapture } from '../../captures/index.ts'
import { verdict as verdicts, verdictNames } from '../layout.gen.ts'
import { Balancer } from './balancer.ts'
import { CaptureClock } from './capture-clock.ts'
import { firstCpu } from './cpu.ts'
import { fateText, frameLine, sentLine, skipLine } from './frame-lines.ts'
import { Frames, skips } from './frames.ts'
import { boxMac, gatewayMac, Network } from './network.ts'
import { OutFile } from './out-file.ts'
import { endpointName, Tallies } from './report.ts'
import type { CapturedFrame } from '../../captures/index.ts'
import type { Log } from '../../lb/log.ts'
import type { Hook } from '../layout.gen.ts'
import type { BalancerConfig } from './balancer.ts'
import type { Outcome } from './fast-path.ts'
import type { FrameFate } from './frame-lines.ts'
import type { Report } from './report.ts'

export interface ReplayOptions {
  /** directory of the BPF objects */
  readonly objects: string
  /** a capture */
  readonly file: string
  /** frames that it may have, at most */
  readonly mostFrames: number
  readonly config: BalancerConfig
  readonly hook: Hook
  /** of what the slow path does by chance */
  readonly seed: number
  /** canonical addresses of the box itself */
  readonly addresses: readonly string[]
  /** bytes of IP packet that each link takes */
  readonly mtu: number
  readonly rewriteChecksums: boolean
  /** where the frames that left are written; null: nowhere */
  readonly write: string | null
  /** whether each frame is told */
  readonly lines: boolean
}

export interface ReplayListener {
  /** of the file */
  progress(readBytes: number, frames: number): void
  /** a line for each frame */
  lines(lines: readonly string[]): void
}

const etherTypes = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const

/** In the calling thread, which is not the main one and is of no other use afterwards. */
export const runReplay = async (options: ReplayOptions, listener: ReplayListener): Promise<Report> => {
  // Counters, cursors and scratch memory are of a CPU.
  native.pinToCpu(firstCpu())
  const network = await Network.enter({ ...options, services: options.config.services })
  const out = options.write === null ? null : new OutFile(options.write)
  const replay = new Replay(options, network, out)
  try {
    return await replay.run(listener)
  } finally {
    replay.close()
    out?.close()
  }
}

/** By the slow path, with an Ethernet header of ours. */
interface Sent {
  readonly frame: Uint8Array
  /** since the first frame */
  readonly us: number
}

class Replay {
  readonly #options: ReplayOptions
  readonly #out: OutFile | null
  readonly #balancer: Balancer
  readonly #clock = new CaptureClock()
  readonly #frames: Frames
  readonly #tallies = new Tallies()
  readonly #sent: Sent[] = []
  #lines: string[] = []
  #number = 0

  constructor(options: ReplayOptions, network: Network, out: OutFile | null) {
    this.#options = options
    this.#out = out
    this.#frames = new Frames(options)
    this.#balancer = Balancer.open({
      ...options,
      network,
      onSend: (packet, ms) => this.#sent.push({ frame: withLinkHeader(packet), us: ms * 1000 }),
      log: logInto(this.#tallies.warnings),
    })
  }

  async run(listener: ReplayListener): Promise<Report> {
    const problem = await this.#readAll(listener)
    return this.#tallies.report(this.#balancer, this.#clock, this.#number, problem)
  }

  close(): void {
    this.#balancer.close()
  }

  /** Why the file could not be read to its end; null: it was. */
  async #readAll(listener: ReplayListener): Promise<string | null> {
    let readBytes = 0
    try {
      for await (const part of readCapture(this.#options.file, { onRead: (bytes) => (readBytes += bytes) })) {
        for (const frame of part) this.#frame(frame)
        listener.progress(readBytes, this.#number)
        this.#handLines(listener)
      }
      return null
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error
      this.#handLines(listener)
      return error.message
    }
  }

  #handLines(listener: ReplayListener): void {
    if (this.#lines.length === 0) return
    listener.lines(this.#lines)
    this.#lines = []
  }

  #frame(captured: CapturedFrame): void {
    this.#number = captured.number
    this.#clock.next(captured.time)
    this.#balancer.advance(this.#clock.ms)
    // What the slow path has sent since the frame before.
    if (this.#sent.length > 0) this.#tellSent()
    const frame = this.#frames.prepare(captured)
    if (typeof frame === 'string') return this.#skip(frame)
    const outcome = this.#balancer.fastPath.run(frame)
    if (outcome === null) return this.#skip(skips.refused)
    const service = outcome.service === 0 ? undefined : this.#balancer.services.serviceOf(outcome.service)
    this.#tallies.frame(outcome, service)
    if (this.#options.lines || this.#out !== null) this.#tell(frame, outcome, service?.name ?? null)
    if (outcome.verdict === verdicts.punt) this.#balancer.punted()
    if (this.#sent.length > 0) this.#tellSent()
  }

  #skip(reason: string): void {
    this.#tallies.skip(reason)
    if (this.#options.lines) this.#lines.push(skipLine(this.#number, this.#clock.us, reason))
  }

  #tell(frame: Uint8Array, outcome: Outcome, service: string | null): void {
    const fate: FrameFate = {
      number: this.#number,
      us: this.#clock.us,
      verdict: verdictNames[outcome.verdict] ?? 'drop_internal',
      service,
      endpoint: outcome.endpoint === 0 ? null : endpointName(this.#balancer.endpoints, outcome.endpoint),
      newFlow: outcome.newFlow,
    }
    if (this.#options.lines) this.#lines.push(frameLine(fate, frame, outcome.out))
    if (this.#out === null) return
    const way = outcome.out === null ? 'in' : 'out'
    this.#out.write(way, outcome.out ?? frame, this.#clock.timeOf(fate.us), `frame ${fate.number}: ${fateText(fate)}`)
  }

  #tellSent(): void {
    for (const { frame, us } of this.#sent.splice(0)) {
      if (this.#options.lines) this.#lines.push(sentLine(us, frame))
      this.#out?.write('slow-path', frame, this.#clock.timeOf(us), `frame ${this.#number}: sent by the slow path`)
    }
  }
}

const withLinkHeader = (packet: Uint8Array): Uint8Array => {
  const types = etherTypes[packet[0]! >> 4 === 6 ? 6 : 4]
  return Buffer.concat([gatewayMac, boxMac, Uint8Array.of(...types), packet])
}

const logInto = (lines: string[]): Log => {
  const ignore = (): void => undefined
  const keep = (fields: object, message: string): void =>
    void lines.push(`${message}: ${Object.values(fields).join(', ')}`)
  return { debug: ignore, info: ignore, warn: keep, error: keep }
}
