// What UL-CL costs: a G-PDU that leaves its tunnel, and a packet that gets one, of a session among many. Under XDP,
// since only there the wrapper can give a packet its length back.

import { native } from '../../native/load.ts'
import { buildFrame, buildPacket } from '../../src/testing/packets.ts'
import { gtpu, gtpuPort, gtpuTypes, pduSessionContainer } from '../../src/testing/packets/gtpu.ts'
import { be16, be32, concat } from '../../src/testing/packets/bytes.ts'
import { network } from '../datapath/network.ts'
import { Product } from '../datapath/product.ts'
import { median } from '../report.ts'
import { Wrapper } from '../datapath/wrapper.ts'
import type { Packet } from '../../src/testing/packets.ts'
import type { Row, Task } from './worker.ts'

/** nanoseconds of the whole program, nothing taken off */
const goalNs = 160
const sessions = 10_000
const [up, down, qfi] = [0x1234, 0x89ab_cdef, 9]

const { clientSide, endpointSide, endpoints, vip } = network
const server = endpoints[0]!
const gnb = '10.64.0.7'
const ue = '10.60.0.1'
const places = [
  { prefix: '10.2.0.0/24', qfi },
  { prefix: '10.3.0.0/16', qfi: 5 },
]

const packet = (from: string, to: string, ttl: number): Packet => ({
  kind: 'udp',
  from: `${from}:5000`,
  to: `${to}:53`,
  payload: new Uint8Array(64),
  ttl,
})
const uplink = packet(ue, server.address, 64)
const downlink = packet(server.address, ue, 64)

const inUplink = buildFrame({
  kind: 'udp',
  from: `${gnb}:${gtpuPort}`,
  to: `${vip}:${gtpuPort}`,
  payload: gtpu({
    type: gtpuTypes.gPdu,
    teid: up,
    extensions: [pduSessionContainer(qfi)],
    payload: buildPacket(uplink),
  }),
  ethernetSource: clientSide.peerMac,
  ethernetDestination: clientSide.mac,
})
const outUplink = buildFrame({
  ...packet(ue, server.address, 63),
  ethernetSource: endpointSide.mac,
  ethernetDestination: server.mac,
})

const inDownlink = buildFrame({ ...downlink, ethernetSource: server.mac, ethernetDestination: endpointSide.mac })

/** The sender of a tunnel chooses the source port. */
const outDownlink = (found: Uint8Array): Uint8Array => {
  const inner = buildPacket(packet(server.address, ue, 63))
  const header = concat(Uint8Array.of(0x34, 255), be16(inner.length + 8), be32(down))
  return buildFrame({
    kind: 'udp',
    from: `${vip}:${(found[34]! << 8) | found[35]!}`,
    to: `${gnb}:${gtpuPort}`,
    payload: concat(header, Uint8Array.of(0, 0, 0, 0x85, 1, 0, qfi, 0), inner),
    noChecksum: true,
    ttl: 64,
    identification: 0,
    dontFragment: true,
    ethernetSource: clientSide.mac,
    ethernetDestination: clientSide.peerMac,
  })
}

interface Case {
  readonly name: string
  readonly frame: Uint8Array
  readonly device: string
  readonly expected: (found: Uint8Array) => Uint8Array
}

const cases: readonly Case[] = [
  { name: 'ulcl-decapsulate', frame: inUplink, device: clientSide.device, expected: () => outUplink },
  { name: 'ulcl-encapsulate', frame: inDownlink, device: endpointSide.device, expected: outDownlink },
]

export const measureUlcl = (task: Task, progress: (text: string) => void): readonly Row[] => {
  const wrapper = new Wrapper(task.benchObjects)
  const product = new Product(task.objects)
  // The kernel runs XDP tests only on a device that has an XDP program.
  const links = [clientSide, endpointSide].map(({ device }) =>
    native.linkXdp(wrapper.floor('xdp'), native.interfaceIndex(device), 'native'),
  )
  try {
    progress(`installing ${sessions} sessions with uplink classifiers`)
    for (let index = 0; index < sessions; index++)
      product.userSessions.install({
        ueAddresses: [index === 0 ? ue : `10.61.${index >> 8}.${index & 255}`],
        uplink: { address: vip, teid: index === 0 ? up : 0x10_0000 + index },
        downlink: { address: gnb, teid: down },
        classifiers: places,
      })
    return cases.map((one) => {
      progress(`measuring ${one.name}`)
      return measure(task, wrapper, product, one)
    })
  } finally {
    for (const link of links) native.fdClose(link)
    product.close()
    wrapper.close()
  }
}

const measure = ({ repeat, rounds }: Task, wrapper: Wrapper, product: Product, one: Case): Row => {
  const ifindex = native.interfaceIndex(one.device)
  wrapper.prepare({ frame: one.frame, client: 'none', order: new Uint32Array() })
  const roundsNs: number[] = []
  const problems: string[] = []
  for (let round = 0; round < rounds; round++) {
    const before = product.verdicts('xdp')['forward'] ?? 0n
    const { durationNs, frame } = wrapper.run('xdp', product.program('xdp'), repeat, ifindex, 'long')
    roundsNs.push(durationNs)
    const forwarded = (product.verdicts('xdp')['forward'] ?? 0n) - before
    if (forwarded !== BigInt(repeat)) problems.push(`${forwarded} of ${repeat} packets were sent on`)
    if (Buffer.compare(one.expected(frame), frame) !== 0) problems.push('the last packet is not what it must be')
  }
  const value = Math.min(...roundsNs)
  const [problem] = problems
  return {
    bench: 'n3',
    case: one.name,
    hook: 'xdp',
    unit: 'ns',
    value,
    goal: goalNs,
    ok: problem === undefined && value <= goalNs,
    beside: { median_ns: median(roundsNs), sessions },
    ...(problem !== undefined && { problem }),
  }
}
