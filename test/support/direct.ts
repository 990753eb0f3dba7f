// Servers of mode `dsr`: with the VIPs as their own addresses, and a program that takes packets out of their envelopes.

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

import type { Host } from '../../lab/host.ts'

const decapsulator = fileURLToPath(new URL('decapsulate.py', import.meta.url))

const script = (vips: readonly string[]): string =>
  [
    'echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore',
    'echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce',
    ...vips.map((vip) => `ip address add ${vip}/${vip.includes(':') ? 128 : 32} dev lo`),
  ].join('\n')

/** Makes a host one, until the test ends. */
export const makeDirectServer = async (t: ExecutionContext, host: Host, vips: readonly string[]): Promise<void> => {
  const made = await host.run('sh', ['-e', '-c', script(vips)])
  if (made.code !== 0) throw new Error(`${host.name} cannot get the VIPs: ${made.stderr}`)
  const child = host.spawn('python3', [decapsulator], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const [word] = (await Promise.race([once(child.stdout!, 'data'), ended])) as [unknown]
  if (!String(word).startsWith('ready')) throw new Error(`${host.name} cannot take packets out: ${String(word)}`)
}
