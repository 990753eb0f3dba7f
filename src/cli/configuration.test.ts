// Files of configuration: `check`, `apply` and `run --dry-run`, and what changes the running daemon's.

import test from 'ava'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveForTest } from '../testing/served-api.ts'
import { sluice, withDaemon } from '../testing/command.ts'
import type { ExecutionContext } from 'ava'

const temporary = async (t: ExecutionContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-cli-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const config = `version: 1
interfaces: [{ name: eth0 }]
services:
  - { name: fixed, vip: 10.0.0.2, port: 80, protocol: tcp, endpoints: [{ address: 10.1.0.1 }] }
`

withDaemon(
  'cli: apply takes a configuration, from a file or from stdin, and shows what changed',
  async (t, sluice, served) => {
    const file = join(await temporary(t), 'services.yaml')
    // Interfaces are the daemon's; a file for apply need not name them.
    await writeFile(file, config.replace(/^interfaces.*\n/m, ''))
    const dry = await sluice('apply', '-f', file, '--dry-run')
    t.is(dry.code, 0)
    t.regex(dry.out, /^\+ service fixed \(10\.0\.0\.2:80\/tcp\)/)
    t.regex(dry.err, /1 service would change \(dry run\)/)
    t.deepEqual(served.controller.services(), [])
    t.is((await sluice('apply', '-f', file)).code, 0)
    t.like(served.controller.services()[0], { name: 'fixed', owner: 'api' })
    t.deepEqual(await sluice('apply', '-f', file), { code: 0, out: '', err: 'nothing to change\n' })
  },
)

test("cli: apply takes loxilb's saved rules from stdin", async (t) => {
  const served = await serveForTest()
  t.teardown(() => served.close())
  const rule = (port: number) => ({
    serviceArguments: { externalIP: '10.0.0.1', port, protocol: 'tcp', name: 'web' },
    endpoints: [{ endpointIP: '10.1.0.1', targetPort: 8080, weight: 1, state: 'active', counter: '0:0' }],
  })
  const input = JSON.stringify({ lbAttr: [rule(80), rule(443)] })
  const applied = await sluice(['apply', '-f', '-', '-o', 'json'], { env: { SLUICE_RUN_DIR: served.runRoot }, input })
  t.is(applied.code, 0, applied.err)
  t.like(JSON.parse(applied.out), { dryRun: false, changes: [{ kind: 'add' }, { kind: 'add' }] })
  t.is(served.controller.services().length, 2)
})

withDaemon('cli: apply shows every mistake of a file with its line and changes nothing', async (t, sluice, served) => {
  const file = join(await temporary(t), 'bad.yaml')
  await writeFile(file, config.replace('port: 80', 'port: 800000').replace('10.1.0.1', '10.1.0'))
  const { code, err } = await sluice('apply', '-f', file)
  t.is(code, 2)
  t.regex(err, /bad\.yaml:4:\d+: services\[0\]\.port: .*\n.*bad\.yaml:4:\d+: services\[0\]\.endpoints\[0\]\.address/)
  t.deepEqual(served.controller.services(), [])
})

withDaemon(
  'cli: drain, undrain and reload show what changed',
  async (t, sluice, served) => {
    const drained = await sluice('drain', 'fixed', '10.1.0.1:80')
    t.is(drained.code, 0)
    t.is(drained.out, '~ service fixed: endpoint 10.1.0.1:80 not drained -> drained\n')
    t.is((await sluice('undrain', 'fixed', '10.1.0.1:80')).code, 0)
    t.is((await sluice('drain', 'fixed', '10.1.0.7:80')).code, 3)
    await writeFile(served.configFile ?? '', config.replace('80', '81'))
    t.regex((await sluice('reload')).out, /^- service fixed .*\n\+ service fixed/)
    await writeFile(served.configFile ?? '', 'version: 2\n')
    const bad = await sluice('reload')
    t.is(bad.code, 2)
    t.regex(bad.err, /version/)
  },
  { configText: config },
)

withDaemon(
  'cli: run --dry-run plans against the running daemon, or from nothing',
  async (t, sluice, served) => {
    const file = join(await temporary(t), 'next.yaml')
    await writeFile(file, config.replace('protocol: tcp', 'protocol: tcp, mode: fullnat'))
    const planned = await sluice('run', '--config', file, '--dry-run')
    t.is(planned.code, 0, planned.err)
    t.is(planned.out, '~ service fixed: mode dnat -> fullnat\n')
    const fresh = await sluice('run', '--config', file, '--dry-run', '--instance=other')
    t.regex(fresh.out, /^\+ service fixed/)
    t.regex(fresh.err, /no daemon runs as other/)
    t.is(served.controller.services()[0]?.mode, 'dnat')
  },
  { configText: config },
)

test('cli: check says that a file is good, or all that is wrong with it', async (t) => {
  const file = join(await temporary(t), 'sluice.yaml')
  await writeFile(file, config)
  t.deepEqual(await sluice(['check', file]), {
    code: 0,
    out: '',
    err: `${file} is valid: 1 interface, 1 service\n`,
  })
  await writeFile(file, config.replace('port: 80', 'prot: 80'))
  const bad = await sluice(['check', file])
  t.is(bad.code, 2)
  t.regex(bad.err, /:4:\d+: services\[0\]/)
})

test('cli: check --schema prints the JSON Schema for editors', async (t) => {
  const { code, out } = await sluice(['check', '--schema'])
  t.is(code, 0)
  t.like(JSON.parse(out), { $schema: 'https://json-schema.org/draft/2020-12/schema' })
})
