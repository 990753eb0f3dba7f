// FTP and TFTP through the whole appliance under each hook, with real servers and a real client: the control connection
// and data connections, passive and active, have one endpoint, and so do a request and the blocks of its file, which
// come from another port.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { once } from 'node:events'
import type { ExecutionContext } from 'ava'

import type { Host } from '../lab/host.ts'
import { hooks, threeServers } from '../lab/topology.ts'
import { ftpPort, ftpWays, startFtpServer } from '../src/testing/alg/ftp-server.ts'
import { testWith } from '../src/testing/needs.ts'
import { drops, endpointsOf, flowsOf, startStory, storyConfig, storyNeeds, until } from './support/story.ts'

/** Large enough that the data connection is more than its first window. */
const fileBytes = 1_000_000

/** Some blocks of 512 bytes, each of which is acknowledged. */
const tftpBytes = 20_000
const mostRounds = 30
/** Announced connections have a quarter of the services, each for a second and longer. */
const limits = { flows: 16_384, services: 1_024, endpoints: 1_024, slotPages: 256 }

/** Serves one file, which begins with the server's name, until the test ends. */
const startTftpServer = async (t: ExecutionContext, host: Host, address: string): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-tftp-'))
  writeFileSync(join(directory, 'file'), Buffer.alloc(tftpBytes, `${host.name}\n`), { mode: 0o644 })
  const words = ['--foreground', '--listen', '--address', `${address}:69`, '--user', 'root', '--secure', directory]
  const child = host.spawn('/usr/sbin/in.tftpd', words, { stdio: 'ignore' })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(directory, { recursive: true })
  })
  await until(`TFTP is served on ${host.name}`, async () =>
    (await host.run('ss', ['-Hlun', 'sport = :69'])).stdout.includes(':69'),
  )
}

for (const hook of hooks) {
  testWith(
    [...storyNeeds, 'curl', 'pyftpdlib'],
    `alg: an FTP client under ${hook} gets each server's files by passive and by active mode`,
    async (t) => {
      const topology = threeServers({ hook })
      const { vip } = topology
      const files = { protocol: 'tcp', alg: 'ftp', endpoints: endpointsOf(topology, ftpPort) } as const
      const { lab, daemon } = await startStory(
        t,
        topology,
        storyConfig(
          topology,
          [
            { ...files, name: 'kept', port: 21, mode: 'dnat' },
            { ...files, name: 'ours', port: 2100, mode: 'fullnat' },
          ],
          { limits },
        ),
      )
      const logins = await Promise.all(
        topology.servers.map(async ({ address, name }) => {
          const content = Buffer.alloc(fileBytes, `${name}\n`).toString()
          return { name, next: await startFtpServer(t, lab.host(name), address, content) }
        }),
      )
      for (const [port, seen] of [
        [21, topology.clients[0]?.address],
        [2100, vip],
      ] as const) {
        const servers = new Set<string>()
        for (const [way, options] of ftpWays)
          for (let round = 0; round < topology.servers.length; round++) {
            const words = ['--silent', '--show-error', '--max-time', '20', ...options, `ftp://u:p@${vip}:${port}/file`]
            const got = await lab.host('client').run('curl', words)
            const server = got.stdout.split('\n')[0] ?? ''
            t.is(got.stdout.length, fileBytes, `${way} to ${port}: ${got.stderr}`)
            t.is(await logins.find(({ name }) => name === server)?.next(), `login ${seen}`, way)
            servers.add(server)
          }
        t.is(servers.size, topology.servers.length)
      }
      t.deepEqual(await drops(daemon), {})
      await until('data connections leave nothing behind', async () => (await flowsOf(daemon)).length === 0)
    },
  )

  testWith([...storyNeeds, 'curl', 'tftpd'], `alg: a TFTP client under ${hook} gets each server's file`, async (t) => {
    const topology = threeServers({ hook })
    const { vip } = topology
    const files = { protocol: 'udp', alg: 'tftp', endpoints: endpointsOf(topology, 69) } as const
    const { lab, daemon } = await startStory(
      t,
      topology,
      storyConfig(topology, [
        { ...files, name: 'kept', port: 69, mode: 'dnat' },
        { ...files, name: 'ours', port: 6900, mode: 'fullnat' },
      ]),
    )
    for (const { address, name } of topology.servers) await startTftpServer(t, lab.host(name), address)
    for (const port of [69, 6900]) {
      const servers = new Set<string>()
      // Round robin stands at a place of its own on each CPU.
      for (let round = 0; round < mostRounds && servers.size < topology.servers.length; round++) {
        const words = ['--silent', '--show-error', '--max-time', '20', `tftp://${vip}:${port}/file`]
        const got = await lab.host('client').run('curl', words)
        const [server = ''] = got.stdout.split('\n')
        t.is(got.stdout, Buffer.alloc(tftpBytes, `${server}\n`).toString(), `port ${port}: ${got.stderr}`)
        servers.add(server)
      }
      t.is(servers.size, topology.servers.length)
    }
    t.deepEqual(await drops(daemon), {})
  })
}
