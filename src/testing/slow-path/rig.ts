// A slow path with its own maps in the thread of a lab host, between real peers. What the fast path would do is played:
// the host forwards as a router, and packets of the flows that are punted are seen by a packet socket and put into the
// ring as well.

import { native } from '../../../native/load.ts'
import { parseIp } from '../../wire/ip-packet.ts'
import { decodeTcp } from '../../wire/tcp.ts'
import * as layout from '../../datapath/layout.gen.ts'
import { flowKeyBytes, flowKeyName, partnerKey } from '../../datapath/slow-path/flow-pair.ts'
import { SlowPath } from '../../datapath/slow-path/slow-path.ts'
import { recordOf, sidesOf } from './punts.ts'
import type { FlowKey } from '../../datapath/layout.gen.ts'
import type { SlowPathStatus } from '../../lb/datapath.ts'
import type { TestFlow, TestPunt } from './punts.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'

const mapTypes = { hash: 1, array: 2, lruHash: 9 } as const
const BPF_F_MMAPABLE = 1024
const AF_PACKET = 17
const SOCK_RAW = 3
const ETH_P_ALL = 3
const PACKET_HOST = 0
const ticksPerSecond = 100
const slotBytes = 2048
const ethernetBytes = 14

export interface Rig {
  punt(test: TestPunt): void
  /** Its packets are punted as `alg` from now on, once a reset has put it into the table. */
  expire(flow: TestFlow): void
  status(): SlowPathStatus
  /** ticks that the fast path is told; 0: nobody reads */
  alive(): number
  /** clients' keys of flows that were freed */
  freed(): number
  /** UDP packets that a packet socket saw come in since the beginning */
  incoming(): number
  /** As the fast path has a flow in its table. */
  install(flow: TestFlow): void
  flows(): number
  fragment(key: layout.FragmentKey): layout.Fragment | null
  close(): void
}

const makeMap = (name: string, type: number, keySize: number, valueSize: number, flags = 0): number =>
  native.mapCreate({ type, name, keySize, valueSize, maxEntries: 64, flags })

export function openRig(objectPath: string): Rig {
  const object = native.objectOpen(objectPath)
  native.objectLoad(object)
  const emit = native.objectPrograms(object).find(({ name }) => name === 'punt')!.fd
  const counts = (name: string): number => makeMap(name, mapTypes.array, 4, 8, BPF_F_MMAPABLE)
  const fds = {
    punts: native.objectMaps(object).find(({ name }) => name === 'punts')!.fd,
    flows: makeMap('flows', mapTypes.hash, layout.flowKeySize, layout.flowSize),
    fragments: makeMap('fragments', mapTypes.lruHash, layout.fragmentKeySize, layout.fragmentSize),
    active_flows: counts('active'),
    live_flows: counts('live'),
    embryonic: counts('embryonic'),
  }
  const settings = new DataView(new ArrayBuffer(layout.settingsSize))
  let freed = 0
  const remove = (bytes: Uint8Array): void => {
    const value = new Uint8Array(layout.flowSize)
    if (!native.mapLookup(fds.flows, bytes, value)) return
    const key = layout.readFlowKey(new DataView(bytes.buffer), 0)
    const flow = layout.readFlow(new DataView(value.buffer), 0)
    native.mapDelete(fds.flows, bytes)
    native.mapDelete(fds.flows, flowKeyBytes(partnerKey(key, flow)))
    freed++
  }
  const slowPath = SlowPath.open({
    fds,
    settings,
    ticks: () => Math.floor((performance.now() * ticksPerSecond) / 1000),
    ticksPerSecond,
    hints: { install: () => {}, remove: () => false },
    freeFlow: remove,
    now: () => performance.now(),
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: console.error },
  })
  const punt = (test: TestPunt): void => {
    const at = Math.floor((performance.now() * ticksPerSecond) / 1000)
    const { result } = native.testRun(emit, { data: recordOf({ at, ...test }) })
    if (result !== 0) throw new Error(`the ring was full: verdict ${result}`)
  }
  const sides = new Map<string, layout.Flow>()
  let incoming = 0
  const capture = captureFrames((frame) => {
    if (protocolOf(frame) === 17) incoming++
    const key = tcpKey(frame)
    const flow = key === null ? undefined : sides.get(flowKeyName(key))
    if (key === null || flow === undefined) return
    // As the fast path does it: only while the flow is in the table, and says so.
    if (!native.mapLookup(fds.flows, flowKeyBytes(key), new Uint8Array(layout.flowSize))) return
    punt({ reason: 'alg', frame, key, flow })
  })
  return {
    punt,
    expire: (flow) => {
      const { client, clientKey, endpoint, endpointKey } = sidesOf(flow)
      sides.set(flowKeyName(clientKey), client)
      sides.set(flowKeyName(endpointKey), endpoint)
      punt({ reason: 'reset', frame: new Uint8Array(), key: clientKey, flow: client })
    },
    status: () => slowPath.status(),
    alive: () => settings.getUint32(layout.settingsOffsets.puntAlive, true),
    freed: () => freed,
    incoming: () => incoming,
    install: (flow) => {
      const { client, clientKey, endpoint, endpointKey } = sidesOf(flow)
      for (const [key, entry] of [
        [clientKey, client],
        [endpointKey, endpoint],
      ] as const) {
        const value = new Uint8Array(layout.flowSize)
        layout.writeFlow(new DataView(value.buffer), 0, entry)
        native.mapUpdate(fds.flows, flowKeyBytes(key), value)
      }
    },
    flows: () => {
      const { count } = native.mapLookupBatch(
        fds.flows,
        new Uint8Array(64),
        true,
        new Uint8Array(64 * layout.flowKeySize),
        new Uint8Array(64 * layout.flowSize),
        64,
      )
      return count
    },
    fragment: (key) => {
      const bytes = new Uint8Array(layout.fragmentKeySize)
      layout.writeFragmentKey(new DataView(bytes.buffer), 0, key)
      const value = new Uint8Array(layout.fragmentSize)
      return native.mapLookup(fds.fragments, bytes, value) ? layout.readFragment(new DataView(value.buffer), 0) : null
    },
    close: () => {
      slowPath.close()
      capture.close()
      native.objectClose(object)
    },
  }
}

/** Frames that come in by any device, not those that are sent. */
function captureFrames(onFrame: (frame: Uint8Array) => void): { close(): void } {
  const socket = native.socketOpen({ domain: AF_PACKET, type: SOCK_RAW, protocol: ETH_P_ALL })
  const arena = new Uint8Array(64 * slotBytes)
  native.socketReceive(socket, arena, slotBytes, (count, lengths, addresses) => {
    for (let i = 0; i < count; i++) {
      if (addresses[i * 28 + 10] !== PACKET_HOST) continue // the type in struct sockaddr_ll
      onFrame(arena.slice(i * slotBytes, i * slotBytes + Math.min(slotBytes, lengths[i] ?? 0)))
    }
  })
  return { close: () => native.socketClose(socket) }
}

function ipPacket(frame: Uint8Array): IpPacket | null {
  try {
    return parseIp(frame.subarray(ethernetBytes))
  } catch {
    return null // ARP and the like
  }
}

const protocolOf = (frame: Uint8Array): number => ipPacket(frame)?.protocol ?? 0

function tcpKey(frame: Uint8Array): FlowKey | null {
  const packet = ipPacket(frame)
  if (packet?.protocol !== 6) return null
  const { destinationPort, sourcePort } = decodeTcp(packet)
  const { destination, source } = packet
  return { source, destination, sourcePort, destinationPort, zone: 0, protocol: 6 }
}
