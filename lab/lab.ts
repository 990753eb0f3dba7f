// A lab on this machine: a topology as network namespaces, with a name that only one process can have at a time. The
// demo, the tests and the benchmarks all run in one of these.

import { spawnSync } from 'node:child_process'

import { bringUp } from './bring-up.ts'
import { Daemon } from './daemon.ts'
import { Host } from './host.ts'
import { LabBusyError, lockInstance, writeOwnership } from './instance.ts'
import { removeLab, sweepDeadLabs } from './removal.ts'
import { checkTopology, type Topology } from './topology.ts'

const freeNameLimit = 100

export interface LabOptions {
  /** the name of namespaces, sockets and pins */
  readonly instance: string
}

export class Lab {
  /** Those that this thread has up, to be removed when the process exits without taking them down. */
  static readonly #up = new Set<Lab>()
  readonly topology: Topology
  readonly instance: string
  readonly #hosts: ReadonlyMap<string, Host>
  readonly #unlock: () => void
  #daemon: Daemon | null = null
  #ending: Promise<void> | null = null

  private constructor(topology: Topology, instance: string, unlock: () => void) {
    this.topology = topology
    this.instance = instance
    this.#unlock = unlock
    this.#hosts = new Map(topology.hosts.map(({ name }) => [name, new Host(instance, name)]))
  }

  /** Brings a lab up. Throws LabBusyError while another process has the name; a dead owner's leftovers are removed. */
  static async up(topology: Topology, options: LabOptions): Promise<Lab> {
    const problems = checkTopology(topology)
    if (problems.length > 0) throw new Error(`the topology cannot be brought up:\n  ${problems.join('\n  ')}`)
    if (process.geteuid?.() !== 0) throw new Error('a lab makes network namespaces, which needs root: run it with sudo')
    await sweepDeadLabs(Date.now())
    const { instance } = options
    const unlock = await lockInstance(instance)
    const lab = new Lab(topology, instance, unlock)
    try {
      removeLab(instance)
      writeOwnership({
        instance,
        createdAtMs: Date.now(),
        hook: topology.hook,
        hosts: topology.hosts.map((host) => host.name),
      })
      Lab.#removeOnExit(lab)
      await lab.#bringUp()
      return lab
    } catch (error) {
      await lab.down()
      throw error
    }
  }

  /** Brings a lab up under `base`, or `base2`, `base3`, ... while those before are in use. */
  static async upUnderFreeName(topology: Topology, base: string): Promise<Lab> {
    for (let number = 1; ; number++) {
      try {
        return await Lab.up(topology, { instance: number === 1 ? base : `${base}${number}` })
      } catch (error) {
        if (!(error instanceof LabBusyError) || number === freeNameLimit) throw error
      }
    }
  }

  host(name: string): Host {
    const host = this.#hosts.get(name)
    if (host !== undefined) return host
    throw new Error(`lab ${this.instance} has no host ${name}; it has ${[...this.#hosts.keys()].join(', ')}`)
  }

  /** The host that the daemon runs on. */
  get balancer(): Host {
    return this.host(this.topology.balancer)
  }

  /** Starts the daemon on the balancer and waits until it answers. `config` is what stands in its file. */
  async startDaemon(config: object): Promise<Daemon> {
    if (this.#daemon?.running === true) throw new Error(`lab ${this.instance} has a daemon already`)
    this.#daemon = await Daemon.start(this.balancer, this.instance, config)
    return this.#daemon
  }

  /** Ends everything and removes it. The second call waits for the first. */
  down(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  /** One listener for all, however many there are. */
  static #removeOnExit(lab: Lab): void {
    if (!process.listeners('exit').includes(Lab.#removeAll)) process.on('exit', Lab.#removeAll)
    Lab.#up.add(lab)
  }

  static readonly #removeAll = (): void => {
    for (const { instance } of Lab.#up) removeLab(instance)
  }

  async #end(): Promise<void> {
    try {
      await this.#daemon?.stop()
      for (const host of this.#hosts.values()) await host.close()
      removeLab(this.instance)
    } finally {
      Lab.#up.delete(this)
      this.#unlock()
    }
  }

  async #bringUp(): Promise<void> {
    const { batch, scripts } = bringUp(this.topology, this.instance)
    const made = spawnSync('ip', ['-batch', '-'], { input: batch, encoding: 'utf8' })
    if (made.error !== undefined) throw new Error('cannot run ip (Debian package iproute2)', { cause: made.error })
    if (made.status !== 0) throw new Error(`ip cannot make the lab's network: ${made.stderr.trim()}`)
    await Promise.all(
      scripts.map(async ({ host, script }) => {
        const result = await this.host(host).run('sh', ['-e', '-s'], { input: script })
        if (result.code !== 0) throw new Error(`lab host ${host} cannot be set up: ${result.stderr.trim()}`)
      }),
    )
  }
}
