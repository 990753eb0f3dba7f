// Two peers that do what TCP allows, over links that lose, repeat and disorder; the connection between them is changed.

import test from 'ava'
import fc from 'fast-check'
import { bytes, changed, editor, expected, linesOf, text } from '../../../testing/alg/brackets.ts'
import { TcpPeer } from '../../../testing/alg/tcp-peer.ts'
import { DecodeError } from '../../../wire/decode-error.ts'
import { Connection } from './connection.ts'
import type { Segment } from './segment.ts'
import type { Side } from '../../../protocols/ftp/index.ts'

const other = (side: Side): Side => (side === 'client' ? 'server' : 'client')

interface Run {
  readonly first: readonly [number, number]
  readonly says: readonly [string, string]
  readonly choices: readonly number[]
}

const line = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[a-z]{0,12}$/).map((each) => `${each}\n`) },
  { weight: 3, arbitrary: fc.stringMatching(/^[0-9][a-z]{0,30}$/).map((each) => `${each}\n`) },
  { weight: 1, arbitrary: fc.integer({ min: 500, max: 530 }).map((length) => `2${'y'.repeat(length)}\n`) },
)
const says = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.stringMatching(/^[0-9]?[a-z]{0,3}$/))
  .map(([lines, rest]) => lines.join('') + rest)
/** Numbers near the end of the circle too. */
const firstNumber = fc.oneof(fc.nat(0xffffffff), fc.integer({ min: 0xffffff00, max: 0xffffffff }))
const runs: fc.Arbitrary<Run> = fc.record({
  first: fc.tuple(firstNumber, firstNumber),
  says: fc.tuple(says, says),
  choices: fc.array(fc.nat(0xffff), { minLength: 50, maxLength: 400 }),
})

class Network {
  readonly #connection = new Connection({ client: editor(), server: editor() })
  readonly peers: Readonly<Record<Side, TcpPeer>>
  /** towards the middle, and from it */
  readonly #in: Record<Side, Segment[]> = { client: [], server: [] }
  readonly #out: Record<Side, Segment[]> = { client: [], server: [] }
  #nowMs = 0

  constructor({ first, says: [clientSays, serverSays] }: Run) {
    this.peers = { client: new TcpPeer(first[0], bytes(clientSays)), server: new TcpPeer(first[1], bytes(serverSays)) }
    this.#open('client')
    this.#open('server')
  }

  #open(from: Side): void {
    const [out] = this.#connection.receive(from, this.peers[from].syn(from === 'server'), 0)
    this.peers[other(from)].takeSyn(out!.segment)
  }

  step(choice: number): void {
    const side: Side = choice & 1 ? 'client' : 'server'
    const size = 1 + ((choice >> 5) % 90)
    const spoil = (choice >> 12) % 8
    switch ((choice >> 1) % 6) {
      case 0:
      case 1:
        if (!this.peers[side].saysAll) this.#in[side].push(this.peers[side].say(size, false))
        return
      case 2:
        this.#repeat(side, size)
        return
      case 3:
      case 4:
        this.#middle(side, spoil)
        this.#deliver(other(side), (choice >> 9) % 8)
        return
      default:
        this.#nowMs += size * 20
        for (const { from, segment: each } of this.#connection.due(this.#nowMs)) this.#out[other(from)].push(each)
    }
  }

  /** Without losses until all is said and heard. */
  finish(): void {
    for (let round = 0; round < 600 && !(this.peers.client.done && this.peers.server.done); round++)
      for (const side of ['client', 'server'] as const) {
        if (this.peers[side].saysAll) this.#repeat(side, 60)
        else this.#in[side].push(this.peers[side].say(60, false))
        while (this.#in[side].length > 0) this.#middle(side, 7)
        this.#nowMs += 40_000
        for (const { from, segment: each } of this.#connection.due(this.#nowMs)) this.#out[other(from)].push(each)
        for (const to of ['client', 'server'] as const) while (this.#out[to].length > 0) this.#deliver(to, 7)
      }
  }

  #repeat(side: Side, size: number): void {
    const peer = this.peers[side]
    if (peer.acknowledged < peer.sent) this.#in[side].push(peer.say(size, true))
    else this.#in[side].push(peer.acknowledgement())
  }

  #take(queue: Segment[], spoil: number): Segment | undefined {
    if (spoil === 0) queue.shift() // lost
    if (spoil === 1 && queue[0]) queue.push(queue[0]) // repeated
    if (spoil === 2 && queue.length > 1) queue.push(queue.shift()!) // overtaken
    return queue.shift()
  }

  #middle(from: Side, spoil: number): void {
    const next = this.#take(this.#in[from], spoil)
    if (!next) return
    try {
      for (const out of this.#connection.receive(from, next, this.#nowMs)) this.#out[other(out.from)].push(out.segment)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }

  #deliver(to: Side, spoil: number): void {
    const next = this.#take(this.#out[to], spoil)
    if (next && this.peers[to].take(next)) this.#in[to].push(this.peers[to].acknowledgement())
  }
}

/** Where the bytes of a line are, before and after. */
const isThere = (all: string, receiver: TcpPeer, [from, to]: readonly [number, number]): boolean => {
  let [before, after] = [0, 0]
  for (const each of linesOf(all)) {
    const [end, changedEnd] = [before + each.length, after + changed(each).length]
    if (from < end && to > before) {
      const plain = changed(each) === each
      const start = plain ? after + Math.max(0, from - before) : after
      const stop = plain ? after + Math.min(each.length, to - before) : changedEnd
      if (!receiver.has(start, stop)) return false
    }
    ;[before, after] = [end, changedEnd]
  }
  return true
}

test('alg: whatever gets lost, repeated, split or out of order, each side hears the changed text once', (t) => {
  fc.assert(
    fc.property(runs, (run) => {
      const network = new Network(run)
      for (const choice of run.choices) network.step(choice)
      network.finish()
      const { client: a, server: b } = network.peers
      t.deepEqual([a.complaints, b.complaints], [[], []])
      t.deepEqual([a.done, b.done], [true, true])
      t.is(text(b.heard), expected(run.says[0]))
      t.is(text(a.heard), expected(run.says[1]))
      t.true(a.selective.every((block) => isThere(run.says[0], b, block)))
      t.true(b.selective.every((block) => isThere(run.says[1], a, block)))
    }),
    { numRuns: 500 },
  )
})
