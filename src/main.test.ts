// The daemon as a process: how it refuses to start, and that it then ends.

import type { ExecutionContext } from 'ava'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { instanceDirectory } from '../lab/instance.ts'
import { labFor } from '../lab/testing.ts'
import { betweenTwo } from './testing/datapath/open-bed.ts'
import { testWith } from './testing/needs.ts'
import type { RunResult } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'

const launcher = fileURLToPath(new URL('../bin/sluice', import.meta.url))

const config = {
  version: 1,
  log: { format: 'text' },
  api: { listen: 'off' },
  limits: { flows: 1024, services: 16, endpoints: 64, slotPages: 64 },
  interfaces: [{ name: 'client', hook: 'tc' }],
  services: [{ vip: '192.0.2.1', port: 80, protocol: 'tcp', announce: 'routed', endpoints: [{ address: '10.2.0.2' }] }],
}

const kernel = (title: string, run: (t: ExecutionContext, lab: Lab) => Promise<void>): void =>
  testWith(['root', 'bpf', 'netns'], title, async (t) => run(t, await labFor(t, betweenTwo)))

/** Runs the daemon to its end, which is soon, or the test fails. */
const start = async (t: ExecutionContext, lab: Lab): Promise<RunResult> => {
  const directory = instanceDirectory(lab.instance)
  const file = join(directory, 'second.yaml')
  writeFileSync(file, stringify(config))
  const args = ['run', '--config', file, '--instance', lab.instance, '--state', join(directory, 'state')]
  const result = await lab.balancer.run(launcher, args, { timeoutMs: 10_000 })
  t.false(result.timedOut, result.stderr)
  return result
}

kernel('main: a start that fails after the programs are attached closes them and ends', async (t, lab) => {
  const state = join(instanceDirectory(lab.instance), 'state')
  mkdirSync(state)
  writeFileSync(join(state, 'api.json'), 'not JSON')
  const { code, stderr } = await start(t, lab)
  t.not(code, 0)
  t.regex(stderr, /api\.json/)
  t.regex(stderr, /attached/)
  const unload = await lab.balancer.run(launcher, ['unload', '--instance', lab.instance])
  t.is(unload.code, 3, 'nothing is left of it')
})

kernel('main: one instance has one daemon, and is not unloaded under it', async (t, lab) => {
  const daemon = await lab.startDaemon(config)
  const second = await start(t, lab)
  t.is(second.code, 4)
  t.regex(second.stderr, /a daemon runs already as instance/)
  const unload = await lab.balancer.run(launcher, ['unload', '--instance', lab.instance])
  t.is(unload.code, 4)
  t.regex(unload.stderr, /stop it first/)

  await daemon.stop()
  t.deepEqual(await daemon.ended, { code: 0, signal: null })
  t.is((await lab.balancer.run(launcher, ['unload', '--instance', lab.instance])).code, 0)
  t.is((await lab.balancer.run(launcher, ['unload', '--instance', lab.instance])).code, 3, 'there is nothing any more')
})
