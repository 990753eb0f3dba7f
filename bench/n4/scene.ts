// The lab of the N4 benchmark: SMFs at the clients, the daemon with its N4 proxy, a UPF at each server.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { Lab } from '../../lab/lab.ts'
import { balancerDevices, threeServers } from '../../lab/topology.ts'
import { openSimSmf, openSimUpf } from '../../src/sim/open.ts'
import type { Daemon } from '../../lab/daemon.ts'
import type { Remote } from '../../lab/host.ts'
import type { ThreeServers } from '../../lab/topology.ts'
import type { SmfHandle, UpfHandle } from '../../src/sim/open.ts'

const simModule = new URL('../../src/sim/open.ts', import.meta.url)
const clients = 3
const waitMs = 60_000
const pollMs = 20
const clockTicksPerSecond = 100
/** Patient enough that a UPF which only waits for a CPU is not taken for dead. */
const detection = { heartbeat: 1, t1: 1000, n1: 2 } as const
/** Every SMF has UEs of its own. */
const uePrefixes = ['10.48.0.0/13', '10.56.0.0/13', '10.64.0.0/13'] as const

const configuration = (topology: ThreeServers): object => {
  const endpoints = topology.servers.map(({ address }) => ({ address }))
  const common = { vip: topology.vip, protocol: 'udp', endpoints }
  return {
    version: 1,
    interfaces: balancerDevices(topology).map((name) => ({ name, hook: topology.hook })),
    services: [
      { ...common, name: 'n3', port: 2152, select: 'n3' },
      {
        ...common,
        name: 'n4',
        port: 8805,
        mode: 'proxy',
        select: 'n4',
        n4: { tunnels: 'n3', onLoss: 'restore', ...detection },
      },
    ],
  }
}

export class Scene {
  readonly #lab: Lab
  readonly #topology: ThreeServers
  readonly #daemon: Daemon

  private constructor(lab: Lab, topology: ThreeServers, daemon: Daemon) {
    this.#lab = lab
    this.#topology = topology
    this.#daemon = daemon
  }

  /** Takes the lab down again, whatever becomes of the work. */
  static async use<T>(work: (scene: Scene) => Promise<T>): Promise<T> {
    const topology = threeServers({ hook: 'tc', clients })
    const lab = await Lab.upUnderFreeName(topology, 'bench-n4')
    try {
      return await work(new Scene(lab, topology, await lab.startDaemon(configuration(topology))))
    } finally {
      await lab.down()
    }
  }

  /** Of a server by its index; resolves when the proxy is associated with it. */
  async openUpf(index: number): Promise<Remote<UpfHandle>> {
    const { address, name } = this.#topology.servers[index]!
    const upf = await this.#lab.host(name).open(simModule, openSimUpf, { address, number: index + 1 })
    await until('the proxy is associated with a UPF', async () => (await upf.use('state')).associations.length > 0)
    return upf
  }

  /** Associated with the proxy, or with the UPF of a server. */
  async openSmf(client: number, server: number | null = null): Promise<Remote<SmfHandle>> {
    const { clients, servers, vip } = this.#topology
    const { address, name } = clients[client]!
    const peer = server === null ? vip : servers[server]!.address
    const uePrefix = uePrefixes[client] ?? uePrefixes[0]
    const options = { address, gnbs: [address], peer, n3: peer, uePrefix }
    const smf = await this.#lab.host(name).open(simModule, openSimSmf, options)
    await smf.use('associate')
    return smf
  }

  /** Milliseconds of processor time that the daemon has had so far, in all its threads. */
  processorMs(): number {
    const text = readFileSync(`/proc/${this.#daemon.pid}/stat`, 'utf8')
    // After the name, which may have anything in it: the state is field 3, user and system time are 14 and 15.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / clockTicksPerSecond
  }

  /** When the daemon has first said this, in milliseconds since 1970; null: it has not yet. */
  saidAtMs(message: string): number | null {
    return timeOfEvent(readFileSync(this.#daemon.logFile, 'utf8'), message)
  }
}

/** In a log of a JSON object a line. */
export function timeOfEvent(log: string, message: string): number | null {
  for (const line of log.split('\n')) {
    if (!line.includes(message)) continue
    const { msg, time } = JSON.parse(line) as { readonly msg?: string; readonly time?: string }
    if (msg === message && time !== undefined) return Date.parse(time)
  }
  return null
}

export async function until(what: string, holds: () => Promise<boolean> | boolean, everyMs = pollMs): Promise<void> {
  const end = performance.now() + waitMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${waitMs} ms in vain for this: ${what}`)
    await sleep(everyMs)
  }
}
