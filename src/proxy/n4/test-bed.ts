// A network without sockets for the tests of the N4 proxy: SMFs and UPFs, and a clock that the test moves. What the
// proxy does is carried out in its order: hints, then datagrams.

import { messageTypes, pfcp, typedFSeid, typedFTeid } from '../../protocols/pfcp/index.ts'
import { N4Proxy } from './n4-proxy.ts'
import {
  bytes,
  elementsOf,
  fSeidOf,
  fTeidOf,
  groupOf,
  messageOf,
  n3Vip,
  nodeIdOf,
  number32,
  of,
  valueAt,
  vip,
} from './test-elements.ts'
import type { PfcpElement, PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { UserSession } from '../../lb/user-sessions.ts'
import type { BreakoutChange, Effects, HintChange, N4Event, N4Options, Place, Upf } from './model.ts'

const port = 8805

interface Node {
  readonly address: string
  /** messages that come in are lost, so many of them */
  lose: number
  dead: boolean
  readonly got: PfcpMessage[]
  answer(message: PfcpMessage): readonly PfcpMessage[]
}

class SimUpf implements Node {
  readonly address: string
  lose = 0
  dead = false
  readonly got: PfcpMessage[] = []
  recovery = 1000
  features = bytes(0x10, 0x01)
  extra: readonly PfcpElement[] = []
  /** of its answers to establishments; 1: accepted */
  cause = 1
  nextTeid = 1
  nextSeid = 1n
  /** its SEID to that of the control plane */
  readonly sessions = new Map<bigint, bigint>()
  /** behind the other elements of each answer about a session */
  sessionExtra: readonly PfcpElement[] = []
  /** It tells the F-TEID of one rule alone where several share it. */
  tellsOnce = false

  constructor(address: string) {
    this.address = address
  }

  get association(): readonly PfcpElement[] {
    const { address, extra, features, recovery } = this
    return [nodeIdOf(address), { type: 96, value: number32.write(recovery) }, { type: 43, value: features }, ...extra]
  }

  answer(message: PfcpMessage): readonly PfcpMessage[] {
    const { seid, sequence, type } = message
    const accepted = of(19, 1)
    const reply = (other: bigint | null, ...elements: readonly PfcpElement[]): readonly PfcpMessage[] => [
      messageOf(type + 1, other, sequence, elements),
    ]
    switch (type) {
      case messageTypes.heartbeatRequest:
        return reply(null, { type: 96, value: number32.write(this.recovery) })
      case messageTypes.associationSetupRequest:
        this.sessions.clear()
        return reply(null, accepted, ...this.association)
      case messageTypes.sessionEstablishmentRequest:
        return this.#establish(message)
      case messageTypes.sessionModificationRequest:
      case messageTypes.sessionDeletionRequest: {
        const other = this.sessions.get(seid ?? 0n)
        if (other === undefined) return reply(0n, of(19, 65))
        if (type === messageTypes.sessionDeletionRequest) this.sessions.delete(seid ?? 0n)
        return reply(other, accepted, ...this.#created(elementsOf(message)), ...this.sessionExtra)
      }
      default:
        return [3, 7, 9, 12, 14, 16, 56].includes(type) ? reply(null, nodeIdOf(this.address), accepted) : []
    }
  }

  #establish(message: PfcpMessage): readonly PfcpMessage[] {
    const elements = elementsOf(message)
    const other = typedFSeid.read(valueAt(elements, 57)!).seid
    if (this.cause !== 1) return [messageOf(51, other, message.sequence, [nodeIdOf(this.address), of(19, this.cause)])]
    const own = this.nextSeid++
    this.sessions.set(own, other)
    return [
      messageOf(51, other, message.sequence, [
        nodeIdOf(this.address),
        of(19, 1),
        fSeidOf(own, this.address),
        ...this.#created(elements),
        ...this.sessionExtra,
      ]),
    ]
  }

  #created(elements: readonly PfcpElement[]): readonly PfcpElement[] {
    const shared = new Map<number, number>()
    return elements.flatMap(({ type, value }) => {
      if (value instanceof Uint8Array || ![1, 9, 127].includes(type)) return []
      const fTeid = type === 127 ? valueAt(value, 21) : valueAt(value, 2, 21)
      const read = fTeid === null ? null : typedFTeid.read(fTeid)
      if (read?.kind !== 'choose') return []
      const known = read.chooseId === null ? undefined : shared.get(read.chooseId)
      if (known !== undefined && this.tellsOnce) return []
      const teid = known ?? this.nextTeid++
      if (read.chooseId !== null) shared.set(read.chooseId, teid)
      const id = value.find((element) => element.type === (type === 127 ? 131 : 56))!
      return [groupOf(type === 1 ? 8 : type === 9 ? 256 : 128, id, fTeidOf(teid, this.address))]
    })
  }
}

export class SimSmf implements Node {
  readonly address: string
  readonly #bed: Bed
  lose = 0
  dead = false
  readonly got: PfcpMessage[] = []
  recovery = 2000
  sequence = 0
  nextSeid = 0x26n
  /** of its answers to reports */
  cause = 1
  reportExtra: readonly PfcpElement[] = []

  constructor(bed: Bed, address: string) {
    this.#bed = bed
    this.address = address
  }

  answer({ seid, sequence, type }: PfcpMessage): readonly PfcpMessage[] {
    if (type === messageTypes.heartbeatRequest)
      return [messageOf(2, null, sequence, [{ type: 96, value: number32.write(this.recovery) }])]
    if (type === messageTypes.sessionReportRequest)
      return [messageOf(57, this.cause === 65 ? 0n : (seid ?? 0n), sequence, [of(19, this.cause), ...this.reportExtra])]
    return type === 7 || type === 12 || type === 14
      ? [messageOf(type + 1, null, sequence, [nodeIdOf(this.address), of(19, 1)])]
      : []
  }

  /** The answer; null: none has come yet. */
  ask(type: number, seid: bigint | null, ...elements: readonly PfcpElement[]): PfcpMessage | null {
    return this.send(messageOf(type, seid, ++this.sequence, elements))
  }

  send(message: PfcpMessage): PfcpMessage | null {
    const before = this.got.length
    this.#bed.deliver({ address: this.address, port }, pfcp.encode(message))
    return this.got.slice(before).find(({ type }) => type === message.type + 1 || type === 11) ?? null
  }

  associate(...extra: readonly PfcpElement[]): PfcpMessage | null {
    const recovery = { type: 96, value: number32.write(this.recovery) }
    return this.ask(5, null, nodeIdOf(this.address), recovery, of(89, 3), ...extra)
  }

  /** A session whose rules are these; the SEID that the SMF is told. */
  establish(...elements: readonly PfcpElement[]): { readonly response: PfcpMessage | null; readonly seid: bigint } {
    const own = this.nextSeid++
    const response = this.ask(50, 0n, nodeIdOf(this.address), fSeidOf(own, this.address), ...elements)
    const fSeid = response === null ? null : valueAt(elementsOf(response), 57)
    return { response, seid: fSeid === null ? 0n : typedFSeid.read(fSeid).seid }
  }
}

export const upfOf = (name: string, address: string, more: Partial<Upf> = {}): Upf => ({
  name,
  address,
  userPlane: [],
  dataNetwork: [],
  weight: 1,
  drained: false,
  dnns: [],
  networkInstances: [],
  slices: [],
  uePools: [],
  ...more,
})

export function optionsOf(upfs: readonly Upf[]): N4Options {
  let seed = 1
  return {
    address: { ipv4: vip, ipv6: null },
    nodeId: vip,
    n3: { ipv4: n3Vip, ipv6: null },
    upfs,
    localNetworkInstances: [],
    select: 'least-sessions',
    onLoss: 'report',
    onFewerFeatures: 'refuse',
    hotPercent: 80,
    recoveryTimeStamp: 0xeeab8a77,
    random: () => (seed = (seed * 48_271) % 0x7fff_ffff) / 0x7fff_ffff,
  }
}

const stepMs = 100

export class Bed {
  proxy: N4Proxy
  nowMs = 1_000_000
  /** records of changes, each written before the effects of the change were carried out; empty without `keeping` */
  readonly kept: Uint8Array[] = []
  /** what the fast path knows: by kind, key and prefix */
  readonly hints = new Map<string, HintChange>()
  readonly changes: HintChange[] = []
  /** whose traffic leaves its tunnel, by address; and every change of it */
  readonly local = new Map<string, UserSession>()
  readonly breakouts: BreakoutChange[] = []
  readonly events: N4Event[] = []
  /** every datagram of the proxy, and how many changes of hints and of local traffic had been made before it */
  readonly sent: {
    readonly to: string
    readonly message: PfcpMessage
    readonly changes: number
    readonly breakouts: number
  }[] = []
  readonly #nodes = new Map<string, Node>()

  constructor(upfs: readonly Upf[], options: Partial<N4Options> = {}) {
    this.proxy = new N4Proxy({ ...optionsOf(upfs), ...options })
    for (const { address } of upfs) this.#nodes.set(address, new SimUpf(address))
  }

  upf(address: string): SimUpf {
    const node = this.#nodes.get(address)
    if (node instanceof SimUpf) return node
    const made = new SimUpf(address)
    this.#nodes.set(address, made)
    return made
  }

  smf(address: string): SimSmf {
    const made = new SimSmf(this, address)
    this.#nodes.set(address, made)
    return made
  }

  advance(ms: number): void {
    for (let past = 0; past < ms; past += stepMs) {
      this.nowMs += stepMs
      this.#carryOut(this.proxy.tick(this.nowMs))
    }
  }

  configure(upfs: readonly Upf[]): void {
    for (const { address } of upfs) this.upf(address)
    this.#carryOut(this.proxy.configure(upfs, this.nowMs))
    this.advance(stepMs)
  }

  deliver(from: Place, datagram: Uint8Array): void {
    this.#carryOut(this.proxy.receive(from, datagram, this.nowMs))
  }

  /** A request of a UPF; its answer. */
  fromUpf(upf: SimUpf, message: PfcpMessage): PfcpMessage | null {
    const before = upf.got.length
    this.deliver({ address: upf.address, port }, pfcp.encode(message))
    return upf.got.slice(before).find(({ type }) => type === message.type + 1) ?? null
  }

  #carryOut(first: Effects): void {
    const waiting: Effects[] = [this.#noted(first)]
    for (const { breakouts, events, hints, send } of waiting) {
      for (const hint of hints) this.#hint(hint)
      for (const change of breakouts) this.#breakOut(change)
      this.events.push(...events)
      for (const { bytes, to } of send) {
        const message = pfcp.decode(bytes)
        this.sent.push({ to: to.address, message, changes: this.changes.length, breakouts: this.breakouts.length })
        const node = this.#nodes.get(to.address)
        if (node === undefined || node.dead || node.lose-- > 0) continue
        node.lose = 0
        node.got.push(message)
        for (const answer of node.answer(message))
          waiting.push(
            this.#noted(this.proxy.receive({ address: node.address, port }, pfcp.encode(answer), this.nowMs)),
          )
      }
    }
  }

  #noted(effects: Effects): Effects {
    this.kept.push(...this.proxy.takeChanges())
    return effects
  }

  #hint(hint: HintChange): void {
    this.changes.push(hint)
    const key = `${hint.kind} ${Buffer.from(hint.key).toString('hex')}/${hint.prefixBits ?? ''}`
    if (hint.action === 'install') this.hints.set(key, hint)
    else this.hints.delete(key)
  }

  #breakOut(change: BreakoutChange): void {
    this.breakouts.push(change)
    const named = change.action === 'install' ? change.session.ueAddresses : [change.ueAddress]
    for (const address of named)
      for (const other of this.local.get(address)?.ueAddresses ?? []) this.local.delete(other)
    if (change.action === 'install') for (const address of named) this.local.set(address, change.session)
  }

  /** Which UPF a TEID leads to, and the TEID that it gets there. */
  tunnel(teid: number): { readonly upf: string; readonly teid: number } | null {
    const hint = this.hints.get(`teid ${teid.toString(16).padStart(8, '0')}/`)
    return hint === undefined ? null : { upf: hint.upfs[0]!, teid: hint.identifier ?? teid }
  }

  count(name: string): number {
    return this.proxy.status().counters[name] ?? 0
  }
}

/** With all UPFs associated. */
export function startedBed(upfs: readonly Upf[], options: Partial<N4Options> = {}): Bed {
  const bed = new Bed(upfs, options)
  bed.advance(stepMs)
  return bed
}

/** A pool whose TEIDs are far apart, so that they collide only where a test wants it, and an SMF. */
export function readyBed(
  upfs: readonly Upf[],
  options: Partial<N4Options> = {},
): { readonly bed: Bed; readonly smf: SimSmf } {
  const bed = startedBed(upfs, options)
  for (const [i, { address }] of upfs.entries()) bed.upf(address).nextTeid = 1 + i * 0x1000
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  return { bed, smf }
}
