// Echo requests (TS 29.281, 7.2.1) to the user planes of UPFs: the control plane of one may answer while no packet of
// its tunnels goes through.

import { gtp } from '../protocols/gtp/index.ts'
import { DecodeError } from '../wire/decode-error.ts'
import type { Place, Surroundings, UdpSocket } from '../sockets/surroundings.ts'
import type { Upf } from './n4/model.ts'

const gtpuPort = 2152
/** Answers are a few bytes. */
const longestAnswer = 2048
const tickMs = 100
const sequences = 0x1_0000
const echoResponse = 2

/** With a sequence number, and TEID 0 (5.1). */
const echoRequest = (sequence: number): Uint8Array =>
  Uint8Array.of(0x32, 1, 0, 4, 0, 0, 0, 0, sequence >> 8, sequence & 0xff, 0, 0)

export interface EchoTimes {
  /** between two echo requests; 0: nobody is asked */
  readonly intervalMs: number
  /** until one is sent again */
  readonly retransmitMs: number
  readonly retransmissions: number
}

export interface EchoesOptions {
  readonly surroundings: Surroundings
  /** of a UPF by its PFCP address, when it has changed; it answers in the beginning, and when it is not asked */
  readonly tell: (upf: string, answers: boolean) => void
}

interface Path {
  readonly upf: string
  readonly to: Place
  /** of the request that has no answer yet; null: there is none */
  sequence: number | null
  left: number
  nextMs: number
  answers: boolean
}

export class N4Echoes {
  readonly #options: EchoesOptions
  #times: EchoTimes = { intervalMs: 0, retransmitMs: 0, retransmissions: 0 }
  /** by UPF, and address of its user plane */
  #paths = new Map<string, Path>()
  readonly #sockets = new Map<boolean, UdpSocket>()
  readonly #told = new Map<string, boolean>()
  readonly #stopTicking: () => void
  #sequence = 0
  readonly #counts = { sent: 0, answered: 0, unanswered: 0 }

  constructor(options: EchoesOptions) {
    this.#options = options
    this.#stopTicking = options.surroundings.every(tickMs, () => this.#tick())
  }

  /** These UPFs are asked from now on, where their configuration says that they take GTP-U, or where they have PFCP. */
  follow(upfs: readonly Upf[], times: EchoTimes): void {
    const before = this.#paths
    this.#times = times
    this.#paths = new Map()
    if (times.intervalMs > 0) {
      for (const { address: upf, userPlane } of upfs) {
        for (const address of userPlane.length === 0 ? [upf] : userPlane) {
          const key = `${upf} ${address}`
          this.#paths.set(key, before.get(key) ?? this.#begin(upf, address))
        }
      }
    }
    this.#judge()
  }

  counters(): Readonly<Record<string, number>> {
    const { answered, sent, unanswered } = this.#counts
    return sent === 0 ? {} : { 'echo: sent': sent, 'echo: answered': answered, 'echo: unanswered': unanswered }
  }

  close(): void {
    this.#stopTicking()
    for (const socket of this.#sockets.values()) socket.close()
  }

  #begin(upf: string, address: string): Path {
    return { upf, to: { address, port: gtpuPort }, sequence: null, left: 0, nextMs: 0, answers: true }
  }

  #tick(): void {
    const nowMs = this.#options.surroundings.nowMs()
    const { intervalMs, retransmissions, retransmitMs } = this.#times
    for (const path of this.#paths.values()) {
      if (path.nextMs > nowMs) continue
      if (path.sequence === null) {
        path.sequence = this.#sequence = (this.#sequence + 1) % sequences
        path.left = retransmissions
      } else if (path.left > 0) path.left--
      else {
        path.sequence = null
        path.answers = false
        path.nextMs = nowMs + intervalMs
        this.#counts.unanswered++
        continue
      }
      path.nextMs = nowMs + retransmitMs
      this.#counts.sent++
      this.#socketOf(path.to.address.includes(':'))?.send(echoRequest(path.sequence), path.to)
    }
    this.#judge()
  }

  #receive(bytes: Uint8Array): void {
    const answered = sequenceOf(bytes)
    if (answered === null) return
    // By the number alone: the fast path may have made the VIP the sender.
    const path = this.#paths.values().find(({ sequence }) => sequence === answered)
    if (path === undefined) return
    this.#counts.answered++
    path.sequence = null
    path.answers = true
    path.nextMs = this.#options.surroundings.nowMs() + this.#times.intervalMs
    this.#judge()
  }

  /** A UPF has a user plane while one of its addresses answers. */
  #judge(): void {
    const answers = new Map<string, boolean>()
    for (const path of this.#paths.values()) answers.set(path.upf, path.answers || answers.get(path.upf) === true)
    for (const upf of this.#told.keys()) if (!answers.has(upf)) answers.set(upf, true)
    for (const [upf, isUp] of answers) {
      if ((this.#told.get(upf) ?? true) === isUp) continue
      if (isUp) this.#told.delete(upf)
      else this.#told.set(upf, isUp)
      this.#options.tell(upf, isUp)
    }
  }

  /** On a port that the kernel chooses: answers come there (4.4.2). Null: this machine has no such family. */
  #socketOf(isIpv6: boolean): UdpSocket | null {
    const known = this.#sockets.get(isIpv6)
    if (known !== undefined) return known
    const place = { address: isIpv6 ? '::' : '0.0.0.0', port: 0 }
    try {
      const socket = this.#options.surroundings.open(place, longestAnswer, (bytes) => this.#receive(bytes))
      this.#sockets.set(isIpv6, socket)
      return socket
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error
      return null
    }
  }
}

/** Of an Echo Response; null: it is none. */
function sequenceOf(bytes: Uint8Array): number | null {
  try {
    const { sequence, type } = gtp.decode(bytes)
    return type === echoResponse ? sequence : null
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return null
  }
}
