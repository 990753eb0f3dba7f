// The sides that are compared: the same lab each time, with another way of getting from the client to the servers.

import { Lab } from '../../lab/lab.ts'
import { balancerDevices, threeServers } from '../../lab/topology.ts'
import type { Verdicts } from '../../src/api/schemas.ts'
import type { ThreeServers } from '../../lab/topology.ts'

export const sideNames = ['plain', 'nftables', 'tc', 'xdp'] as const
/** `plain`: forwarded to servers the client chose itself; `nftables`: its DNAT; `tc`, `xdp`: Sluice at that hook. */
export type SideName = (typeof sideNames)[number]

/** By its place: node_modules/.bin, which npm puts first into PATH, has an `nft` that is another program. */
const nft = '/usr/sbin/nft'

const servicePort = 80
const serverPort = 8080

export interface Side {
  readonly name: SideName
  readonly lab: Lab
  readonly topology: ThreeServers
  /** what the client connects to, as `ADDRESS:PORT` */
  readonly targets: readonly string[]
  /** packets that the balancer dropped so far, by reason, in words; empty: none */
  drops(): Promise<string>
}

/** Brings a side up. `programs` is the directory of the load programs. */
export const openSide = async (name: SideName, programs: string): Promise<Side> => {
  const topology = withClientPorts(threeServers({ hook: name === 'xdp' ? 'xdp' : 'tc' }))
  const lab = await Lab.upUnderFreeName(topology, `bench-${name}`)
  try {
    await Promise.all(topology.servers.map(async (server) => startServer(lab, server.name, programs)))
    const vip = `${topology.vip}:${servicePort}`
    switch (name) {
      case 'plain':
        return {
          name,
          lab,
          topology,
          targets: topology.servers.map(({ address }) => `${address}:${serverPort}`),
          drops: async () => '',
        }
      case 'nftables':
        await nftables(lab, topology)
        return { name, lab, topology, targets: [vip], drops: async () => '' }
      case 'tc':
      case 'xdp': {
        const daemon = await lab.startDaemon(configuration(topology))
        return { name, lab, topology, targets: [vip], drops: async () => dropsIn((await daemon.status()).verdicts) }
      }
      default:
        return name satisfies never
    }
  } catch (error) {
    await lab.down()
    throw error
  }
}

/** Enough source ports for a round, most of which are still known to some table of the round before. */
const withClientPorts = (topology: ThreeServers): ThreeServers => ({
  ...topology,
  hosts: topology.hosts.map((host) =>
    host.name === 'client' ? { ...host, sysctls: { 'net.ipv4.ip_local_port_range': '1024 65535' } } : host,
  ),
})

const startServer = async (lab: Lab, host: string, programs: string): Promise<void> => {
  const child = lab
    .host(host)
    .spawn(`${programs}/serve`, [String(serverPort)], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the server on ${host} ended with ${code}`)))
    child.stdout?.once('data', () => resolve())
  })
  child.stdout?.destroy()
  child.unref()
}

/** Servers in turn, as the service of Sluice. */
const nftables = async (lab: Lab, { vip, servers }: ThreeServers): Promise<void> => {
  const choices = servers.map(({ address }, index) => `${index} : ${address} . ${serverPort}`).join(', ')
  const choice = `numgen inc mod ${servers.length} map { ${choices} }`
  const rules = ['tcp', 'udp'].map(
    (protocol) => `ip daddr ${vip} ${protocol} dport ${servicePort} dnat ip addr . port to ${choice}`,
  )
  const input = `table ip bench {
    chain prerouting {
      type nat hook prerouting priority dstnat
      ${rules.join('\n')}
    }
  }\n`
  const { code, stderr } = await lab.balancer.run(nft, ['-f', '-'], { input })
  if (code !== 0) throw new Error(`nft refused the rules of the comparison: ${stderr.trim()}`)
}

const configuration = (topology: ThreeServers): object => ({
  version: 1,
  interfaces: balancerDevices(topology).map((name) => ({ name, hook: topology.hook })),
  services: ['tcp', 'udp'].map((protocol) => ({
    name: protocol,
    vip: topology.vip,
    port: servicePort,
    protocol,
    select: 'rr',
    announce: 'routed',
    endpoints: topology.servers.map(({ address }) => ({ address, port: serverPort })),
  })),
})

const dropsIn = (verdicts: Verdicts): string =>
  Object.entries(verdicts)
    .flatMap(([hook, counts]) => Object.entries(counts).map(([name, count]) => ({ name: `${hook} ${name}`, count })))
    .filter(({ name, count }) => name.includes(' drop_') && Number(count) > 0)
    .map(({ name, count }) => `${name} ${count}`)
    .join(', ')
