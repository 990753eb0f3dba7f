// A simulated UPF: answers what an SMF asks over PFCP, and counts the packets of its tunnels. It can misbehave.

import { shortAddressBytes } from '../wire/ip.ts'
import { seidText } from '../protocols/session-keys.ts'
import { textOf, UePrefix } from './addresses.ts'
import { gtpuPort } from './gtpu.ts'
import { cause, element, elementsOf, message, nodeIdElement, ntpSeconds, number8, numberOf, pfcpPort } from './pfcp.ts'
import { PfcpNode } from './pfcp-node.ts'
import { nodeOf } from './smf-checks.ts'
import { UpfControl } from './upf-control.ts'
import { Teids, UeAddresses } from './upf-pools.ts'
import { reportElements } from './upf-reports.ts'
import { UpfSessions } from './upf-sessions.ts'
import { UserPlane } from './upf-user-plane.ts'
import type { Manner, PfcpCounts } from './pfcp-node.ts'
import type { RequestTimes } from './requests.ts'
import type { Surroundings } from '../sockets/surroundings.ts'
import type { ControlCounts } from './upf-control.ts'
import type { TeidRange } from './upf-pools.ts'
import type { ReportKind } from './choices.ts'
import type { Tunnel, UpfSession } from './upf-sessions.ts'
import type { UserPlaneCounts } from './upf-user-plane.ts'

/** How a share of the session requests is answered. */
export interface Behaviour {
  readonly manner: Manner
  /** above 0, up to 1 */
  readonly share: number
}

export interface UpfOptions extends RequestTimes {
  /** its own address for PFCP, and its Node ID */
  readonly address: string
  /** its address for GTP-U; null: the same */
  readonly n3: string | null
  /** 1 to 65535, by which generators tell UPFs apart */
  readonly number: number
  /** Uplink packets of simulated UEs are sent back down. */
  readonly loop: boolean
  /** of the addresses that it gives to UEs; null: it gives none */
  readonly uePrefix: string | null
  readonly teidRange: TeidRange | null
  /** what its first TEID and SEID are; two UPFs with the same ones collide on purpose */
  readonly firstTeid: number
  readonly firstSeid: bigint
  /** UP Function Features (TS 29.244, 8.2.25); null: FTUP, PFDM, EMPU, PDIU, and UEIP where it gives addresses */
  readonly features: Uint8Array | null
  readonly heartbeatMs: number
  readonly behaviour: Behaviour | null
  /** a cause that session establishments are refused with; null: they are accepted */
  readonly refuse: number | null
  /** 0 to 100, told as Load Control Information; null: none is told */
  readonly load: number | null
  /** 0 to 1, for `behaviour` */
  readonly random: () => number
}

export interface UpfReport extends ControlCounts {
  readonly role: 'upf'
  readonly node: string
  readonly number: number
  /** seconds since 1900 */
  readonly recoveryTimeStamp: number
  /** Node IDs of control planes */
  readonly associations: readonly string[]
  readonly sessions: number
  readonly tunnels: number
  /** Session Report Requests: sent, accepted, refused or never answered */
  readonly reports: { readonly sent: number; readonly accepted: number; readonly failed: number }
  readonly peerRestarts: number
  readonly userPlane: UserPlaneCounts
  readonly pfcp: PfcpCounts
}

export interface TunnelCount {
  readonly teid: number
  /** of the user plane, `0x0000000000000001` */
  readonly seid: string
  readonly packets: number
}

const tickMs = 2
/** FTUP and PFDM, EMPU and PDIU, UEIP */
const usualFeatures = [0x30, 0x03, 0x04] as const
const releaseRequested = 1
/** of a timer (8.2.87): units of two seconds */
const twoSeconds = 0
const longestPeriod = 31

export class SimUpf {
  readonly #options: UpfOptions
  readonly #address: Uint8Array
  readonly #teids: Teids<Tunnel>
  readonly #sessions: UpfSessions
  readonly #node: PfcpNode
  readonly #userPlane: UserPlane
  readonly #timers: (() => void)[] = []
  readonly #control: UpfControl
  #peerRestarts = 0
  readonly #reports = { sent: 0, accepted: 0, failed: 0 }
  #reportSequence = 0

  /** Opens its sockets. Throws RangeError for options that say nothing sensible, and what the kernel throws. */
  constructor(options: UpfOptions, surroundings: Surroundings) {
    const { address, firstSeid, firstTeid, loop, n3, number, teidRange, uePrefix } = options
    if (!(number >= 1 && number <= 0xffff)) throw new RangeError(`${number} is no number of a UPF: 1 to 65535`)
    this.#options = options
    this.#address = shortAddressBytes(address)
    const ownN3 = shortAddressBytes(n3 ?? address)
    this.#teids = new Teids(teidRange, firstTeid)
    this.#sessions = new UpfSessions({
      n3: ownN3,
      teids: this.#teids,
      ues: uePrefix === null ? null : new UeAddresses(new UePrefix(uePrefix)),
      firstSeid,
      gtpuPort,
      left: (downlink) => this.#userPlane.endTunnel(downlink),
    })
    const [first, second, ueIp] = usualFeatures
    this.#control = new UpfControl({
      address: this.#address,
      n3: ownN3,
      teidRange,
      features: options.features ?? Uint8Array.of(first, second, uePrefix === null ? 0 : ueIp),
      recoveryTimeStamp: () => this.#node.recoveryTimeStamp,
      sessions: this.#sessions,
      refuse: options.refuse,
      load: options.load,
    })
    this.#userPlane = new UserPlane({
      surroundings,
      address: n3 ?? address,
      n3: ownN3,
      teids: this.#teids,
      number,
      loop,
    })
    try {
      this.#node = new PfcpNode({
        address,
        surroundings,
        recoveryTimeStamp: ntpSeconds(surroundings.wallSeconds()),
        times: options,
        answer: (request, elements, from) => this.#control.answer(request, elements, from),
        mannerOf: (type) => this.#mannerOf(type),
      })
    } catch (error) {
      this.#userPlane.close()
      throw error
    }
    this.#timers.push(
      surroundings.every(tickMs, () => this.#node.tick()),
      surroundings.every(options.heartbeatMs, () => this.#beat()),
    )
  }

  /** Sets up an association with a control plane. Rejects when there is no answer, or it is a refusal. */
  associate(address: string): Promise<void> {
    const place = { address: textOf(shortAddressBytes(address)), port: pfcpPort }
    const type = message.associationSetupRequest
    return new Promise((resolve, reject) => {
      this.#node.ask(place, { type, seid: null, elements: this.#control.aboutUs() }, (answer) => {
        const found = answer === null ? null : elementsOf(answer)
        const node = found === null ? null : nodeOf(found)
        if (found === null || node === null || numberOf(found, element.cause, 1) !== cause.accepted)
          return reject(new Error(`no association with ${address}`))
        const recovery = numberOf(found, element.recoveryTimeStamp, 4)
        this.#control.addAssociation({ node, place, recovery })
        return resolve()
      })
    })
  }

  /** Reports about the first sessions, at most so many; how many were sent. Of `deleted` the sessions are gone. */
  report(kind: ReportKind, count: number): number {
    let sent = 0
    for (const session of [...this.#sessions.all()].slice(0, count)) {
      this.#tell(session, kind)
      sent++
    }
    return sent
  }

  /** Asks its control planes to let it go within so many seconds (TS 29.244, 6.2.7). */
  askRelease(withinSeconds: number): void {
    const period = Math.min(longestPeriod, Math.ceil(withinSeconds / 2))
    const elements = [
      nodeIdElement(this.#address),
      number8(element.associationReleaseRequest, releaseRequested),
      number8(element.gracefulReleasePeriod, (twoSeconds << 5) | period),
    ]
    for (const { place } of this.#control.associations.values())
      this.#node.ask(place, { type: message.associationUpdateRequest, seid: null, elements }, () => undefined)
  }

  /** 0 to 100, in the answers to come; null: none is told. */
  setLoad(load: number | null): void {
    this.#control.setLoad(load)
  }

  /** Forgets everything, as a process does that has been started again: its peers see another recovery time stamp. */
  restart(): void {
    this.#node.recoveryTimeStamp++
    this.#control.forget()
  }

  state(): UpfReport {
    const { recoveryTimeStamp } = this.#node
    return {
      role: 'upf',
      node: this.#options.address,
      number: this.#options.number,
      recoveryTimeStamp,
      associations: [...this.#control.associations.keys()],
      sessions: this.#sessions.count,
      tunnels: this.#teids.count,
      ...this.#control.counts(),
      peerRestarts: this.#peerRestarts,
      reports: { ...this.#reports },
      userPlane: this.#userPlane.counts(),
      pfcp: this.#node.counts(),
    }
  }

  /** What came in each tunnel. */
  tunnels(): readonly TunnelCount[] {
    return [...this.#teids.holders()].map(([teid, { packets, session }]) => ({
      teid,
      seid: seidText(session.upSeid),
      packets,
    }))
  }

  /** Closes the sockets, without a word to anybody. */
  stop(): void {
    for (const stop of this.#timers.splice(0)) stop()
    this.#node.close()
    this.#userPlane.close()
  }

  #mannerOf(type: number): Manner {
    const { behaviour, random } = this.#options
    const isMeant = type >= message.sessionEstablishmentRequest
    return behaviour !== null && isMeant && random() < behaviour.share ? behaviour.manner : { kind: 'prompt' }
  }

  #beat(): void {
    for (const association of this.#control.associations.values())
      this.#node.heartbeat(association.place, (recovery) => {
        if (recovery === null) return
        if (association.recovery !== null && association.recovery !== recovery) this.#peerRestarts++
        association.recovery = recovery
      })
  }

  #tell(session: UpfSession, kind: ReportKind): void {
    const elements = reportElements(kind, session, ++this.#reportSequence)
    if (kind === 'deleted') this.#sessions.remove(session)
    this.#reports.sent++
    this.#node.ask(session.cp, { type: message.sessionReportRequest, seid: session.cpSeid, elements }, (answer) => {
      const isAccepted = answer !== null && numberOf(elementsOf(answer), element.cause, 1) === cause.accepted
      if (isAccepted) this.#reports.accepted++
      else this.#reports.failed++
    })
  }
}
