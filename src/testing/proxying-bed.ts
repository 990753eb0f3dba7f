// A datapath and a network without a kernel for the tests of the proxies: simulated SMFs and UPFs on both sides.

import { smfDefaults, upfDefaults } from '../sim/defaults.ts'
import { SimSmf } from '../sim/sim-smf.ts'
import { SimUpf } from '../sim/sim-upf.ts'
import { FakeDatapath } from './fake-datapath.ts'
import { endpoint, n4Service, service } from './services.ts'
import { SimNetwork } from './sim-network.ts'
import { ProxyingDatapath } from '../proxy/proxying-datapath.ts'
import type { Datapath } from '../lb/datapath.ts'
import type { Endpoint, N4Settings, Service } from '../lb/model.ts'
import type { SmfOptions } from '../sim/sim-smf.ts'
import type { UpfOptions } from '../sim/sim-upf.ts'
import type { Surroundings } from '../sockets/surroundings.ts'

export const vip = '10.1.1.1'
export const upfs = ['10.0.0.11', '10.0.0.12', '10.0.0.13'] as const
export const pace = { perSecond: Infinity, concurrency: 32 }
export const endpointsAt = (
  port: number,
  addresses: readonly string[],
  more: Partial<Endpoint> = {},
): readonly Endpoint[] => addresses.map((address) => endpoint(address, { port, ...more }))

export const n3Of = (more: Partial<Service> = {}): Service =>
  service({
    name: 'n3',
    address: vip,
    port: 2152,
    protocol: 'udp',
    select: 'n3',
    endpoints: endpointsAt(2152, upfs),
    ...more,
  })

export const n6Of = (more: Partial<Service> = {}): Service =>
  service({
    name: 'n6',
    address: '0.0.0.0',
    port: 0,
    lastPort: 0,
    protocol: 'any',
    mode: 'dsr',
    encapsulation: 'ip',
    select: 'n6',
    users: ['10.48.0.0/12'],
    endpoints: endpointsAt(0, upfs),
    ...more,
  })

export const n4Of = (more: Partial<Service> = {}, n4: Partial<N4Settings> = {}): Service =>
  n4Service(
    { address: vip, endpoints: endpointsAt(8805, upfs), ...more },
    // Patience would only be waited for.
    { heartbeat: 1, t1: 100, n1: 1, ...n4 },
  )

interface Line {
  readonly level: string
  readonly fields: object
  readonly message: string
}

export const bed = (
  change: (surroundings: Surroundings) => Surroundings = (surroundings) => surroundings,
  stateDirectory: string | null = null,
  over: (datapath: FakeDatapath) => Datapath = (datapath) => datapath,
) => {
  const network = new SimNetwork()
  const datapath = new FakeDatapath()
  const lines: Line[] = []
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields, message })
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const start = (): ProxyingDatapath =>
    new ProxyingDatapath(over(datapath), { stateDirectory, surroundings: change(network.surroundings), log })
  const proxying = start()
  const upf = (address: string, more: Partial<UpfOptions> = {}): SimUpf =>
    new SimUpf({ ...upfDefaults, address, number: Number(address.split('.')[3]), ...more }, network.surroundings)
  const smf = (more: Partial<SmfOptions> = {}): SimSmf =>
    new SimSmf({ ...smfDefaults, address: '10.0.1.1', peer: vip, gnbs: ['10.0.2.1'], ...more }, network.surroundings)
  return {
    network,
    datapath,
    proxying,
    /** another one over the same datapath, as after a restart */
    start,
    lines,
    upf,
    smf,
    add: (...services: readonly Service[]) => proxying.apply(services.map((one) => ({ kind: 'add', service: one }))),
    replace: (from: Service, to: Service) => proxying.apply([{ kind: 'update', from, to }]),
    counters: () => proxying.n4()[0]!.status.counters,
    warnings: () => lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
  }
}

/** Both services, three UPFs that give out the same TEIDs, and an SMF, all of them associated. */
export const ready = async (n4: Service = n4Of(), n3: Service = n3Of(), stateDirectory: string | null = null) => {
  const made = bed((surroundings) => surroundings, stateDirectory)
  const pool = upfs.map((address) => made.upf(address))
  await made.add(n3, n4)
  await made.network.pass(200)
  const smf = made.smf()
  await made.network.until(smf.associate())
  return { ...made, n3, n4, pool, client: smf }
}
