// Changes of hints as signalling asks for them, made in the kernel before the call returns: first all of a batch is
// looked at, then all of it is written. A hint whose endpoint knows the tunnel by another TEID has a second one, which
// says what that TEID was on the way in.

import { ResourceError } from '../lb/datapath.ts'
import { HintCounter, HintError, wrongWith } from '../lb/hints.ts'
import { hintKey } from './hints.ts'
import { hintFlags, hintKind } from './layout.gen.ts'
import { endpointKey } from '../lb/model.ts'
import { addressBytes } from '../wire/ip.ts'
import type { HintControl, HintChange, HintCounts } from '../lb/hints.ts'
import type { Placed } from './prepare.ts'
import type { Hints, WrittenHint } from './hints.ts'
import type { HintKey } from './layout.gen.ts'
import type { ServiceKey } from '../lb/model.ts'

export interface SessionHintsOptions {
  readonly hints: Hints
  /** 16 bytes, of an endpoint by its id, which may have left its service */
  readonly addressOf: (endpoint: number) => Uint8Array
  readonly placed: () => ReadonlyMap<ServiceKey, Placed>
}

/** What stands before an IPv4 address where addresses of both families meet. */
const v4Prefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

/** Under which TEID clients know a tunnel that the endpoint knows by this one. */
export const teidBackKey = (service: number, endpoint: number, teid: number): HintKey => {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, endpoint, true)
  view.setUint32(4, teid)
  return hintKey(service, hintKind.teid_back, bytes)
}

/** Of a user: its address, of IPv6 the first half. */
const userKey = (service: number, bytes: Uint8Array): HintKey => {
  const whole = new Uint8Array(16)
  if (bytes.length === 4) whole.set([...v4Prefix, ...bytes])
  else whole.set(bytes.subarray(0, 8))
  return hintKey(service, hintKind.ue_ip, whole)
}

const textOf = ({ service, kind, bytes }: HintKey): string => `${service} ${kind} ${Buffer.from(bytes).toString('hex')}`

/** What hints will be once those of the batch so far have been written. */
interface Planned {
  readonly key: HintKey
  readonly before: WrittenHint | null
  now: WrittenHint | null
}

export class SessionHints implements HintControl {
  readonly #options: SessionHintsOptions
  readonly #counter = new HintCounter()

  constructor(options: SessionHintsOptions) {
    this.#options = options
  }

  counts(): HintCounts {
    return this.#counter.read()
  }

  forget(service: string): void {
    const placed = this.#placed(service)
    if (placed !== undefined)
      this.#options.hints.removeOf(placed.id, [hintKind.teid, hintKind.teid_back, hintKind.ue_ip])
  }

  apply(changes: readonly HintChange[]): void {
    try {
      this.#apply(changes)
    } catch (error) {
      if (error instanceof HintError) this.#counter.refused(error.reason)
      throw error
    }
    this.#counter.done(changes)
  }

  #apply(changes: readonly HintChange[]): void {
    const services = new Map<string, Placed | undefined>()
    const plan = new Map<string, Planned>()
    for (const [index, change] of changes.entries()) {
      if (!services.has(change.service)) services.set(change.service, this.#placed(change.service))
      this.#plan(plan, change, services.get(change.service), index)
    }
    this.#write([...plan.values()], changes.length - 1)
  }

  #placed(name: string): Placed | undefined {
    return [...this.#options.placed().values()].find(({ service }) => service?.name === name)
  }

  #plan(plan: Map<string, Planned>, change: HintChange, placed: Placed | undefined, index: number): void {
    const { action, endpoint, graceMs, identifier, key: bytes } = change
    const refusal = wrongWith(change, placed?.service ?? undefined)
    const session = `${change.kind} ${Buffer.from(bytes).toString('hex')}`
    if (refusal !== null || placed === undefined)
      throw new HintError(refusal ?? 'no such service', index, `${change.service}, ${session} on ${endpoint}`)
    const id = endpointId(placed, endpoint)
    const isUser = change.kind === 'ue-ip'
    const planned = this.#planned(plan, isUser ? userKey(placed.id, bytes) : hintKey(placed.id, hintKind.teid, bytes))
    const { now } = planned
    if (action === 'remove') {
      if (now === null || now.expires !== 0 || !this.#isOn(now, endpoint)) return
      planned.now = this.#leaving(now, graceMs)
      this.#planBack(plan, placed.id, now, (back) => this.#leaving(back, graceMs))
      return
    }
    if (id === null) throw new HintError('no such endpoint', index, `${endpoint} is none of service ${change.service}`)
    if (now !== null && now.expires === 0 && now.endpoint !== id && change.takesOver !== true)
      throw new HintError('conflict', index, `${session} of service ${change.service} is on another endpoint`)
    if (now !== null) this.#planBack(plan, placed.id, now, () => null)
    const written = { endpoint: id, expires: 0, identifier: identifier ?? 0 }
    planned.now = { ...written, flags: identifier === null ? 0 : hintFlags.rewrite }
    if (identifier === null) return
    const original = Buffer.from(bytes).readUInt32BE(0)
    this.#planned(plan, teidBackKey(placed.id, id, identifier)).now = { ...written, identifier: original, flags: 0 }
  }

  #isOn({ endpoint }: WrittenHint, address: string): boolean {
    return Buffer.compare(this.#options.addressOf(endpoint), addressBytes(address)) === 0
  }

  /** Null: at once. */
  #leaving(hint: WrittenHint, graceMs: number): WrittenHint | null {
    return graceMs <= 0 ? null : { ...hint, expires: this.#options.hints.expiry(graceMs) }
  }

  #planBack(
    plan: Map<string, Planned>,
    service: number,
    hint: WrittenHint,
    change: (back: WrittenHint) => WrittenHint | null,
  ): void {
    if ((hint.flags & hintFlags.rewrite) === 0) return
    const back = this.#planned(plan, teidBackKey(service, hint.endpoint, hint.identifier))
    if (back.now !== null) back.now = change(back.now)
  }

  #planned(plan: Map<string, Planned>, key: HintKey): Planned {
    const name = textOf(key)
    const known = plan.get(name)
    if (known !== undefined) return known
    const found = this.#options.hints.find(key)
    const planned = { key, before: found, now: found }
    plan.set(name, planned)
    return planned
  }

  /** What goes makes room for what comes. Where there is not enough, all is as it was. */
  #write(plan: readonly Planned[], last: number): void {
    const { hints } = this.#options
    const changed = plan.filter(({ before, now }) => before !== now)
    try {
      hints.removeAll(changed.flatMap(({ key, now }) => (now === null ? [key] : [])))
      hints.writeAll(changed.flatMap(({ key, now }) => (now === null ? [] : [{ key, hint: now }])))
    } catch (error) {
      hints.removeAll(changed.flatMap(({ before, key }) => (before === null ? [key] : [])))
      hints.writeAll(changed.flatMap(({ before, key }) => (before === null ? [] : [{ key, hint: before }])))
      if (!(error instanceof ResourceError)) throw error
      throw new HintError('no room', Math.max(0, last), error.message)
    }
  }
}

/** By address: whatever its port. */
function endpointId({ endpoints, service }: Placed, address: string): number | null {
  const found = service?.endpoints.find((endpoint) => endpoint.address === address)
  return found === undefined ? null : (endpoints.get(endpointKey(found)) ?? null)
}
