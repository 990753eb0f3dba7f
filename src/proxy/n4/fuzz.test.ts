import test from 'ava'
import fc from 'fast-check'
import { pfcp, writeElements } from '../../protocols/pfcp/index.ts'
import { startedBed, upfOf } from './test-bed.ts'
import {
  causeOf,
  chooseOf,
  far,
  fSeidOf,
  fTeidOf,
  groupOf,
  messageOf,
  n3Vip,
  nodeIdOf,
  number16,
  number32,
  of,
  pdrOf,
  ueAddressOf,
} from './test-elements.ts'
import type { Bed } from './test-bed.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]
const recovery = { type: 96, value: number32.write(2000) }
const pdrId = { type: 56, value: number16.write(1) }
const node = nodeIdOf('10.1.0.1')

const flow = 'permit out ip from 192.168.5.0/24 to assigned'
/** What is for a local network leaves its tunnel, and has a way back. */
const localRules = [
  groupOf(
    1,
    { type: 56, value: number16.write(3) },
    of(29, 0, 0, 0, 9),
    groupOf(2, of(20, 0), chooseOf(1), ueAddressOf('10.45.0.1'), of(23, 1, 0, 0, flow.length, ...Buffer.from(flow))),
    of(108, 0, 0, 0, 7),
    of(109, 0, 0, 0, 1),
  ),
  groupOf(
    1,
    { type: 56, value: number16.write(4) },
    groupOf(2, of(20, 1), ueAddressOf('10.45.0.1')),
    of(108, 0, 0, 0, 8),
    of(109, 0, 0, 0, 1),
  ),
  groupOf(3, of(108, 0, 0, 0, 7), of(44, 2), groupOf(4, of(42, 1), { type: 22, value: Buffer.from('mec') })),
  groupOf(3, of(108, 0, 0, 0, 8), of(44, 2), groupOf(4, of(42, 0), of(84, 1, 0, 0, 0, 0, 1, 10, 0, 0, 1))),
  groupOf(7, of(109, 0, 0, 0, 1), of(25, 0), of(124, 9)),
]

/** One of each kind, as they are when nothing is wrong; `seid` is of a session that is there. */
const templates = (seid: bigint, sequence: number): readonly Uint8Array[] =>
  [
    messageOf(1, null, sequence, [recovery]),
    messageOf(3, null, sequence, [groupOf(58, of(24, 1, 2), groupOf(59, of(61, 1)))]),
    messageOf(5, null, sequence, [node, recovery, of(89, 3), of(178, 2, 10, 1, 0, 9), of(180, 0, 1, 65)]),
    messageOf(7, null, sequence, [node, of(43, 16, 1), of(111, 1), of(112, 5), of(116, 0x25, 1, 1, 2, 3, 4, 1, 65)]),
    messageOf(9, null, sequence, [node]),
    messageOf(12, null, sequence, [node, of(101, 1)]),
    messageOf(14, null, sequence, [node, of(65, 1, 10, 1, 0, 1, 0, 1)]),
    messageOf(16, null, sequence, [node, groupOf(290, of(65, 1, 10, 1, 0, 1, 0, 1), of(178, 2, 10, 1, 0, 9))]),
    messageOf(50, 0n, sequence, [
      node,
      fSeidOf(9n, '10.1.0.1'),
      pdrOf(1, chooseOf(1), ueAddressOf('10.45.9.9'), { type: 153, value: Buffer.from('10.9.0.0/16') }),
      pdrOf(2, fTeidOf(77, n3Vip), of(93, 0x0d, ...Array.from({ length: 16 }, (_, i) => i), 4)),
      groupOf(127, of(131, 1), chooseOf()),
      far,
      of(159, 1, 65),
      of(65, 1, 10, 1, 0, 1, 0, 1),
    ]),
    messageOf(52, seid, sequence, [
      fSeidOf(10n, '10.1.0.1'),
      ...localRules,
      groupOf(9, pdrId, groupOf(2, chooseOf())),
      groupOf(10, of(108, 0, 0, 0, 1), groupOf(11, of(84, 1, 0, 0, 0, 0, 1, 10, 0, 0, 1))),
      groupOf(15, pdrId),
    ]),
    messageOf(54, seid, sequence, []),
    messageOf(56, seid, sequence, [of(39, 1), groupOf(51, of(52, 0, 0, 0, 1), of(53, 50))]),
    messageOf(51, 0n, sequence, [node, of(19, 1), fSeidOf(3n, '10.0.0.1'), groupOf(8, pdrId, fTeidOf(5, '10.0.0.1'))]),
    messageOf(53, 0n, sequence, [of(19, 1), groupOf(256, pdrId, fTeidOf(6, '10.0.0.1'))]),
    messageOf(57, 0n, sequence, [of(19, 78), of(178, 2, 10, 1, 0, 9)]),
    messageOf(6, null, sequence, [node, of(19, 1), recovery, of(43, 16, 1)]),
  ].map((message) => pfcp.encode(message))

const senders = ['10.1.0.1', '10.0.0.1', '10.0.0.2', '10.7.7.7']

function busyBed(onLoss: 'report' | 'restore' | 'refuse'): { bed: Bed; smf: ReturnType<Bed['smf']>; seid: bigint } {
  const bed = startedBed(pool, {
    onLoss,
    localNetworkInstances: ['mec'],
    limits: { sessions: 50, answers: 50, pending: 50, pfdBytes: 4000 },
    timers: { smfLostMs: 1000 },
  })
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  const { seid } = smf.establish(...localRules, pdrOf(1, chooseOf(1), ueAddressOf('10.45.0.1')), far)
  if (bed.local.size !== 1) throw new Error('the session has no local traffic')
  return { bed, smf, seid }
}

const mutation = fc.record({
  template: fc.nat(15),
  sender: fc.nat(3),
  sequence: fc.nat(12),
  cuts: fc.option(fc.nat(200), { freq: 6 }),
  changes: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 5 }),
  /** what the UPFs do about it */
  upfs: fc.constantFrom('accept', 'accept', 'refuse', 'lose', 'restart'),
  pauseMs: fc.constantFrom(0, 0, 0, 100, 6000),
})

function misbehave(bed: Bed, address: string, how: string): void {
  const upf = bed.upf(address)
  upf.cause = how === 'refuse' ? 73 : 1
  upf.lose = how === 'lose' ? 1 : 0
  if (how !== 'restart') return
  upf.recovery++
  upf.sessions.clear()
}

test('n4: whatever arrives, nothing is thrown, no limit is passed, and nothing is left in the end', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.array(mutation, { minLength: 1, maxLength: 40 }),
        fc.constantFrom('report', 'restore', 'refuse'),
        (mutations, onLoss) => {
          const { bed, seid, smf } = busyBed(onLoss)
          for (const { changes, cuts, pauseMs, sender, sequence, template, upfs } of mutations) {
            for (const { address } of pool) misbehave(bed, address, upfs)
            const bytes = templates(seid, sequence)[template]!.slice()
            for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
            const datagram = cuts === null ? bytes : bytes.subarray(0, cuts)
            bed.deliver({ address: senders[sender]!, port: 8805 }, datagram)
            bed.advance(pauseMs)
          }
          const { pending, sessions, tunnels } = bed.proxy.status()
          if (sessions > 50 || tunnels > 500 || pending > 200) return false
          for (const { address } of pool) misbehave(bed, address, 'accept')
          smf.dead = true
          bed.advance(30_000)
          const after = bed.proxy.status()
          return (
            after.sessions + after.tunnels + after.ueAddresses + after.smfs.length + bed.hints.size + bed.local.size ===
              0 && after.pending <= pool.length
          )
        },
      ),
      { numRuns: 300 },
    ),
  )
})

test('n4: messages of nothing but odd elements are refused or passed on, and leave the proxy at work', (t) => {
  const { bed, seid } = busyBed('restore')
  const place = { address: '10.1.0.1', port: 8805 }
  const odd = [0, 1, 2, 8, 15, 21, 51, 57, 60, 65, 93, 127, 290, 0x8001]
  let sequence = 100
  for (const type of [3, 5, 7, 9, 12, 14, 16, 50, 52, 54, 56]) {
    for (const element of odd) {
      for (const size of [0, 1, 5, 64]) {
        const body = writeElements([{ type: element, value: new Uint8Array(size).fill(size) }])
        const about = type < 50 ? null : seid
        bed.deliver(place, pfcp.encode({ ...messageOf(type, about, sequence++, []), body }))
      }
    }
  }
  bed.advance(5000)
  const smf = bed.smf('10.1.0.1')
  smf.sequence = sequence
  smf.recovery += 5
  t.is(causeOf(smf.associate()!), 1)
  t.is(causeOf(smf.establish(pdrOf(1, chooseOf(), ueAddressOf('10.45.3.3')), far).response!), 1)
})
