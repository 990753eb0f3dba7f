// The bytes that pass between a test bed and the kernel: keys, flow entries, counters.

import { native } from '../../native/load.ts'
import {
  countersSize,
  flowFlags,
  flowKeySize,
  flowStateNames,
  readCounters,
  readFlow,
  readFlowKey,
  verdictCount,
  writeFlowKey,
} from '../../src/datapath/layout.gen.ts'
import { parseSocket, socketOf, type Socket } from '../../src/testing/packets/socket.ts'
import { addressBytes, formatAddress } from '../../src/wire/ip.ts'
import type { Count, FlowEntry } from './bed.ts'

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer)
}

export function keysOf(fd: number, keyBytes: number): readonly Uint8Array[] {
  const keys: Uint8Array[] = []
  for (let last: Uint8Array | null = null; ;) {
    const next = new Uint8Array(keyBytes)
    if (!native.mapNextKey(fd, last, next)) return keys
    keys.push(next)
    last = next
  }
}

export function flowKeyOf(protocol: number, from: string, to: string): Uint8Array {
  const [source, destination] = [parseSocket(from), parseSocket(to)]
  const key = new Uint8Array(flowKeySize)
  writeFlowKey(viewOf(key), 0, {
    source: addressBytes(source.address),
    destination: addressBytes(destination.address),
    sourcePort: source.port,
    destinationPort: destination.port,
    zone: 0,
    protocol,
  })
  return key
}

export function flowEntry(keyBytes: Uint8Array, value: Uint8Array): FlowEntry {
  const key = readFlowKey(viewOf(keyBytes), 0)
  const flow = readFlow(viewOf(value), 0)
  const socket = (address: Uint8Array, port: number): Socket => socketOf(formatAddress(address), port)
  return {
    protocol: key.protocol,
    reverse: (flow.flags & flowFlags.reverse) !== 0,
    state: flowStateNames[flow.state] ?? 'none',
    from: socket(key.source, key.sourcePort),
    to: socket(key.destination, key.destinationPort),
    newFrom: socket(flow.source, flow.sourcePort),
    newTo: socket(flow.destination, flow.destinationPort),
    packets: Number(flow.packets),
    bytes: Number(flow.bytes),
  }
}

/** All verdict counters summed over the CPUs, those of XDP first; in one call, since each packet asks twice. */
export function readVerdicts(fd: number): readonly number[] {
  const cpus = native.possibleCpus()
  const counters = 2 * verdictCount
  const values = new Uint8Array(8 * cpus * counters)
  native.mapLookupBatch(fd, new Uint8Array(16), true, new Uint8Array(4 * counters), values, counters)
  const view = viewOf(values)
  return Array.from({ length: counters }, (_, index) => {
    let sum = 0
    for (let cpu = 0; cpu < cpus; cpu++) sum += Number(view.getBigUint64((index * cpus + cpu) * 8, true))
    return sum
  })
}

/** struct counters of an id, summed over the CPUs. */
export function readCount(fd: number, id: number): Count {
  const cpus = native.possibleCpus()
  const perCpu = new Uint8Array(countersSize * cpus)
  native.mapLookup(fd, u32(id), perCpu)
  const sum = { packets: 0, bytes: 0, flows: 0 }
  for (let cpu = 0; cpu < cpus; cpu++) {
    const { packets, bytes, flows } = readCounters(viewOf(perCpu), cpu * countersSize)
    sum.packets += Number(packets)
    sum.bytes += Number(bytes)
    sum.flows += Number(flows)
  }
  return sum
}
