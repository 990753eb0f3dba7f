// The N4 proxy and the tunnels it steers, with simulated SMFs, gNBs and UPFs in a lab of their own: `sluice lab n4`.

import { spawnSync } from 'node:child_process'

import type { N4Summary } from '../lab/n4-summary.ts'
import { hooks } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { launcher, storyNeeds } from './support/story.ts'

const sessions = 600
const packetsPerSecond = 900

for (const hook of hooks) {
  testWith(storyNeeds, `n4: tunnels follow their sessions, also those of a UPF that dies, under ${hook}`, (t) => {
    t.timeout(120_000)
    const flags = [
      '--once',
      '--json',
      '--hook',
      hook,
      '--sessions',
      `${sessions}`,
      '--packet-rate',
      `${packetsPerSecond}`,
    ]
    const { status, stderr, stdout } = spawnSync(launcher, ['lab', 'n4', ...flags], { encoding: 'utf8' })
    t.is(status, 0, stderr)
    const summary = JSON.parse(stdout) as N4Summary
    t.is(summary.sessions, sessions)
    t.deepEqual([summary.misrouted, summary.lost, summary.problems], [0, 0, []])
    t.true(summary.steered > 2 * packetsPerSecond)
    // Two windows, with three UPFs and with two: everyone has sessions, and packets of them.
    t.is(summary.endpoints.length, 3)
    for (const endpoint of summary.endpoints) {
      t.is(endpoint.sessions, sessions / 3, endpoint.address)
      t.true(endpoint.packets > packetsPerSecond / 2, endpoint.address)
      t.is(endpoint.counted, endpoint.packets, endpoint.address)
    }
    t.true(summary.failover.restoreMs > 0)
  })
}
