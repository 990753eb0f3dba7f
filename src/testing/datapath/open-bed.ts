// A small lab with a bed on its balancer.

import type { ExecutionContext } from 'ava'
import { labFor } from '../../../lab/testing.ts'
import { makeBed } from './bed.ts'
import type { Remote } from '../../../lab/host.ts'
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

/** A bed that goes with the test. Needs `root`, `bpf` and `netns`. */
export const openBed = async (t: ExecutionContext, options: BedOptions = {}): Promise<Remote<Bed>> => {
  const lab = await labFor(t, betweenTwo)
  return lab.balancer.open(new URL('bed.ts', import.meta.url), makeBed, options)
}
