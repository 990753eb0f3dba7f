// A small lab with a bed on its balancer.

import type { ExecutionContext } from 'ava'
import { labFor } from '../../../lab/testing.ts'
import { makeBed } from './bed.ts'
import type { Remote } from '../../../lab/host.ts'
import type { Lab } from '../../../lab/lab.ts'
import type { Topology } from '../../../lab/topology.ts'
import type { Bed, BedOptions } from './bed.ts'

/** The balancer between clients (10.1.0.0/24) and servers (10.2.0.0/24). */
export const betweenTwo: Topology = {
  hook: 'tc',
  balancer: 'balancer',
  hosts: [{ name: 'balancer', forwarding: true }, { name: 'far' }],
  links: [
    {
      a: { host: 'balancer', device: 'client', address: '10.1.0.1/24' },
      b: { host: 'far', device: 'eth0', address: '10.1.0.2/24' },
    },
    {
      a: { host: 'balancer', device: 'server', address: '10.2.0.1/24' },
      b: { host: 'far', device: 'eth1', address: '10.2.0.2/24' },
    },
  ],
}

/** The same networks in IPv6: clients are in 2001:db8:1::/64, servers in 2001:db8:2::/64. */
export const addIPv6 = async (lab: Lab): Promise<void> => {
  const run = async (host: string, line: string): Promise<void> => {
    const [program = '', ...words] = line.split(' ')
    const { code, stderr } = await lab.host(host).run(program, words)
    if (code !== 0) throw new Error(`${line}: ${stderr}`)
  }
  for (const host of ['balancer', 'far']) await run(host, 'sysctl -q -w net.ipv6.conf.all.disable_ipv6=0')
  for (const name of ['all', 'client', 'server'])
    await run('balancer', `sysctl -q -w net.ipv6.conf.${name}.forwarding=1`)
  for (const [index, [device, far]] of [['client', 'eth0'] as const, ['server', 'eth1'] as const].entries()) {
    await run('balancer', `ip address add 2001:db8:${index + 1}::1/64 dev ${device} nodad`)
    await run('far', `ip address add 2001:db8:${index + 1}::2/64 dev ${far} nodad`)
  }
}

/** A bed that goes with the test. Needs `root`, `bpf` and `netns`. */
export const openBed = async (
  t: ExecutionContext,
  { ipv6 = false, ...options }: BedOptions & { readonly ipv6?: boolean } = {},
): Promise<Remote<Bed>> => {
  const lab = await labFor(t, betweenTwo)
  if (ipv6) await addIPv6(lab)
  return lab.balancer.open(new URL('bed.ts', import.meta.url), makeBed, options)
}
