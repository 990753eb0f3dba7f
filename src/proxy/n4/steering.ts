// Where tunnels and addresses of UEs lead: the other side of the fast path's hints. A TEID at the VIP leads to one
// tunnel of one UPF. It is the UPF's own unless another UPF's tunnel has it already.

import { isDeepStrictEqual } from 'node:util'
import { userPlaneOf } from './peers.ts'
import { hintOf, routeHintOf } from './steering-hints.ts'
import type { UserSession } from '../../lb/user-sessions.ts'
import type { Breakout } from './breakouts.ts'
import type { BreakoutChange, HintChange, VirtualAddresses } from './model.ts'
import type { UpfPeer } from './peers.ts'
import type { Leaving } from './steering-hints.ts'
import type { Located, UeRange } from './values.ts'

export interface Tunnel {
  /** at the VIP */
  readonly teid: number
  /** the session whose it is */
  readonly owner: object
  upf: UpfPeer
  upfTeid: number
  addresses: VirtualAddresses
  /** Its packets are for the user (N9), not from it (N3). */
  fromCore: boolean
  /** rules that have it */
  holders: number
  /** The fast path has its hint. */
  active: boolean
}

export interface UeRoute {
  readonly range: UeRange
  upf: UpfPeer
  holders: number
  active: boolean
}

interface SteeringOptions {
  readonly random: () => number
  readonly graceMs: number
  readonly hint: (change: HintChange) => void
  readonly breakout: (change: BreakoutChange) => void
  readonly count: (name: string) => void
}

/** Attempts to find a TEID that is free; with a million tunnels each one fails once in four thousand times. */
const mostAttempts = 32
const teidSpace = 2 ** 32
/** Nobody's. */
const noTeid = 0

export class Steering {
  readonly #tunnels = new Map<number, Tunnel>()
  /** by index of the UPF and its own TEID */
  readonly #own = new Map<number, Tunnel>()
  readonly #routes = new Map<string, UeRoute>()
  /** TEIDs whose hints still lead somewhere for the sake of end markers, the oldest first */
  readonly #resting = new Map<number, { readonly upf: UpfPeer; readonly untilMs: number }>()
  /** whose traffic leaves its tunnel in the fast path, by each address of the user */
  readonly #breakouts = new Map<string, Breakout>()
  readonly #options: SteeringOptions

  constructor(options: SteeringOptions) {
    this.#options = options
  }

  get tunnels(): number {
    return this.#tunnels.size
  }

  get routes(): number {
    return this.#routes.size
  }

  /** A tunnel that the control plane has named; held once more, not active yet. null: another session has it. */
  reserve({ identifier, ipv4, ipv6 }: Located, upf: UpfPeer, owner: object): Tunnel | null {
    const known = this.#tunnels.get(identifier)
    if (known?.owner === owner) {
      known.holders++
      return known
    }
    if (!this.#isFree(identifier, upf)) {
      this.#options.count('tunnel-conflict')
      return null
    }
    const addresses = {
      ipv4: ipv4 === null ? null : userPlaneOf(upf, false),
      ipv6: ipv6 === null ? null : userPlaneOf(upf, true),
    }
    return this.#add(identifier, upf, identifier, addresses, owner)
  }

  /** A tunnel that a UPF has chosen; held once more. null: it is not behind the VIP, or no TEID is free. */
  learn({ identifier, ipv4, ipv6 }: Located, upf: UpfPeer, owner: object): Tunnel | null {
    const { userPlane } = upf.config
    const isOurs = [ipv4, ipv6].some(
      (address) => address !== null && (userPlane.length === 0 || userPlane.includes(address)),
    )
    if (!isOurs) {
      this.#options.count('tunnel-elsewhere')
      return null
    }
    const known = this.#own.get(ownKey(upf, identifier))
    if (known !== undefined) {
      if (known.owner !== owner) this.#options.count('tunnel-shared')
      known.holders++
      return known
    }
    const teid = this.#isFree(identifier, upf) ? identifier : this.#freeTeid()
    if (teid !== identifier) this.#options.count(teid === null ? 'tunnel-exhausted' : 'tunnel-renumbered')
    return teid === null ? null : this.#add(teid, upf, identifier, { ipv4, ipv6 }, owner)
  }

  /** The tunnel has moved to another UPF, which calls it by a TEID of its own. */
  move(tunnel: Tunnel, upf: UpfPeer, upfTeid: number, addresses: VirtualAddresses): void {
    if (tunnel.upf === upf && tunnel.upfTeid === upfTeid) return
    this.#place(tunnel, upf, upfTeid, addresses)
    tunnel.active = false
    this.activate(tunnel)
  }

  #place(tunnel: Tunnel, upf: UpfPeer, upfTeid: number, addresses: VirtualAddresses): void {
    const before = ownKey(tunnel.upf, tunnel.upfTeid)
    if (this.#own.get(before) === tunnel) this.#own.delete(before)
    lead(tunnel, upf)
    tunnel.upfTeid = upfTeid
    tunnel.addresses = addresses
    this.#own.set(ownKey(upf, upfTeid), tunnel)
  }

  /** Its session has moved to a UPF that knows nothing of it: nothing leads to the one that had it. */
  strand(tunnel: Tunnel, upf: UpfPeer): void {
    this.silence(tunnel)
    this.#place(tunnel, upf, noTeid, { ipv4: null, ipv6: null })
  }

  /**
   * A tunnel that an engine before this one had; held once more. What several sessions say of it is what the last one
   * says. The fast path is not told.
   */
  takeBack(kept: Omit<Tunnel, 'holders' | 'owner'>, owner: object): Tunnel {
    const { active, addresses, fromCore, teid, upf, upfTeid } = kept
    const known = this.#tunnels.get(teid)
    if (known !== undefined) this.#place(known, upf, upfTeid, addresses)
    const tunnel = known ?? this.#add(teid, upf, upfTeid, addresses, owner)
    if (known !== undefined) known.holders++
    tunnel.active = active
    tunnel.fromCore = fromCore
    return tunnel
  }

  activate(tunnel: Tunnel): void {
    if (tunnel.active) return
    tunnel.active = true
    this.#resting.delete(tunnel.teid)
    this.#tell('install', tunnel)
  }

  /** Of the tunnels at these addresses the fast path is told once more. */
  tellAgain(addresses: ReadonlySet<string>): void {
    for (const tunnel of this.#tunnels.values()) {
      const { ipv4, ipv6 } = tunnel.addresses
      const isMeant = [ipv4, ipv6].some((address) => address !== null && addresses.has(address))
      if (tunnel.active && isMeant) this.#tell('install', tunnel)
    }
  }

  /** The same of all addresses of users. */
  tellUsersAgain(): void {
    for (const route of this.#routes.values()) if (route.active) this.#tellRoute('install', route)
  }

  /** What the fast path has been told, and is still to know. */
  *installed(): Generator<HintChange> {
    for (const tunnel of this.#tunnels.values()) {
      const hint = tunnel.active ? hintOf('install', tunnel, {}) : null
      if (hint !== null) yield hint
    }
    for (const route of this.#routes.values()) if (route.active) yield routeHintOf('install', route, {})
  }

  release(tunnel: Tunnel, nowMs: number): void {
    if (--tunnel.holders > 0) return
    this.#tunnels.delete(tunnel.teid)
    tunnel.upf.leading--
    const own = ownKey(tunnel.upf, tunnel.upfTeid)
    if (this.#own.get(own) === tunnel) this.#own.delete(own)
    // Also of one that is silent: nothing of its session is kept any more.
    if (!tunnel.active) return this.#tell('remove', tunnel)
    const { graceMs } = this.#options
    if (graceMs > 0) this.#resting.set(tunnel.teid, { upf: tunnel.upf, untilMs: nowMs + graceMs })
    this.#tell('remove', tunnel, { graceMs })
    return undefined
  }

  /** Its UPF has gone: packets are better dropped by name than sent there. It stays reserved. */
  silence(tunnel: Tunnel): void {
    if (!tunnel.active) return
    tunnel.active = false
    this.#tell('remove', tunnel, { keepsCounts: true })
  }

  /** null: another UPF has it. */
  hold(range: UeRange, upf: UpfPeer): UeRoute | null {
    const known = this.#routes.get(range.text)
    if (known === undefined) return this.#addRoute(range, upf)
    if (known.upf !== upf) {
      this.#options.count('ue-address-conflict')
      return null
    }
    known.holders++
    return known
  }

  /** The UPF that has an address already. */
  upfOf(range: UeRange): UpfPeer | null {
    return this.#routes.get(range.text)?.upf ?? null
  }

  takeBackRoute(range: UeRange, upf: UpfPeer, active: boolean): UeRoute {
    const known = this.#routes.get(range.text)
    const route = known ?? this.#addRoute(range, upf)
    if (known !== undefined) known.holders++
    lead(route, upf)
    route.active = active
    return route
  }

  activateRoute(route: UeRoute): void {
    if (route.active) return
    route.active = true
    this.#tellRoute('install', route)
  }

  moveRoute(route: UeRoute, upf: UpfPeer): void {
    if (route.upf === upf && route.active) return
    lead(route, upf)
    route.active = true
    this.#tellRoute('install', route)
  }

  releaseRoute(route: UeRoute): void {
    if (--route.holders > 0) return
    this.#routes.delete(route.range.text)
    route.upf.leading--
    this.#tellRoute('remove', route)
  }

  silenceRoute(route: UeRoute): void {
    if (!route.active) return
    route.active = false
    this.#tellRoute('remove', route, { keepsCounts: true })
  }

  /** Null: nothing of it leaves its tunnel any more. A user has one, whatever number of sessions know the address. */
  breakOut(breakout: Breakout, wanted: UserSession | null): void {
    const { installed } = breakout
    if (isDeepStrictEqual(installed, wanted)) return
    if (wanted?.ueAddresses.some((address) => (this.#breakouts.get(address) ?? breakout) !== breakout) === true) {
      this.#options.count('local: user has another session')
      return this.breakOut(breakout, null)
    }
    const [known] = installed?.ueAddresses ?? []
    for (const address of installed?.ueAddresses ?? []) this.#breakouts.delete(address)
    // What is installed takes the place of what one of its addresses has.
    if (known !== undefined && wanted?.ueAddresses.includes(known) !== true)
      this.#options.breakout({ action: 'remove', ueAddress: known })
    if (wanted !== null) {
      for (const address of wanted.ueAddresses) this.#breakouts.set(address, breakout)
      this.#options.breakout({ action: 'install', session: wanted })
    }
    breakout.installed = wanted
  }

  expire(nowMs: number): void {
    for (const [teid, { untilMs }] of this.#resting) {
      if (untilMs > nowMs) return
      this.#resting.delete(teid)
    }
  }

  /** TEID 0 is nobody's. One that rests may be taken by its UPF again, whose next tunnel it is (N3.12). */
  #isFree(teid: number, upf: UpfPeer): boolean {
    if (teid === 0 || this.#tunnels.has(teid)) return false
    const resting = this.#resting.get(teid)
    return resting === undefined || resting.upf === upf
  }

  #freeTeid(): number | null {
    for (let i = 0; i < mostAttempts; i++) {
      const teid = Math.floor(this.#options.random() * teidSpace) >>> 0
      if (teid !== 0 && !this.#tunnels.has(teid) && !this.#resting.has(teid)) return teid
    }
    return null
  }

  #add(teid: number, upf: UpfPeer, upfTeid: number, addresses: VirtualAddresses, owner: object): Tunnel {
    const tunnel = { teid, owner, upf, upfTeid, addresses, fromCore: false, holders: 1, active: false }
    this.#tunnels.set(teid, tunnel)
    this.#own.set(ownKey(upf, upfTeid), tunnel)
    upf.leading++
    return tunnel
  }

  #addRoute(range: UeRange, upf: UpfPeer): UeRoute {
    const route = { range, upf, holders: 1, active: false }
    this.#routes.set(range.text, route)
    upf.leading++
    return route
  }

  #tell(action: 'install' | 'remove', tunnel: Tunnel, leaving: Leaving = {}): void {
    const hint = hintOf(action, tunnel, leaving)
    if (hint !== null) this.#options.hint(hint)
  }

  #tellRoute(action: 'install' | 'remove', route: UeRoute, leaving: Leaving = {}): void {
    this.#options.hint(routeHintOf(action, route, leaving))
  }
}

/** The count of those that lead to each UPF follows. */
function lead(one: Tunnel | UeRoute, upf: UpfPeer): void {
  one.upf.leading--
  one.upf = upf
  upf.leading++
}

const ownKey = ({ index }: UpfPeer, teid: number): number => index * teidSpace + teid
