// Which daemon a command talks to, and what it says where none answers.

import test from 'ava'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { serveForTest } from '../testing/served-api.ts'
import { sluice, withDaemon } from '../testing/command.ts'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const close = (server: Server): void => {
  server.close()
  server.closeAllConnections()
}

test('cli: exits 5 when no daemon runs, naming the place and how to start one', async (t) => {
  const nobody = await sluice(['get', 'lb'], { env: { SLUICE_RUN_DIR: '/nowhere' } })
  t.is(nobody.code, 5)
  t.regex(nobody.err, /no sluice daemon answers under \/nowhere: start one with `sluice run --config FILE`/)
  const named = await sluice(['get', 'lb', '--instance=edge'], { env: { SLUICE_RUN_DIR: '/nowhere' } })
  t.is(named.code, 5)
  t.regex(named.err, /\/nowhere\/edge\/api\.sock: there is no such socket/)
  const tcp = await sluice(['get', 'lb', '--server=http://127.0.0.1:1'])
  t.is(tcp.code, 5)
  t.regex(tcp.err, /http:\/\/127\.0\.0\.1:1: nobody listens there/)
})

test('cli: exits 5 when the daemon does not answer in time', async (t) => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => close(silent))
  const { port } = silent.address() as AddressInfo
  const { code, err } = await sluice(['get', 'lb', `--server=http://127.0.0.1:${port}`, '--timeout=0.3'])
  t.is(code, 5)
  t.regex(err, /no answer within 0\.3 s/)
})

test('cli: exits 1 when something else answers', async (t) => {
  const other = createServer((_request, response) => response.end('<html>'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => close(other))
  const { port } = other.address() as AddressInfo
  const { code, err } = await sluice(['get', 'lb', `--server=http://127.0.0.1:${port}`])
  t.is(code, 1)
  t.regex(err, /is not a sluice daemon/)
})

test('cli: talks to the only instance that runs, to `default` before others, and else asks', async (t) => {
  const first = await serveForTest({ instance: 'edge' })
  t.teardown(() => first.close())
  const env = { SLUICE_RUN_DIR: first.runRoot }
  const instance = async (args: readonly string[], more: Record<string, string> = {}): Promise<string> => {
    const { out, err } = await sluice(['get', 'status', '--no-headers', ...args], { env: { ...env, ...more } })
    return out.split(' ')[0] ?? err
  }
  // What a dead daemon left behind does not count.
  await mkdir(join(first.runRoot, 'dead'))
  t.is(await instance([]), 'edge')
  const second = await serveForTest({ instance: 'core', runRoot: first.runRoot })
  const unsure = await sluice(['get', 'lb'], { env })
  t.is(unsure.code, 2)
  t.regex(unsure.err, /several instances run here: core, edge/)
  t.is(await instance(['--instance=core']), 'core')
  t.is(await instance([], { SLUICE_INSTANCE: 'core' }), 'core')
  t.is(await instance([`--server=unix:${second.socketPath}`]), 'core')
  t.is(await instance(['--instance=edge'], { SLUICE_SERVER: `unix:${second.socketPath}` }), 'edge')
  const third = await serveForTest({ instance: 'default', runRoot: first.runRoot })
  t.is(await instance([]), 'default')
  await third.close()
  await second.close()
})

withDaemon(
  'cli: works over loopback TCP too',
  async (t, sluice, served) => {
    const server = `--server=http://127.0.0.1:${served.api.port}`
    t.is((await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', server)).code, 0)
    t.is((await sluice('drain', '10.0.0.1:80/tcp', '10.1.0.1', server)).code, 0)
    t.is((await sluice('reload', server)).code, 0)
    t.is((await sluice('delete', 'lb', '--all', server)).code, 0)
  },
  { tcp: 0 },
)
