import test from 'ava'
import { pfcp } from '../../protocols/pfcp/index.ts'
import { startedBed, upfOf } from './test-bed.ts'
import {
  chooseOf,
  elementsOf,
  far,
  fTeidsOf,
  groupOf,
  messageOf,
  of,
  pdrIdOf,
  pdrOf,
  sessionOf,
  valueAt,
} from './test-elements.ts'
import type { PfcpElement, PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Bed, SimSmf } from './test-bed.ts'

type SimUpf = ReturnType<Bed['upf']>

const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const
const [upA, upB, upC] = addresses
const pool = [upfOf('a', upA), upfOf('b', upB), upfOf('c', upC)]
const port = 8805

function restoring(): { readonly bed: Bed; readonly smf: SimSmf } {
  const bed = startedBed(pool, { onLoss: 'restore' })
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  return { bed, smf }
}

const establish = (smf: SimSmf, count: number): readonly PfcpMessage[] =>
  Array.from({ length: count }, (_, i) => smf.establish(...sessionOf(`10.45.0.${i + 1}`)).response!)

const seidsAt = (bed: Bed, upf: string): readonly bigint[] =>
  bed.proxy.sessions(100).flatMap((session) => (session.upf === upf ? [BigInt(session.seid)] : []))

/** What the UPF answers to an establishment, with its Created PDRs changed. */
function changeCreated(upf: SimUpf, change: (inside: readonly PfcpElement[]) => readonly PfcpElement[]): void {
  const plain = upf.answer.bind(upf)
  const changed = (one: PfcpElement): PfcpElement =>
    one.type === 8 && !(one.value instanceof Uint8Array) ? groupOf(8, ...change(one.value)) : one
  upf.answer = (request) =>
    plain(request).map((response) =>
      response.type === 51
        ? messageOf(51, response.seid, response.sequence, elementsOf(response).map(changed))
        : response,
    )
}

/** Answers of the UPF to deletions with this cause, which are not sent yet. */
function heldDeletions(upf: SimUpf, value: number, most: number): PfcpMessage[] {
  const held: PfcpMessage[] = []
  const plain = upf.answer.bind(upf)
  upf.answer = (request) => {
    if (request.type !== 54) return plain(request)
    if (held.length < most) held.push(messageOf(55, 0n, request.sequence, [of(19, value)]))
    return []
  }
  return held
}

const deliver = (bed: Bed, from: string, messages: readonly PfcpMessage[]): void => {
  for (const message of messages) bed.deliver({ address: from, port }, pfcp.encode(message))
}

test('n4: a UPF that answers many requests by knowing no association is lost once, and it alone (N4.13)', (t) => {
  const { bed, smf } = restoring()
  establish(smf, 30)
  const a = bed.upf(upA)
  const held = heldDeletions(a, 72, 4)
  for (const seid of seidsAt(bed, 'a').slice(0, 4)) smf.ask(54, seid)
  t.is(held.length, 4)
  a.sessions.clear()
  deliver(bed, upA, held)
  t.deepEqual(
    bed.events.flatMap((event) => (event.kind === 'upf-down' ? [event.upf] : [])),
    ['a'],
  )
  bed.advance(300)
  t.is(bed.proxy.status().sessions, 30)
  t.deepEqual(
    bed.proxy.sessions(30).filter(({ state }) => state !== 'up'),
    [],
  )
})

test('n4: what the old UPF of a session answers too late is not about the one it has now (N4.13)', (t) => {
  for (const value of [1, 65]) {
    const { bed, smf } = restoring()
    const { seid } = smf.establish(...sessionOf('10.45.0.1'))
    const a = bed.upf(upA)
    const held = heldDeletions(a, value, 1)
    smf.ask(54, seid)
    a.recovery++
    a.sessions.clear()
    bed.fromUpf(a, messageOf(5, null, 1, a.association))
    t.is(seidsAt(bed, 'a').length, 0)
    deliver(bed, upA, held)
    t.like(bed.proxy.sessions(1)[0], { state: 'up' })
    // The request comes again, and finds the session where it is.
    t.not(smf.send(messageOf(54, seid, smf.sequence, [])), null)
    t.is(bed.proxy.status().sessions, 0)
    t.is(bed.upf(upB).sessions.size + bed.upf(upC).sessions.size, 0)
  }
})

test('n4: a session that one UPF has no room for is restored on the next one (N4.13)', (t) => {
  const { bed, smf } = restoring()
  const [response] = establish(smf, 1)
  bed.upf(upB).cause = 75
  bed.upf(upA).dead = true
  bed.advance(10_000)
  t.like(bed.proxy.sessions(1)[0], { state: 'up', upf: 'c' })
  t.is(bed.tunnel(fTeidsOf(response!)[0]!.teid)?.upf, upC)
  t.is(bed.count('restoration-elsewhere'), 1)
})

test('n4: where two UPFs die together the third one gets all sessions (N4.13)', (t) => {
  const { bed, smf } = restoring()
  establish(smf, 30)
  bed.upf(upA).dead = true
  bed.upf(upB).dead = true
  bed.advance(30_000)
  t.is(seidsAt(bed, 'c').length, 30)
  t.is(bed.count('sessions-not-restored'), 0)
  for (const [key, { upfs }] of bed.hints) t.deepEqual([key, upfs[0]], [key, upC])
})

test('n4: sessions whose users had packets last are restored first (N4.13)', (t) => {
  const idleOf = new Map<number, number>()
  const asked: number[] = []
  const bed = startedBed(pool.slice(0, 2), {
    onLoss: 'restore',
    limits: { atOnce: 1 },
    idleMs(places) {
      asked.push(places.length)
      return places.map(({ key, kind }) => (kind === 'teid' ? (idleOf.get(key[3]!) ?? null) : null))
    },
  })
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  bed.upf(upB).cause = 75
  const teids = establish(smf, 6).map((response) => fTeidsOf(response)[0]!.teid)
  bed.upf(upB).cause = 1
  bed.upf(upB).got.length = 0
  for (const [at, ms] of [null, 700, 60_000, 20, null, 300].entries()) if (ms !== null) idleOf.set(teids[at]!, ms)
  bed.upf(upA).dead = true
  bed.advance(10_000)
  const order = bed.upf(upB).got.flatMap((message) => {
    const address = message.type === 50 ? valueAt(elementsOf(message), 1, 2, 93) : null
    return address === null ? [] : [address.at(-1)]
  })
  t.deepEqual(order, [4, 6, 2, 1, 3, 5])
  t.deepEqual(asked, [12])
})

test('n4: what no UPF takes is asked of so many, and reported (N4.13)', (t) => {
  const { bed, smf } = restoring()
  establish(smf, 1)
  for (const address of [upB, upC]) bed.upf(address).cause = 75
  bed.upf(upA).dead = true
  bed.advance(10_000)
  t.deepEqual(
    addresses.map((address) => bed.upf(address).got.filter(({ type }) => type === 50).length),
    [1, 1, 1],
  )
  t.is(smf.got.filter(({ type }) => type === 56).length, 1)
  t.is(bed.proxy.status().sessions, 0)
})

test('n4: a tunnel of a restored session is learnt wherever the number of its rule stands (N4.13)', (t) => {
  const { bed, smf } = restoring()
  for (const address of addresses) changeCreated(bed.upf(address), (inside) => inside.toReversed())
  const [response] = establish(smf, 1)
  bed.upf(upA).dead = true
  bed.advance(10_000)
  t.not(bed.tunnel(fTeidsOf(response!)[0]!.teid)?.upf, upA)
  t.is(bed.count('restored-without-tunnel'), 0)
})

/** The UE IP Address that the second UPF is asked for, when the first one has chosen one and dies. */
function askedAgain(asked: readonly PfcpElement[], chosen: PfcpElement): Uint8Array | null {
  const { bed, smf } = restoring()
  changeCreated(bed.upf(upA), (inside) => [...inside, chosen])
  smf.establish(groupOf(1, pdrIdOf(1), groupOf(2, of(20, 0), chooseOf(), ...asked)), pdrOf(2, chooseOf()), far)
  bed.upf(upA).dead = true
  bed.advance(10_000)
  const request = addresses.slice(1).flatMap((address) => bed.upf(address).got.filter(({ type }) => type === 50))[0]!
  return valueAt(elementsOf(request), 1, 2, 93)
}

test('n4: a restored session keeps the address that its UPF had chosen, not a framed route (N4.13)', (t) => {
  const framed = { type: 153, value: Buffer.from('10.9.0.0/24 0.0.0.0 1') }
  t.deepEqual(askedAgain([of(93, 0x10), framed], of(93, 2, 10, 45, 0, 1)), Uint8Array.of(2, 10, 45, 0, 1))
})

test('n4: a restored session keeps the length of the prefix that its UPF had chosen (N4.13)', (t) => {
  const prefix = [0x20, 1, 0xd, 0xb8, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  t.deepEqual(askedAgain([of(93, 0x60, 56)], of(93, 0x41, ...prefix, 56)), Uint8Array.of(0x41, ...prefix, 56))
  t.deepEqual(askedAgain([of(93, 0x28, 8)], of(93, 9, ...prefix, 8)), Uint8Array.of(9, ...prefix, 8))
  t.deepEqual(askedAgain([of(93, 0x20)], of(93, 1, ...prefix)), Uint8Array.of(1, ...prefix))
})
