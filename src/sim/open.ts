// Simulated peers as objects without `this`, for whoever runs them in another thread: the hosts of a lab.

import { SimSmf } from './sim-smf.ts'
import { SimUpf } from './sim-upf.ts'
import { smfDefaults, upfDefaults } from './defaults.ts'
import { realSurroundings } from '../sockets/udp-socket.ts'
import type { JobOptions } from './jobs.ts'
import type { SmfOptions, SmfReport } from './sim-smf.ts'
import type { TunnelCount, UpfOptions, UpfReport } from './sim-upf.ts'
import type { ReportKind } from './choices.ts'

export interface SmfHandle {
  associate(): Promise<void>
  establish(count: number, options: JobOptions): Promise<number>
  modify(options: JobOptions): Promise<number>
  remove(options: JobOptions, count?: number): Promise<number>
  send(perSecond: number): void
  cancel(): void
  release(): Promise<void>
  report(): SmfReport
  stop(): void
}

export interface UpfHandle {
  associate(address: string): Promise<void>
  report(kind: ReportKind, count: number): number
  askRelease(withinSeconds: number): void
  setLoad(load: number | null): void
  restart(): void
  state(): UpfReport
  tunnels(): readonly TunnelCount[]
  stop(): void
}

/** In the network namespace of the calling thread. */
export function openSimSmf(options: Partial<SmfOptions> & Pick<SmfOptions, 'address' | 'peer' | 'gnbs'>): SmfHandle {
  const smf = new SimSmf({ ...smfDefaults, ...options }, realSurroundings)
  return {
    associate: () => smf.associate(),
    establish: (count, job) => smf.establish(count, job),
    modify: (job) => smf.modify(job),
    remove: (job, count) => smf.remove(job, count),
    send: (perSecond) => smf.send(perSecond),
    cancel: () => smf.cancel(),
    release: () => smf.release(),
    report: () => smf.report(),
    stop: () => smf.stop(),
  }
}

export function openSimUpf(
  options: Partial<Omit<UpfOptions, 'random'>> & Pick<UpfOptions, 'address' | 'number'>,
): UpfHandle {
  const upf = new SimUpf({ ...upfDefaults, ...options }, realSurroundings)
  return {
    associate: (address) => upf.associate(address),
    report: (kind, count) => upf.report(kind, count),
    askRelease: (withinSeconds) => upf.askRelease(withinSeconds),
    setLoad: (load) => upf.setLoad(load),
    restart: () => upf.restart(),
    state: () => upf.state(),
    tunnels: () => upf.tunnels(),
    stop: () => upf.stop(),
  }
}
