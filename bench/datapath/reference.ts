// The flows of the reference program, as struct reference_flow of bench/bpf/reference.h.

import { native } from '../../native/load.ts'
import { flowKeySize, writeFlowKey } from '../../src/datapath/layout.gen.ts'
import { macBytes, parseSocket } from '../../src/testing/packets.ts'
import { addressBytes } from '../../src/wire/ip.ts'
import { onesComplementSum } from '../../src/wire/checksum.ts'
import { network } from './network.ts'
import { clientKey } from './product.ts'

const offsets = { destination: 0, port: 16, addressDelta: 18, portDelta: 20, macs: 22, device: 36 } as const
const valueBytes = 64

/** What replacing bytes by others adds to a checksum, as the program's 16-bit words in the order of the wire. */
const delta = (from: Uint8Array, to: Uint8Array): number =>
  onesComplementSum(to, onesComplementSum(from.map((byte) => ~byte)))

const portBytes = (port: number): Uint8Array => Uint8Array.of(port >> 8, port & 0xff)

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

export interface ReferenceMaps {
  readonly template: number
  readonly one: number
  readonly many: number
}

/** What the reference program writes into packets to `to`, and one flow that is told so. */
export const writeReference = (maps: ReferenceMaps, flow: number, to: string, endpoint: string): void => {
  const [vip, target] = [parseSocket(to), parseSocket(endpoint)]
  const value = new Uint8Array(valueBytes)
  const view = new DataView(value.buffer)
  value.set(addressBytes(target.address), offsets.destination)
  view.setUint16(offsets.port, target.port)
  view.setUint16(offsets.addressDelta, delta(addressBytes(vip.address), addressBytes(target.address)))
  view.setUint16(offsets.portDelta, delta(portBytes(vip.port), portBytes(target.port)))
  value.set(macBytes(network.endpoints[0]!.mac), offsets.macs)
  value.set(macBytes(network.endpointSide.mac), offsets.macs + 6)
  view.setUint32(offsets.device, native.interfaceIndex(network.endpointSide.device), true)
  const key = new Uint8Array(flowKeySize)
  writeFlowKey(new DataView(key.buffer), 0, clientKey(flow, to))
  native.mapUpdate(maps.template, u32(0), value)
  native.mapUpdate(maps.one, key, value)
}

/** Empties the large table; returns how many entries it had. */
export const emptyReference = (maps: ReferenceMaps): number => {
  const batch = 4096
  const keys = new Uint8Array(batch * flowKeySize)
  const values = new Uint8Array(batch * valueBytes)
  const cursor = new Uint8Array(64)
  for (let entries = 0; ;) {
    const { count } = native.mapLookupBatch(maps.many, cursor, true, keys, values, batch)
    if (count === 0) return entries
    entries += native.mapDeleteBatch(maps.many, keys, count)
  }
}
