// Some thousand random packets, both hooks, one oracle; `npm run fuzz -- differential` sends as many as one likes. What
// goes in is drawn from a seed, which a failure names: `SLUICE_SEED=... npx ava test/bpf/random.test.ts` draws the same
// again. The frames that come out are also given to scapy, which shares no code with us.

import { randomInt } from 'node:crypto'
import { testWith } from '../../src/testing/needs.ts'
import { translateFrame } from '../../src/testing/oracle.ts'
import { buildFrame, concat } from '../../src/testing/packets.ts'
import { openBed } from './bed.ts'
import { service, vip } from './case.ts'
import { deviceMac, pathTo } from './network.ts'
import { describeCounts, runRandom, type RandomReport } from './random/random.ts'
import { wrongByScapy } from './scapy.ts'

const packets = 6000
const seed = Number(process.env['SLUICE_SEED'] ?? randomInt(2 ** 31))

let results: Promise<RandomReport> | undefined

/** Sent once, looked at by every test. */
function allSent(): Promise<RandomReport> {
  results ??= runRandom({ seed, packets, packetsPerRound: packets / 2, samples: packets })
  return results
}

const needs = ['root', 'bpf', 'netns'] as const

testWith(needs, 'bpf: random packets become what the oracle says, or stay as they are', async (t) => {
  t.log(`SLUICE_SEED=${seed}`)
  const { failure, counts } = await allSent()
  t.is(failure, null)
  for (const hook of ['xdp', 'tc'] as const) {
    t.log(`${hook}: ${describeCounts(counts[hook])}`)
    t.true((counts[hook]['forward'] ?? 0) > packets / 10, `few are forwarded under ${hook}`)
    t.true(Object.keys(counts[hook]).length >= 12, `few verdicts under ${hook}`)
  }
})

testWith(needs, 'bpf: both hooks make the same of random packets', async (t) => {
  t.log(`SLUICE_SEED=${seed}`)
  const { failure, counts } = await allSent()
  t.is(failure, null)
  const sum = (list: Readonly<Record<string, number>>): number => Object.values(list).reduce((a, b) => a + b, 0)
  t.deepEqual([sum(counts.xdp), sum(counts.tc)], [packets / 2, packets / 2])
  t.false(Object.keys(counts.tc).some((verdict) => verdict.startsWith('to_tc_')))
})

testWith([...needs, 'scapy'], 'bpf: scapy finds every checksum of translated packets right', async (t) => {
  t.log(`SLUICE_SEED=${seed}`)
  const { translated } = await allSent()
  t.true(translated.length > packets / 10)
  t.deepEqual(wrongByScapy(translated), [])
})

testWith(needs, 'bpf: a UDP checksum that comes out as zero is written as all ones', async (t) => {
  const bed = await openBed({ flows: 4096 })
  t.teardown(() => bed.close())
  const udp = { kind: 'udp', from: '10.0.1.2:5000', to: `${vip}:80`, ethernetDestination: deviceMac('client') } as const
  const path = pathTo('10.0.2.10')
  const translation = { from: udp.from, to: '10.0.2.10:8080', ...path }
  // Among 65,536 values of two bytes there is one that makes the sum of a packet zero, before or after the translation.
  const frames = Array.from({ length: 0x10000 }, (_, i) =>
    buildFrame({ ...udp, payload: Uint8Array.of(i >> 8, i & 0xff) }),
  )
  const isOnes = (frame: Uint8Array): boolean => frame[40] === 0xff && frame[41] === 0xff
  const before = frames.find(isOnes)
  const after = frames.find((frame) => isOnes(translateFrame(frame, translation)))
  t.truthy(before)
  t.truthy(after)
  const only = service({ protocol: 'udp' })
  for (const hook of ['xdp', 'tc'] as const) {
    await bed.reset({ services: [only] })
    for (const frame of [before ?? concat(), after ?? concat()]) {
      const outcome = await bed.run(hook, frame)
      t.deepEqual(
        Buffer.from(outcome.frame).toString('hex'),
        Buffer.from(translateFrame(frame, translation)).toString('hex'),
      )
    }
  }
})
