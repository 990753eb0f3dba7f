// Connections that another one has announced: an FTP server says at which port it waits for the data connection, and
// the fast path must let exactly that client through, to exactly that port.
//
// Each is a service of its own for a moment: found by the address and port that the first packet will have, with a hint
// for the one client that may use it, and one endpoint. What others send there is not for it and goes where it would go
// without it. When the flow has been made, or after its time, service and hint go; the endpoint stays while it has
// flows.

import { isNativeError, native } from '../../native/load.ts'
import { ResourceError } from '../lb/datapath.ts'
import { keyTag } from '../lb/selection/flow-hash.ts'
import { hintKey } from './hints.ts'
import {
  flowAction,
  hintKind,
  readService,
  serviceKeySize,
  serviceMiss,
  serviceSelect,
  serviceSize,
  writeService,
  writeServiceKey,
} from './layout.gen.ts'
import type { Endpoints, PreparedEndpoint } from './endpoints.ts'
import type { Hints } from './hints.ts'
import type { PortBlocks } from './ports.ts'

export interface Expectation {
  /** number of the service that the announcing connection is of */
  readonly service: number
  /** IP protocol number */
  readonly protocol: number
  /** where its first packet goes: 16 bytes, and a port that was reserved unless it is nobody's choice here */
  readonly address: Uint8Array
  readonly port: number
  /** who may send it */
  readonly from: Uint8Array
  /** where it is led */
  readonly to: { readonly address: Uint8Array; readonly port: number }
  /** what it has as its source there; null: its own */
  readonly source: Uint8Array | null
  readonly lifetimeMs: number
  /** what has announced it: its next announcement takes the place of this one */
  readonly owner: string
}

/** A port at an address of ours that can be announced. */
export interface PortRequest {
  readonly protocol: number
  readonly address: Uint8Array
  /** the one to try first */
  readonly wanted: number
}

/** What an expectation is made of; Services has it. */
export interface ExpectationRoom {
  readonly endpoints: Pick<Endpoints, 'activeFlows' | 'allocate' | 'giveBack' | 'retire' | 'write'>
  readonly hints: Pick<Hints, 'install' | 'remove'>
  readonly ports: Pick<PortBlocks, 'acquire' | 'release'>
  /** The number of a service that is shown as `parent`; null: all are in use. */
  lend(parent: number): number | null
  /** Free once no flow and no endpoint names it. */
  giveBack(id: number): void
}

export interface ExpectationsOptions {
  /** map services */
  readonly fd: number
  readonly room: ExpectationRoom
  /** expectations and their connections at a time */
  readonly limit: number
  /** milliseconds that never go back */
  readonly now: () => number
  /** a number below `count` */
  readonly random: (count: number) => number
}

interface Placed {
  readonly name: string
  readonly key: Uint8Array
  readonly service: number
  readonly endpoint: number
  readonly client: Uint8Array
  readonly owner: string
  /** when it is not waited for any more; later: since when it is not */
  until: number
}

/** Ports that are given out when the wanted one is not free; those below are other servers'. */
const firstPort = 10_000
const lastPort = 65_535
/** Ports tried besides the wanted one. */
const portTries = 16
/** A port that was reserved and never used is free again. */
const reservationMs = 5000

/** A packet may still be on its way through the fast path. */
const graceMs = 1000

const onlyNew = 1

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export class Expectations {
  readonly #options: ExpectationsOptions
  /** by the key of their service */
  readonly #waiting = new Map<string, Placed>()
  readonly #owners = new Map<string, Placed>()
  /** not let in any more: their endpoints may have flows */
  readonly #used = new Set<Placed>()
  /** key of the service to be -> until when */
  readonly #reserved = new Map<string, number>()

  constructor(options: ExpectationsOptions) {
    this.#options = options
  }

  /** Expectations, and endpoints of those that have come true. */
  get size(): number {
    return this.#waiting.size + this.#used.size + this.#reserved.size
  }

  /** Null: there is no room for another one, or no port. Free again if no expectation comes soon. */
  reserve({ address, protocol, wanted }: PortRequest): number | null {
    const { limit, now, random } = this.#options
    if (this.size >= limit) return null
    for (let tries = 0; tries <= portTries; tries++) {
      const port = tries === 0 ? wanted : firstPort + random(lastPort - firstPort + 1)
      const key = keyOf(address, port, protocol)
      if (this.#waiting.has(hex(key)) || this.#reserved.has(hex(key)) || this.#serviceId(key) !== null) continue
      this.#reserved.set(hex(key), now() + reservationMs)
      return port
    }
    return null
  }

  /** Lets it in; one for the same place and client begins its time anew. Returns why not, in few words. */
  expect(expectation: Expectation): string | null {
    const key = keyOf(expectation.address, expectation.port, expectation.protocol)
    const name = hex(key)
    const known = this.#waiting.get(name)
    if (known) {
      // Whoever announces the same place again for another client has to wait until the first one has come.
      if (hex(known.client) !== hex(expectation.from)) return 'taken'
      this.#withdraw(known)
    }
    const before = this.#owners.get(expectation.owner)
    if (before) this.#withdraw(before)
    this.#reserved.delete(name)
    if (this.size >= this.#options.limit) return 'full'
    if (this.#serviceId(key) !== null) return 'taken'
    return this.#place(name, key, expectation)
  }

  /** What has come, or was waited for too long; to be called a few times a second. */
  step(): void {
    const { now, room } = this.#options
    const nowMs = now()
    for (const [name, until] of this.#reserved) if (until <= nowMs) this.#reserved.delete(name)
    for (const placed of this.#waiting.values())
      if (placed.until <= nowMs || room.endpoints.activeFlows(placed.endpoint) > 0) this.#withdraw(placed)
    for (const placed of this.#used)
      if (nowMs - placed.until >= graceMs && room.endpoints.activeFlows(placed.endpoint) <= 0) this.#release(placed)
  }

  #place(name: string, key: Uint8Array, expectation: Expectation): string | null {
    const { fd, now, room } = this.#options
    const service = room.lend(expectation.service)
    if (service === null) return 'no service number'
    const endpoint = room.endpoints.allocate()
    if (endpoint === 0) {
      room.giveBack(service)
      return 'no endpoint number'
    }
    const prepared = this.#prepare(service, expectation)
    if (prepared === null) {
      room.endpoints.giveBack(endpoint)
      room.giveBack(service)
      return 'no source ports'
    }
    room.endpoints.write(endpoint, prepared)
    const { from, lifetimeMs, owner } = expectation
    const placed = { name, key, service, endpoint, owner, client: from.slice(), until: now() + lifetimeMs }
    try {
      room.hints.install(clientHint(placed), { endpoint, identifier: 0, flags: 0, lifetimeMs })
      native.mapUpdate(fd, key, serviceEntry(key, service), onlyNew)
    } catch (error) {
      this.#withdraw(placed)
      if (error instanceof ResourceError || (isNativeError(error) && error.code !== 'EINVAL')) return 'map full'
      throw error
    }
    this.#waiting.set(name, placed)
    this.#owners.set(owner, placed)
    return null
  }

  /** All connections that get a source address of ours share its ports: so no two of them can look alike anywhere. */
  #prepare(service: number, { protocol, source, to }: Expectation): PreparedEndpoint | null {
    const portKey = source === null ? null : `expected ${hex(source)} ${protocol}`
    const portBlock = portKey === null ? 0 : this.#options.room.ports.acquire(portKey)
    if (portKey !== null && portBlock === 0) return null
    return {
      entry: {
        service,
        address: to.address,
        port: to.port,
        isAsAddressed: false,
        sources: source === null ? [] : [source],
        action: flowAction.nat,
        weight: 1,
        accepts: true,
        blocked: false,
        protocol: String(protocol),
      },
      held: portKey === null ? null : { portKey, portBlock, pool: 0 },
    }
  }

  /** No new flow from now on. */
  #withdraw(placed: Placed): void {
    const { fd, now, room } = this.#options
    // The configuration may have put a service of its own there.
    if (this.#serviceId(placed.key) === placed.service) native.mapDelete(fd, placed.key)
    room.hints.remove(clientHint(placed))
    this.#waiting.delete(placed.name)
    if (this.#owners.get(placed.owner) === placed) this.#owners.delete(placed.owner)
    placed.until = now()
    this.#used.add(placed)
  }

  #release(placed: Placed): void {
    const { now, room } = this.#options
    this.#used.delete(placed)
    room.endpoints.retire(placed.endpoint, now())
    room.giveBack(placed.service)
  }

  /** The service that has this key now. */
  #serviceId(key: Uint8Array): number | null {
    const value = new Uint8Array(serviceSize)
    return native.mapLookup(this.#options.fd, key, value) ? readService(new DataView(value.buffer), 0).id : null
  }
}

const keyOf = (address: Uint8Array, port: number, protocol: number): Uint8Array => {
  const bytes = new Uint8Array(serviceKeySize)
  writeServiceKey(new DataView(bytes.buffer), 0, { address, port, zone: 0, protocol })
  return bytes
}

const clientHint = ({ client, service }: Placed): ReturnType<typeof hintKey> =>
  hintKey(service, hintKind.client, client)

const serviceEntry = (key: Uint8Array, id: number): Uint8Array => {
  const bytes = new Uint8Array(serviceSize)
  writeService(new DataView(bytes.buffer), 0, {
    tag: keyTag(key),
    id,
    select: serviceSelect.hint,
    flags: 0,
    miss: serviceMiss.pass,
    hint: hintKind.client,
    seed: 0,
    firstPage: 0,
    slotCount: 0,
    memberBase: 0,
    memberCount: 0,
    affinityTicks: 0,
    embryonicLimit: 0,
    quicOffset: 0,
    quicLength: 0,
    userRoutes: 0,
  })
  return bytes
}
