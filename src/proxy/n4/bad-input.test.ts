// What bad input gets: the protocol's own answer, a counter that names it, and nothing becomes of other sessions.

import test from 'ava'
import { pfcp } from '../../protocols/pfcp/index.ts'
import { readyBed, upfOf } from './test-bed.ts'
import {
  causeOf,
  chooseOf,
  elementsOf,
  far,
  fSeidOf,
  fTeidOf,
  fTeidsOf,
  groupOf,
  messageOf,
  n3Vip,
  nodeIdOf,
  of,
  pdrOf,
  sessionOf,
  valueAt,
} from './test-elements.ts'
import type { ExecutionContext } from 'ava'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Bed, SimSmf } from './test-bed.ts'

const [upA, upB] = ['10.0.0.1', '10.0.0.2'] as const
const pool = [upfOf('a', upA), upfOf('b', upB)]

interface Scene {
  readonly bed: Bed
  readonly smf: SimSmf
  /** of the session on UPF a, that of the other one on UPF b */
  readonly seid: bigint
  /** What is not its business: nothing of it may change. Counters go with `counted`. */
  readonly unharmed: (t: ExecutionContext, what: string) => void
}

/** Two sessions of an SMF, which live on as they are whatever else comes. */
function scene(): Scene {
  const { bed, smf } = readyBed(pool)
  const seids = [1, 2].map((i) => smf.establish(...sessionOf(`10.45.0.${i}`)).seid)
  const state = (): unknown => ({
    sessions: bed.proxy.sessions(9).map(({ ageMs: _, ...rest }) => rest),
    hints: [...bed.hints],
    atUpfs: pool.map(({ address }) => [...bed.upf(address).sessions]),
    peers: bed.proxy.status().upfs.map((peer) => peer.state),
  })
  const before = state()
  return {
    bed,
    smf,
    seid: seids[0]!,
    unharmed(t, what) {
      t.deepEqual(state(), before, what)
      for (const seid of seids) t.is(causeOf(smf.ask(52, seid, of(0x8001, 0, 1))!), 1, what)
    },
  }
}

const place = (address: string) => ({ address, port: 8805 })
const establishmentOf = (smf: SimSmf, sequence: number, address = '10.45.0.9'): PfcpMessage =>
  messageOf(50, 0n, sequence, [nodeIdOf(smf.address), fSeidOf(9n, smf.address), ...sessionOf(address)])

test('n4: bad input: an unknown SEID gets cause 65 with SEID 0, from either side', (t) => {
  const { bed, seid, smf, unharmed } = scene()
  // Of no session, of another generation of the proxy, of another UPF's place.
  for (const unknown of [0n, seid + 99n, seid ^ (1n << 40n), seid ^ (1n << 50n)]) {
    for (const type of [52, 54]) {
      const answer = smf.ask(type, unknown)!
      t.deepEqual([answer.type, answer.seid, causeOf(answer)], [type + 1, 0n, 65])
    }
    const report = bed.fromUpf(bed.upf(upA), messageOf(56, unknown, Number(unknown & 0xffffn), [of(39, 1)]))!
    t.deepEqual([report.seid, causeOf(report)], [0n, 65])
  }
  t.is(bed.count('unknown-seid'), 12)
  t.is(bed.count('refused-65'), 12)
  unharmed(t, 'unknown SEIDs')
})

test('n4: bad input: every truncation of every request is refused by cause 68 or dropped, and counted', (t) => {
  const { bed, seid, smf, unharmed } = scene()
  const requests = [
    messageOf(5, null, 5000, [nodeIdOf(smf.address), of(96, 0, 0, 7, 0xd0)]),
    establishmentOf(smf, 5001),
    messageOf(52, seid, 5002, [pdrOf(2, chooseOf())]),
    messageOf(54, seid, 5003, [of(0x8001, 0, 1, 2)]),
  ]
  for (const request of requests) {
    const whole = pfcp.encode(request)
    const isNode = request.seid === null
    for (let length = 0; length < whole.length; length++) {
      // The datagram is cut off ...
      const counted = bed.count('malformed: truncated')
      bed.deliver(place(smf.address), whole.subarray(0, length))
      t.is(bed.count('malformed: truncated'), counted + 1, `type ${request.type}, ${length} bytes`)
      // ... or its length agrees, so that it is an element that is cut off.
      const cut = whole.slice(0, length)
      if (length <= (isNode ? 8 : 16)) continue
      cut[2] = (length - 4) >> 8
      cut[3] = (length - 4) & 0xff
      const before = smf.got.length
      const atElement = whole.length > length && !isWholeElements(cut, isNode ? 8 : 16)
      if (!atElement) continue
      bed.deliver(place(smf.address), cut)
      const answer = smf.got[before]
      t.is(answer?.type, request.type + 1)
      t.is(causeOf(answer!), 68)
      if (request.seid === seid) t.is(answer?.seid, 0x26n)
    }
  }
  unharmed(t, 'truncations')
})

function isWholeElements(bytes: Uint8Array, start: number): boolean {
  let at = start
  while (at + 4 <= bytes.length) at += 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!)
  return at === bytes.length
}

test('n4: bad input: a node that a session is not of gets cause 65, and a stranger cause 72', (t) => {
  const { bed, seid, unharmed } = scene()
  const other = bed.smf('10.1.0.2')
  other.associate()
  const stranger = bed.smf('10.7.7.7')
  const peers = bed.proxy.status().smfs.length
  for (const [i, node] of [other, stranger].entries())
    for (const type of [52, 54]) {
      const answer = node.ask(type, seid, fSeidOf(1n, node.address))!
      t.deepEqual([answer.seid, causeOf(answer)], [0n, 65], `node ${i}`)
    }
  // A UPF that asks about the session of another one, and what only SMFs may ask.
  const wrong = bed.fromUpf(bed.upf(upB), messageOf(56, bed.upf(upA).sessions.get(1n)!, 1, [of(39, 1)]))!
  t.deepEqual([wrong.seid, causeOf(wrong)], [0n, 65])
  t.is(causeOf(bed.fromUpf(bed.upf(upB), messageOf(52, seid, 2, []))!), 65)
  t.is(bed.count('wrong-node'), 6)
  for (const type of [7, 9, 14, 16]) t.is(causeOf(stranger.ask(type, null, nodeIdOf(stranger.address))!), 72)
  t.is(causeOf(stranger.ask(3, null)!), 72)
  t.is(causeOf(stranger.establish(...sessionOf('10.45.0.9')).response!), 72)
  // In the name of an SMF that is associated, from another address.
  t.is(
    causeOf(stranger.ask(50, 0n, nodeIdOf(other.address), fSeidOf(1n, other.address), ...sessionOf('10.45.0.9'))!),
    72,
  )
  t.is(causeOf(stranger.ask(9, null, nodeIdOf(other.address))!), 72)
  t.is(bed.count('refused-72'), 8)
  t.is(bed.proxy.status().smfs.length, peers)
  unharmed(t, 'wrong nodes')
})

test('n4: bad input: a replayed sequence number gets the answer of before, or none if it is another request', (t) => {
  const { bed, smf } = scene()
  const request = establishmentOf(smf, 7000)
  const first = smf.send(request)!
  const sessions = bed.proxy.status().sessions
  for (let i = 0; i < 3; i++) t.deepEqual(pfcp.encode(smf.send(request)!), pfcp.encode(first))
  t.is(bed.count('answered-again'), 3)
  // Another request while one is under way with the same number.
  for (const { address } of pool) bed.upf(address).lose = 1
  t.is(smf.send(establishmentOf(smf, 7001, '10.45.0.10')), null)
  t.is(smf.send(establishmentOf(smf, 7001, '10.45.0.11')), null)
  t.is(bed.count('sequence-reused'), 1)
  bed.advance(1100)
  t.is(bed.proxy.status().sessions, sessions + 1)
  // The same number of another sender is another request.
  for (const { address } of pool) bed.upf(address).lose = 0
  const other = bed.smf('10.1.0.2')
  other.associate()
  t.is(causeOf(other.send(establishmentOf(other, 7000, '10.45.0.12'))!), 1)
  t.is(bed.proxy.status().sessions, sessions + 2)
})

test('n4: bad input: an F-TEID that another session has is refused by cause 73 with the PDR, and stays', (t) => {
  const { bed, smf, unharmed } = scene()
  const taken = [...bed.hints.keys()]
    .filter((key) => key.startsWith('teid'))
    .map((key) => Number(`0x${key.slice(5, 13)}`))
  t.deepEqual(taken, [1, 0x1001])
  for (const teid of taken) {
    const refused = smf.establish(pdrOf(5, fTeidOf(teid, n3Vip)), far).response!
    t.is(causeOf(refused), 73)
    t.deepEqual(valueAt(elementsOf(refused), 114), Uint8Array.of(0, 0, 5))
  }
  const { seid } = smf.establish(...sessionOf('10.45.0.7'))
  for (const teid of taken) t.is(causeOf(smf.ask(52, seid, pdrOf(6, fTeidOf(teid, n3Vip)))!), 73)
  t.is(bed.count('tunnel-conflict'), 4)
  t.is(bed.count('refused-73'), 4)
  t.is(causeOf(smf.ask(54, seid)!), 1)
  unharmed(t, 'given F-TEIDs')
})

test('n4: bad input: an F-TEID that two UPFs have chosen is another one at the VIP, and each keeps its own', (t) => {
  const { bed, smf } = scene()
  bed.upf(upB).nextTeid = 1
  smf.establish(...sessionOf('10.45.0.7'))
  const { response } = smf.establish(...sessionOf('10.45.0.8'))
  const [shown] = fTeidsOf(response!)
  t.is(bed.count('tunnel-renumbered'), 1)
  t.deepEqual(bed.tunnel(1), { upf: upA, teid: 1 })
  t.deepEqual(bed.tunnel(shown!.teid), { upf: upB, teid: 1 })
})

test('n4: bad input: a UPF that answers twice, unasked, of another kind or for another is not heard', (t) => {
  const { bed, seid, smf, unharmed } = scene()
  const { lastAnswer } = spied(bed, upA)
  t.is(causeOf(smf.ask(52, seid)!), 1)
  const answer = lastAnswer()
  const before = smf.got.length
  bed.deliver(place(upA), pfcp.encode(answer))
  bed.deliver(place(upA), pfcp.encode({ ...answer, sequence: 99_999 }))
  t.is(bed.count('response-unexpected'), 2)
  // While one is under way: an answer to something else, and one from elsewhere.
  bed.upf(upA).lose = 1
  t.is(smf.ask(52, seid), null)
  const { sequence } = bed.sent.findLast(({ to }) => to === upA)!.message
  bed.deliver(place(upA), pfcp.encode({ ...answer, sequence, type: 55 }))
  bed.deliver(place(upB), pfcp.encode({ ...answer, sequence }))
  bed.deliver(place('10.7.7.7'), pfcp.encode({ ...answer, sequence }))
  t.is(bed.count('response-unexpected'), 5)
  t.is(smf.got.slice(before).filter(({ type }) => type === 53 || type === 55).length, 0)
  bed.advance(1100)
  t.is(smf.got.slice(before).filter(({ type }) => type === 53).length, 1)
  unharmed(t, 'answers that nobody asked for')
})

/** What a UPF has answered last. */
function spied(bed: Bed, address: string): { readonly lastAnswer: () => PfcpMessage } {
  const upf = bed.upf(address)
  const answer = upf.answer.bind(upf)
  let last: PfcpMessage | undefined
  upf.answer = (message) => {
    const answers = answer(message)
    last = answers[0] ?? last
    return answers
  }
  return { lastAnswer: () => last! }
}

test('n4: bad input: what a UPF answers too late is undone there, and the session lives on another one', (t) => {
  const { bed, smf, unharmed } = scene()
  const a = bed.upf(upA)
  const answer = a.answer.bind(a)
  let late: readonly PfcpMessage[] = []
  a.answer = (message) => {
    if (message.type !== 50) return answer(message)
    if (late.length === 0) late = answer(message)
    return []
  }
  const request = establishmentOf(smf, 7000)
  t.is(smf.send(request), null)
  bed.advance(5000)
  const made = smf.got.filter(({ sequence, type }) => type === 51 && sequence === 7000)
  t.deepEqual(made.map(causeOf), [1])
  t.is(bed.count('establishment-unanswered'), 1)
  for (let i = 0; i < 3; i++) bed.deliver(place(upA), pfcp.encode(late[0]!))
  t.is(bed.count('late-answer'), 1)
  t.is(bed.count('response-unexpected'), 2)
  t.is(smf.got.filter(({ type, sequence }) => type === 51 && sequence === 7000).length, 1)
  a.answer = answer
  const [session] = bed.proxy.sessions(9).slice(-1)
  t.is(session?.upf, 'b')
  t.is(causeOf(smf.ask(54, BigInt(session!.seid))!), 1)
  unharmed(t, 'late answers')
})

test('n4: bad input: messages of no type, of another version and of no PFCP are counted by name', (t) => {
  const { bed, smf, unharmed } = scene()
  const from = bed.sent.length
  const bare = pfcp.encode(messageOf(1, null, 3, []))
  bed.deliver(place(smf.address), new Uint8Array())
  bed.deliver(place(smf.address), Uint8Array.of(0x20, 99, 0, 4, 0, 0, 1, 0))
  bed.deliver(place(smf.address), Uint8Array.of(0x20, 50, 0, 4, 0, 0, 1, 0))
  bed.deliver(place(smf.address), Uint8Array.of(0x21, 5, 0, 12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0))
  t.is(bed.sent.length, from)
  t.is(bed.count('malformed: truncated'), 1)
  t.is(bed.count('type-unknown'), 1)
  t.is(bed.count('seid-misplaced'), 2)
  bed.deliver(place(smf.address), Uint8Array.of(0x60, ...bare.subarray(1)))
  t.is(bed.sent.at(-1)?.message.type, 11)
  t.is(bed.count('malformed: unknown version'), 1)
  unharmed(t, 'what is no request')
})

test('n4: bad input: rules without a name, or too many, are refused as a whole', (t) => {
  const { bed, seid, smf, unharmed } = scene()
  const nameless = smf.ask(52, seid, groupOf(9, groupOf(2, chooseOf())))!
  t.deepEqual([causeOf(nameless), [...valueAt(elementsOf(nameless), 40)!]], [66, [0, 56]])
  const many = Array.from({ length: 257 }, (_, i) => pdrOf(i, chooseOf()))
  t.is(causeOf(smf.ask(52, seid, ...many)!), 75)
  t.is(causeOf(smf.establish(...many, far).response!), 75)
  t.is(bed.count('refused-75'), 2)
  unharmed(t, 'odd rules')
})
