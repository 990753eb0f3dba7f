// Changes of hints as signalling asks for them, made in the kernel before the call returns: first all of a batch is
// looked at, then all of it is written. A hint whose endpoint knows the tunnel by another TEID has a second one, which
// says what that TEID was on the way in.

import { ResourceError, sumOf } from '../lb/datapath.ts'
import { HintCounter, HintError, wrongWith } from '../lb/hints.ts'
import { HintPlan, hintName } from './hint-plan.ts'
import { hintKey, uncounted } from './hints.ts'
import { hintFlags, hintKind, limits } from './layout.gen.ts'
import { endpointKey } from '../lb/model.ts'
import { userRouteKey } from './user-routes.ts'
import { addressBytes } from '../wire/ip.ts'
import type { Traffic } from '../lb/datapath.ts'
import type { HintControl, HintChange, HintCounts, SessionKey } from '../lb/hints.ts'
import type { Placed } from './prepare.ts'
import type { Hints, WrittenHint } from './hints.ts'
import type { Hint, HintKey } from './layout.gen.ts'
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

/** Of a user: its address, of IPv6 the first half. Other prefixes are routes. */
const userKey = (service: number, bytes: Uint8Array, bits = bytes.length === 4 ? 32 : 64): HintKey => {
  const whole = new Uint8Array(16)
  whole.set(bytes.length === 4 ? [...v4Prefix, ...bytes] : bytes)
  if (bits !== (bytes.length === 4 ? 32 : 64))
    return userRouteKey(service, whole, bytes.length === 4 ? 96 + bits : bits)
  if (bytes.length === 16) whole.fill(0, 8)
  return hintKey(service, hintKind.ue_ip, whole)
}

/** Those that are a session's. */
const kinds = [hintKind.teid, hintKind.teid_back, hintKind.ue_ip, hintKind.ue_route]

const number32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** What has counted and is gone is kept of so many sessions at most; what is beyond begins anew. */
const mostKept = limits.hints

/** One change, with what it is about. */
interface Step {
  readonly change: HintChange
  readonly index: number
  readonly placed: Placed
  readonly key: HintKey
}

export class SessionHints implements HintControl {
  readonly #options: SessionHintsOptions
  readonly #counter = new HintCounter()
  /** what hints had counted that have gone though their sessions have not, by name */
  readonly #kept = new Map<string, Traffic>()

  constructor(options: SessionHintsOptions) {
    this.#options = options
  }

  counts(): HintCounts {
    return this.#counter.read()
  }

  forget(service: string): void {
    const placed = this.#placed(service)
    if (placed === undefined) return
    this.#options.hints.removeOf(placed.id, kinds)
    for (const name of this.#kept.keys()) if (name.startsWith(`${placed.id} `)) this.#kept.delete(name)
  }

  keepOnly(service: string, keys: Iterable<SessionKey>): void {
    const placed = this.#placed(service)
    if (placed === undefined) return
    const names = new Set<string>()
    for (const key of keys) names.add(hintName(keyOf(placed, key)))
    this.#options.hints.removeOf(placed.id, kinds, (key, { expires, identifier }) => {
      if (expires !== 0) return true
      // One back is of the tunnel that it names.
      const its = key.kind === hintKind.teid_back ? hintKey(placed.id, hintKind.teid, number32(identifier)) : key
      return names.has(hintName(its))
    })
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

  traffic(keys: readonly SessionKey[]): readonly (Traffic | null)[] {
    return this.#look(keys, (key, hint) => {
      const kept = this.#kept.get(hintName(key)) ?? null
      if (hint === null) return kept
      return sumOf(kept === null ? [hint] : [kept, hint])
    })
  }

  idleMs(keys: readonly SessionKey[]): readonly (number | null)[] {
    const { hints } = this.#options
    const now = hints.now()
    // 0: no packet has met it.
    return this.#look(keys, (_, hint) => (hint === null || hint.seen === 0 ? null : hints.elapsedMs(hint.seen, now)))
  }

  /** All are looked up together. Null: the key's service is not there. */
  #look<Found>(
    keys: readonly SessionKey[],
    see: (key: HintKey, hint: Hint | null) => Found | null,
  ): readonly (Found | null)[] {
    const placedOf = this.#byName()
    const wanted = keys.map((one) => {
      const placed = placedOf(one.service)
      return placed === undefined ? null : keyOf(placed, one)
    })
    const found = this.#options.hints.findAll(wanted.filter((key) => key !== null))
    let at = 0
    return wanted.map((key) => (key === null ? null : see(key, found[at++] ?? null)))
  }

  #apply(changes: readonly HintChange[]): void {
    const { hints } = this.#options
    const { refusal, steps } = this.#steps(changes)
    const plan = new HintPlan(hints, this.#kept)
    const found = plan.read(steps.map(({ key }) => key))
    const idOf = endpointIds()
    plan.read(steps.flatMap((step, index) => backKeys(step, found[index] ?? null, idOf)))
    let now: number | null = null
    const expiry = (graceMs: number): number => hints.expiry(graceMs, (now ??= hints.now()))
    for (const step of steps) this.#plan(plan, step, idOf, expiry)
    if (refusal !== null) throw refusal
    this.#write(plan, changes.length - 1)
  }

  /** As far as the first one that is refused whatever hints there are. */
  #steps(changes: readonly HintChange[]): { readonly steps: readonly Step[]; readonly refusal: HintError | null } {
    const steps: Step[] = []
    const placedOf = this.#byName()
    for (const [index, change] of changes.entries()) {
      const placed = placedOf(change.service)
      const reason = wrongWith(change, placed?.service ?? undefined)
      if (reason !== null || placed === undefined) {
        const what = `${change.service}, ${sessionText(change)} on ${change.endpoint}`
        return { steps, refusal: new HintError(reason ?? 'no such service', index, what) }
      }
      steps.push({ change, index, placed, key: keyOf(placed, change) })
    }
    return { steps, refusal: null }
  }

  #placed(name: string): Placed | undefined {
    return [...this.#options.placed().values()].find(({ service }) => service?.name === name)
  }

  /** Each is looked for once. */
  #byName(): (name: string) => Placed | undefined {
    const known = new Map<string, Placed | undefined>()
    return (name) => {
      if (!known.has(name)) known.set(name, this.#placed(name))
      return known.get(name)
    }
  }

  #plan(plan: HintPlan, step: Step, idOf: ReturnType<typeof endpointIds>, expiry: (graceMs: number) => number): void {
    const { change, index, key, placed } = step
    const { action, endpoint, graceMs, identifier, key: bytes } = change
    const id = idOf(placed, endpoint)
    const planned = plan.at(key)
    const { now } = planned
    if (action === 'remove') {
      if (change.keepsCounts !== true) planned.kept = null
      if (now === null || now.expires !== 0 || !this.#isOn(now, endpoint)) return
      const leave = (hint: WrittenHint): WrittenHint | null =>
        graceMs <= 0 ? null : { ...hint, ...uncounted, expires: expiry(graceMs) }
      planned.now = leave(now)
      if (planned.now === null && change.keepsCounts !== true) planned.counts = false
      changeBack(plan, placed.id, now, leave)
      return
    }
    if (id === null) throw new HintError('no such endpoint', index, `${endpoint} is none of service ${change.service}`)
    if (now !== null && now.expires === 0 && now.endpoint !== id && change.takesOver !== true)
      throw new HintError(
        'conflict',
        index,
        `${sessionText(change)} of service ${change.service} is on another endpoint`,
      )
    if (now !== null && planned.kept === null && isAsWanted(plan, step, now, id)) return
    if (now !== null) changeBack(plan, placed.id, now, () => null)
    // What leaves is another session's.
    if (now !== null && now.expires !== 0) planned.counts = false
    const written = { ...uncounted, endpoint: id, expires: 0, identifier: identifier ?? 0, flags: 0 }
    const flags = identifier === null ? 0 : hintFlags.rewrite
    planned.now = { ...written, ...planned.kept, flags }
    planned.kept = null
    if (identifier === null) return
    const original = teidIn(bytes)
    const back = plan.at(teidBackKey(placed.id, id, identifier))
    back.now = { ...written, identifier: original }
  }

  #isOn({ endpoint }: WrittenHint, address: string): boolean {
    return Buffer.compare(this.#options.addressOf(endpoint), addressBytes(address)) === 0
  }

  #write(plan: HintPlan, last: number): void {
    try {
      plan.write()
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error
      throw new HintError('no room', Math.max(0, last), error.message)
    }
    for (const [name, kept] of plan.keeps())
      if (kept === null) this.#kept.delete(name)
      else if (this.#kept.size < mostKept) this.#kept.set(name, kept)
  }
}

const sessionText = ({ key, kind }: SessionKey): string => `${kind} ${Buffer.from(key).toString('hex')}`

const keyOf = ({ id }: Placed, { key, kind, prefixBits }: SessionKey): HintKey =>
  kind === 'ue-ip' ? userKey(id, key, prefixBits) : hintKey(id, hintKind.teid, key)

/** Of the hint that a change finds, and of the one that it makes. */
function backKeys(
  { change: { action, endpoint, identifier }, placed }: Step,
  found: Hint | null,
  idOf: ReturnType<typeof endpointIds>,
): readonly HintKey[] {
  const keys: HintKey[] = []
  if (found !== null && (found.flags & hintFlags.rewrite) !== 0)
    keys.push(teidBackKey(placed.id, found.endpoint, found.identifier))
  const id = action === 'install' && identifier !== null ? idOf(placed, endpoint) : null
  if (id !== null && identifier !== null) keys.push(teidBackKey(placed.id, id, identifier))
  return keys
}

function changeBack(
  plan: HintPlan,
  service: number,
  hint: WrittenHint,
  change: (back: WrittenHint) => WrittenHint | null,
): void {
  if ((hint.flags & hintFlags.rewrite) === 0) return
  const back = plan.at(teidBackKey(service, hint.endpoint, hint.identifier))
  if (back.now !== null) back.now = change(back.now)
}

/** Nothing is to be written, as after a restart: what has been counted meanwhile stays as it is. */
function isAsWanted(plan: HintPlan, { change, placed }: Step, now: WrittenHint, id: number): boolean {
  const { identifier, key } = change
  const rewrites = (now.flags & hintFlags.rewrite) !== 0
  if (now.expires !== 0 || now.endpoint !== id || rewrites !== (identifier !== null)) return false
  if (identifier === null) return true
  const back = plan.at(teidBackKey(placed.id, id, identifier)).now
  return now.identifier === identifier && back?.expires === 0 && back.identifier === teidIn(key)
}

const teidIn = (key: Uint8Array): number => new DataView(key.buffer, key.byteOffset).getUint32(0)

/** By address, whatever the port; each is looked for once. Null: the service has none. */
function endpointIds(): (placed: Placed, address: string) => number | null {
  const known = new Map<Placed, Map<string, number | null>>()
  return (placed, address) => {
    const ids = known.get(placed) ?? new Map<string, number | null>()
    known.set(placed, ids)
    let id = ids.get(address)
    if (id !== undefined) return id
    const found = placed.service?.endpoints.find((endpoint) => endpoint.address === address)
    id = found === undefined ? null : (placed.endpoints.get(endpointKey(found)) ?? null)
    ids.set(address, id)
    return id
  }
}
