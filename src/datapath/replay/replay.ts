// Reads a capture and runs each frame through the programs and the slow path, with the capture's clock. Lives in a
// thread of its own, since that enters a network namespace for good.

import { native } from '../../../native/load.ts'
import { CaptureError, linkTypes, packetOffset, readCapture } from '../../captures/index.ts'
import { verdict as verdicts, verdictNames } from '../layout.gen.ts'
import { Balancer } from './balancer.ts'
import { CaptureClock } from './capture-clock.ts'
import { firstCpu } from './cpu.ts'
import { fateText, frameLine, messageLine, proxyLine, sentLine, skipLine } from './frame-lines.ts'
import { Frames, skips } from './frames.ts'
import { boxMac, gatewayMac, Network } from './network.ts'
import { OutFile } from './out-file.ts'
import { seededFraction } from './random.ts'
import { Readdress } from './readdress.ts'
import { endpointName, Tallies } from './report.ts'
import { ConflictError } from '../../lb/errors.ts'
import { addressBytes } from '../../wire/ip.ts'
import { udpPacket } from '../slow-path/udp-packet.ts'
import { CannotReplayError } from './errors.ts'
import type { CapturedFrame } from '../../captures/index.ts'
import type { Log } from '../../lb/log.ts'
import type { OpenReplayedProxies, ReplayedDatagram, ReplayedProxies, VipAlias } from '../../lb/replayed-proxies.ts'
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
  /** addresses of the capture that are to be taken for VIPs */
  readonly aliases: readonly VipAlias[]
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
export const runReplay = async (
  options: ReplayOptions,
  listener: ReplayListener,
  openProxies: OpenReplayedProxies,
): Promise<Report> => {
  // Counters, cursors and scratch memory are of a CPU.
  native.pinToCpu(firstCpu())
  const network = await Network.enter({ ...options, services: options.config.services })
  const out = options.write === null ? null : new OutFile(options.write)
  const replay = new Replay(options, network, out)
  try {
    await replay.open(openProxies)
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
  readonly #readdress: Readdress
  /** null: no service has one */
  #proxies: ReplayedProxies | null = null
  readonly #tallies = new Tallies()
  readonly #sent: Sent[] = []
  #lines: string[] = []
  #number = 0

  constructor(options: ReplayOptions, network: Network, out: OutFile | null) {
    this.#options = options
    this.#out = out
    this.#frames = new Frames(options)
    this.#readdress = new Readdress(options.aliases)
    this.#balancer = Balancer.open({
      ...options,
      network,
      onSend: (packet, ms) => this.#sent.push({ frame: withLinkHeader(packet), us: ms * 1000 }),
      log: logInto(this.#tallies.warnings),
    })
  }

  async open(openProxies: OpenReplayedProxies): Promise<void> {
    const { aliases, config, file, seed } = this.#options
    const { datapath } = this.#balancer
    try {
      const random = seededFraction(seed)
      this.#proxies = await openProxies({ aliases, datapath, file, random, services: config.services })
    } catch (error) {
      throw asRefusal(error)
    }
  }

  async run(listener: ReplayListener): Promise<Report> {
    const problem = await this.#readAll(listener)
    return this.#tallies.report(this.#balancer, this.#clock, {
      frames: this.#number,
      problem,
      proxies: this.#proxies?.report() ?? [],
    })
  }

  close(): void {
    this.#proxies?.close()
    this.#balancer.close()
  }

  /** Why the file could not be read to its end; null: it was. */
  async #readAll(listener: ReplayListener): Promise<string | null> {
    let readBytes = 0
    try {
      for await (const part of readCapture(this.#options.file, { onRead: (bytes) => (readBytes += bytes) })) {
        for (const frame of part) {
          const waiting = this.#frame(frame)
          if (waiting !== null) await waiting
        }
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

  /** Null: nothing has to be waited for, as with most frames. */
  #frame(captured: CapturedFrame): Promise<void> | null {
    this.#number = captured.number
    this.#clock.next(captured.time)
    this.#balancer.advance(this.#clock.ms)
    const proxies = this.#proxies
    const waiting = proxies === null ? null : this.#proxyTime(proxies)
    return waiting === null ? this.#onTime(captured, proxies) : this.#inTime(waiting, captured, proxies)
  }

  async #inTime(waiting: Promise<void>, captured: CapturedFrame, proxies: ReplayedProxies | null): Promise<void> {
    await waiting
    await this.#onTime(captured, proxies)
  }

  #proxyTime(proxies: ReplayedProxies): Promise<void> | null {
    if (this.#number !== 1) return proxies.advance(this.#clock.ms)
    return proxies.start(this.#clock.timeOf(0).seconds).catch((error: unknown) => {
      throw asRefusal(error)
    })
  }

  /** All that was due before it has been done. */
  #onTime(captured: CapturedFrame, proxies: ReplayedProxies | null): Promise<void> | null {
    // What the slow path and proxies have sent since the frame before.
    if (this.#sent.length > 0) this.#tellSent()
    if (proxies !== null) this.#tellProxies(proxies)
    const frame = this.#frames.prepare(captured)
    if (typeof frame === 'string') {
      this.#skip(frame)
      return null
    }
    const at = packetOffset(linkTypes.ethernet, frame)
    const outcome = this.#balancer.fastPath.run(this.#readdress.frame(frame, at))
    if (outcome === null) {
      this.#skip(skips.refused)
      return null
    }
    const service = outcome.service === 0 ? undefined : this.#balancer.services.serviceOf(outcome.service)
    this.#tallies.frame(outcome, service)
    if (this.#options.lines || this.#out !== null) this.#tell(frame, outcome, service?.name ?? null)
    if (outcome.verdict === verdicts.punt) this.#balancer.punted()
    if (this.#sent.length > 0) this.#tellSent()
    if (proxies === null || at < 0) return null
    const packet = frame.subarray(at)
    if (!proxies.wants(packet)) return null
    const isPassed = verdictNames[outcome.verdict]?.startsWith('pass_') === true
    return proxies.packet(packet, isPassed).then(() => this.#tellProxies(proxies))
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

  #tellProxies(proxies: ReplayedProxies): void {
    const { lines } = this.#options
    for (const step of proxies.take()) {
      if (step.kind === 'message') {
        if (lines) this.#lines.push(messageLine(step))
        continue
      }
      if (!lines && this.#out === null) continue
      const frame = withLinkHeader(packetOf(step))
      const us = Math.max(0, step.ms * 1000)
      if (lines) this.#lines.push(proxyLine(step, frame))
      this.#out?.write(
        'proxy',
        frame,
        this.#clock.timeOf(us),
        `frame ${this.#number}: ${step.service} sends ${step.name}`,
      )
    }
  }
}

const asRefusal = (error: unknown): unknown =>
  error instanceof ConflictError ? new CannotReplayError(error.message, { cause: error }) : error

const packetOf = ({ from, payload, to }: ReplayedDatagram): Uint8Array =>
  udpPacket({
    family: from.address.includes(':') ? 6 : 4,
    source: addressBytes(from.address),
    destination: addressBytes(to.address),
    sourcePort: from.port,
    destinationPort: to.port,
    payload,
  })

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
