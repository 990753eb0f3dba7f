import { native } from '../../native/load.ts'
import { testWith } from '../testing/needs.ts'
import { addressBytes } from '../wire/ip.ts'
import { Expectations } from './expectations.ts'
import {
  hintKind,
  readService,
  serviceKeySize,
  serviceMiss,
  serviceSelect,
  serviceSize,
  writeServiceKey,
} from './layout.gen.ts'
import type { PreparedEndpoint } from './endpoints.ts'
import type { Expectation, ExpectationRoom } from './expectations.ts'
import type { Service } from './layout.gen.ts'

const hashMap = 1

/** A map of services, and what Services would give, with notes of what is in use. */
class Room {
  readonly fd = native.mapCreate({
    type: hashMap,
    name: 'expected',
    keySize: serviceKeySize,
    valueSize: serviceSize,
    maxEntries: 8,
  })
  readonly services = new Set<number>()
  readonly endpoints = new Map<number, PreparedEndpoint | null>()
  readonly retired: number[] = []
  readonly hints = new Map<string, number>()
  readonly blocks = new Map<string, number>()
  readonly flows = new Map<number, number>()
  numbers = 100
  nowMs = 0
  #last = 0

  readonly room: ExpectationRoom = {
    endpoints: {
      activeFlows: (id) => this.flows.get(id) ?? 0,
      allocate: () => {
        if (this.numbers-- <= 0) return 0
        this.endpoints.set(++this.#last, null)
        return this.#last
      },
      giveBack: (id) => void this.endpoints.delete(id),
      retire: (id) => void this.retired.push(id),
      write: (id, prepared) => void this.endpoints.set(id, prepared),
    },
    hints: {
      install: ({ bytes, service }, { endpoint }) => void this.hints.set(`${service} ${bytes.join('.')}`, endpoint),
      remove: ({ bytes, service }) => this.hints.delete(`${service} ${bytes.join('.')}`),
    },
    ports: {
      acquire: (key) => {
        this.blocks.set(key, (this.blocks.get(key) ?? 0) + 1)
        return 7
      },
      release: (key) => void this.blocks.set(key, (this.blocks.get(key) ?? 0) - 1),
    },
    lend: () => {
      this.services.add(++this.#last)
      return this.#last
    },
    giveBack: (id) => void this.services.delete(id),
  }

  open(limit = 10): Expectations {
    const { fd, room } = this
    return new Expectations({ fd, room, limit, now: () => this.nowMs, random: () => 5 })
  }

  service(text: string, port: number): Service | null {
    const value = new Uint8Array(serviceSize)
    return native.mapLookup(this.fd, this.#key(text, port), value) ? readService(new DataView(value.buffer), 0) : null
  }

  /** What the configuration does: a service of its own at this place. */
  configure(text: string, port: number): void {
    const value = new Uint8Array(serviceSize).fill(1)
    native.mapUpdate(this.fd, this.#key(text, port), value)
  }

  #key(text: string, port: number): Uint8Array {
    const key = new Uint8Array(serviceKeySize)
    writeServiceKey(new DataView(key.buffer), 0, { address: addressBytes(text), port, zone: 0, protocol: 6 })
    return key
  }
}

const vip = '198.51.100.7'
const expected = (part: Partial<Expectation> = {}): Expectation => ({
  service: 1,
  protocol: 6,
  address: addressBytes(vip),
  port: 5282,
  from: addressBytes('192.0.2.9'),
  to: { address: addressBytes('10.0.0.5'), port: 6000 },
  source: null,
  lifetimeMs: 60_000,
  owner: 'a',
  ...part,
})
const request = { protocol: 6, address: addressBytes(vip), wanted: 5282 }

testWith(['root', 'bpf'], 'expectations: one is a service for one client with one endpoint', (t) => {
  const room = new Room()
  t.is(room.open().expect(expected({ source: addressBytes(vip) })), null)
  const service = room.service(vip, 5282)!
  t.like(service, { select: serviceSelect.hint, hint: hintKind.client, miss: serviceMiss.pass, slotCount: 0 })
  const [[hint, endpoint] = ['', 0]] = room.hints
  t.is(hint, `${service.id} ${addressBytes('192.0.2.9').join('.')}`)
  t.like(room.endpoints.get(endpoint), {
    entry: { service: service.id, port: 6000, sources: [addressBytes(vip)], accepts: true },
    held: { portBlock: 7, pool: 0 },
  })
})

testWith(
  ['root', 'bpf'],
  'expectations: what has come true takes no more, and its endpoint stays while it has a flow',
  (t) => {
    const room = new Room()
    const expectations = room.open()
    expectations.expect(expected())
    const [[, endpoint] = ['', 0]] = room.hints
    expectations.step()
    t.truthy(room.service(vip, 5282))
    room.flows.set(endpoint, 1)
    expectations.step()
    t.is(room.service(vip, 5282), null)
    t.is(room.hints.size, 0)
    room.nowMs = 3_600_000
    expectations.step()
    t.deepEqual(room.retired, [])
    room.flows.set(endpoint, 0)
    expectations.step()
    t.deepEqual([room.retired, room.services.size, expectations.size], [[endpoint], 0, 0])
  },
)

testWith(['root', 'bpf'], 'expectations: what does not come is forgotten after its time', (t) => {
  const room = new Room()
  const expectations = room.open()
  expectations.expect(expected())
  room.nowMs = 59_999
  expectations.step()
  t.truthy(room.service(vip, 5282))
  room.nowMs = 60_000
  expectations.step()
  t.is(room.service(vip, 5282), null)
  // A packet may still be on its way.
  t.deepEqual(room.retired, [])
  room.nowMs = 61_000
  expectations.step()
  t.deepEqual([room.retired.length, room.services.size, expectations.size], [1, 0, 0])
})

testWith(['root', 'bpf'], 'expectations: an announcement takes the place of the one before it', (t) => {
  const room = new Room()
  const expectations = room.open()
  expectations.expect(expected())
  expectations.expect(expected({ port: 5283 }))
  t.deepEqual([room.service(vip, 5282), room.service(vip, 5283) === null], [null, false])
  expectations.expect(expected({ port: 5283 }))
  t.is(room.hints.size, 1)
  t.is(expectations.expect(expected({ port: 5284, owner: 'b' })), null)
  t.truthy(room.service(vip, 5283))
})

testWith(
  ['root', 'bpf'],
  'expectations: a place that is waited at by somebody else, or is a service, is refused',
  (t) => {
    const room = new Room()
    const expectations = room.open()
    room.configure(vip, 21)
    expectations.expect(expected())
    t.is(expectations.expect(expected({ owner: 'b', from: addressBytes('192.0.2.10') })), 'taken')
    t.is(expectations.expect(expected({ owner: 'b', port: 21 })), 'taken')
    t.is(room.service(vip, 21)?.id, 0x01010101)
  },
)

testWith(['root', 'bpf'], 'expectations: a service that the configuration puts there meanwhile stays', (t) => {
  const room = new Room()
  const expectations = room.open()
  expectations.expect(expected())
  room.configure(vip, 5282)
  room.nowMs = 60_000
  expectations.step()
  t.is(room.service(vip, 5282)?.id, 0x01010101)
})

testWith(
  ['root', 'bpf'],
  'expectations: there are not more than the limit, and what has been taken is given back',
  (t) => {
    const full = new Room()
    const expectations = full.open(1)
    t.is(expectations.expect(expected()), null)
    t.is(expectations.expect(expected({ port: 5283, owner: 'b' })), 'full')
    t.is(expectations.reserve({ ...request, wanted: 5284 }), null)

    const none = new Room()
    none.numbers = 0
    t.is(none.open().expect(expected()), 'no endpoint number')
    t.deepEqual([none.services.size, none.endpoints.size], [0, 0])
  },
)

testWith(['root', 'bpf'], 'expectations: a map without room is no failure of the daemon', (t) => {
  const room = new Room()
  const expectations = room.open(100)
  for (let port = 1; port <= 8; port++) room.configure(vip, port)
  t.is(expectations.expect(expected()), 'map full')
  room.nowMs = 2000
  expectations.step()
  t.deepEqual([room.services.size, room.hints.size, expectations.size], [0, 0, 0])
})

testWith(
  ['root', 'bpf'],
  'expectations: the wanted port is given where it is free, another one where it is not',
  (t) => {
    const room = new Room()
    const expectations = room.open()
    t.is(expectations.reserve(request), 5282)
    t.is(expectations.reserve(request), 10_005)
    t.is(expectations.reserve(request), null)
    room.configure(vip, 8080)
    t.is(expectations.reserve({ ...request, wanted: 8080 }), null)
    t.is(expectations.size, 2)
    // Those that were not used in time are free again.
    room.nowMs = 5000
    expectations.step()
    t.is(expectations.reserve(request), 5282)
  },
)
