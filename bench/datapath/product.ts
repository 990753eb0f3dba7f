// The programs under test with their services, loaded as the daemon loads them but pinned nowhere, and the flows that a
// row needs in their table.

import { native } from '../../native/load.ts'
import { Expiry } from '../../src/datapath/expiry.ts'
import { ExpiryProgram } from '../../src/datapath/expiry-program.ts'
import { FlowReader } from '../../src/datapath/flow-reader.ts'
import {
  deviceFlags,
  deviceSize,
  flowKeySize,
  flowStateCount,
  limits,
  settingsOffsets,
  writeDevice,
  writeFlowKey,
} from '../../src/datapath/layout.gen.ts'
import { load, mapMemory } from '../../src/datapath/maps.ts'
import { Services } from '../../src/datapath/services.ts'
import { Status } from '../../src/datapath/status.ts'
import { UserSessions } from '../../src/datapath/user-sessions.ts'
import { macBytes, parseSocket } from '../../src/testing/packets.ts'
import { endpointDefaults, serviceDefaults } from '../../src/lb/model.ts'
import { addressBytes } from '../../src/wire/ip.ts'
import { clientSocket, network } from './network.ts'
import { encapsulationSource, installHints, singleServices } from './singles.ts'
import type { FlowKey, Hook } from '../../src/datapath/layout.gen.ts'
import type { Loaded } from '../../src/datapath/maps.ts'
import type { Mode, Service, Transport } from '../../src/lb/model.ts'

/** No flow ends by itself while it is measured. */
const timeoutTicks = 1_000_000
export const portRange = { first: 1024, last: 65_535 }
const maxWalks = 10
/** Two entries of about 200 bytes each. */
const flowLimit = 1_048_576

const targetPort = 8080

/** The sockets of the services, by what they are for. */
export const vips = {
  /** one endpoint, so that answers to every flow come from one address */
  established: `${network.vip}:80`,
  newFlow: `${network.vip}:81`,
  fullnat: `${network.vip}:82`,
} as const

/** The only endpoint of the established services. */
export const onlyEndpoint = `${network.endpoints[0]!.address}:${targetPort}` as const

/** Source ports that exist behind the full NAT service. */
export const portCount = network.endpoints.length * (portRange.last - portRange.first + 1)

const service = (socket: string, protocol: Transport, mode: Mode, endpoints: number): Service => ({
  ...serviceDefaults,
  name: `${protocol} ${socket}`,
  address: network.vip,
  port: Number(socket.split(':')[1]),
  lastPort: Number(socket.split(':')[1]),
  protocol,
  mode,
  select: 'hash',
  announce: 'routed',
  endpoints: network.endpoints
    .slice(0, endpoints)
    .map(({ address }) => ({ ...endpointDefaults, address, port: targetPort })),
})

/** The key of a TCP packet from a client to a socket. */
export const clientKey = (flow: number, to: string): FlowKey => {
  const source = parseSocket(clientSocket(flow))
  const destination = parseSocket(to)
  return {
    source: addressBytes(source.address),
    destination: addressBytes(destination.address),
    sourcePort: source.port,
    destinationPort: destination.port,
    zone: 0,
    protocol: 6,
  }
}

export class Product {
  readonly #loaded: Loaded
  readonly #expiry: Expiry
  readonly #expiryProgram: ExpiryProgram
  readonly #status: Status
  readonly #expireKeys: Uint8Array
  readonly services: Services
  readonly userSessions: UserSessions

  constructor(objects: string) {
    this.#loaded = load({
      objects,
      sizes: { flows: flowLimit, services: 64, endpoints: 1024, slotPages: 1024 },
      ticksPerSecond: native.ticksPerSecond(),
      pins: null,
    })
    const memory = mapMemory(this.#loaded.fds)
    for (let state = 0; state < flowStateCount; state++)
      memory.settings.setUint32(settingsOffsets.timeouts + state * 4, timeoutTicks, true)
    memory.settings.setUint16(settingsOffsets.snatFirst, portRange.first, true)
    memory.settings.setUint16(settingsOffsets.snatLast, portRange.last, true)
    const services = new Services({
      loaded: this.#loaded,
      memory,
      seed: 1,
      portRange,
      previousPortRange: portRange,
      now: () => 0,
      defer: (release) => release(),
      egress: () => network.egress4,
    })
    services.apply(
      [
        service(vips.established, 'tcp', 'dnat', 1),
        service(vips.established, 'udp', 'dnat', 1),
        service(vips.newFlow, 'tcp', 'dnat', network.endpoints.length),
        service(vips.fullnat, 'tcp', 'fullnat', network.endpoints.length),
        ...singleServices,
      ].map((service) => ({ kind: 'add', service })),
    )
    for (const { device, mac } of [network.clientSide, network.endpointSide]) this.#addDevice(device, mac)
    this.#status = new Status(this.#loaded.fds, services)
    this.services = services
    this.userSessions = new UserSessions({ fds: this.#loaded.fds, needed: (any) => services.needUplinks(any) })
    installHints(services)
    memory.settings.setUint16(settingsOffsets.guePort, 6080)
    new Uint8Array(memory.settings.buffer).set(addressBytes(encapsulationSource), settingsOffsets.encapSource4)
    this.#expireKeys = memory.expireKeys
    this.#expiryProgram = new ExpiryProgram({
      program: this.#loaded.programs.expire,
      request: memory.expireRequest,
    })
    this.#expiry = new Expiry({
      flowsFd: this.#loaded.fds.flows,
      program: this.#expiryProgram,
      expireKeys: memory.expireKeys,
      timeoutTicks: () => timeoutTicks,
      dropEndpoints: () => new Set(),
      stepsPerWalk: 1,
    })
  }

  program(hook: Hook): number {
    return this.#loaded.programs[hook]
  }

  /** Packets so far, by verdict. */
  verdicts(hook: Hook): Readonly<Record<string, bigint>> {
    return this.#status.verdicts()[hook]
  }

  /** Frees every flow and its port. */
  empty(): void {
    // Entries of a bucket that changes while it is read may be missed by one walk.
    for (let walks = 0; walks < maxWalks; walks++) {
      this.#expiry.flush()
      if (this.countEntries() === 0) return
    }
    throw new Error('the flow table cannot be emptied')
  }

  /** Frees these clients' flows to a socket, with their ports. */
  free(flows: Uint32Array, vip: string): void {
    const view = new DataView(this.#expireKeys.buffer)
    for (let start = 0; start < flows.length; start += limits.expireBatch) {
      const batch = flows.subarray(start, start + limits.expireBatch)
      batch.forEach((flow, index) => writeFlowKey(view, index * flowKeySize, clientKey(flow, vip)))
      this.#expiryProgram.run(batch.length, true)
    }
  }

  countEntries(): number {
    const reader = new FlowReader(this.#loaded.fds.flows)
    for (let entries = 0; ;) {
      const { count, done } = reader.next()
      entries += count
      if (done) return entries
    }
  }

  close(): void {
    this.#loaded.close()
  }

  #addDevice(name: string, mac: string): void {
    const value = new Uint8Array(deviceSize)
    const flags = deviceFlags.known | deviceFlags.xdpTransmit
    writeDevice(new DataView(value.buffer), 0, { flags, mac: macBytes(mac) })
    const key = new Uint8Array(Uint32Array.of(native.interfaceIndex(name)).buffer)
    native.mapUpdate(this.#loaded.fds.devices, key, value)
  }
}
