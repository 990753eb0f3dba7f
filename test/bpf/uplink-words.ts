// The words of cases about sessions with uplink classifiers: a user, its tunnel, and what is local for it.

import { gtpu, gtpuPort, gtpuTypes, pduSessionContainer } from '../../src/testing/packets/gtpu.ts'
import { buildFrame, buildPacket } from '../../src/testing/packets.ts'
import { be16, concat } from '../../src/testing/packets/bytes.ts'
import { socketOf } from '../../src/testing/packets/socket.ts'
import { expect, hosts, udp } from './case.ts'
import { gnb, n3 } from './n3-words.ts'
import { deviceMac, pathTo } from './network.ts'
import { check, sends } from './steps.ts'
import type { UserSession } from '../../src/lb/user-sessions.ts'
import type { Packet } from '../../src/testing/packets.ts'
import type { Family } from '../../src/testing/packets/socket.ts'
import type { PacketStep, Step } from './case.ts'

export const user = { 4: '10.60.1.2', 6: '2001:db8:60:1::2' } as const
export const otherUser = { 4: '10.60.1.3', 6: '2001:db8:60:2::2' } as const
/** Of the local places, and one that is none. */
export const local = { 4: hosts[4].server, 6: hosts[6].server } as const
export const elsewhere = { 4: hosts[4].farClient, 6: hosts[6].farClient } as const
export const [up, down, qfi] = [0x00012345, 0x89ab0007, 9]

export const sessionOf = (outer: Family, inner: Family, more: Partial<UserSession> = {}): UserSession => ({
  ueAddresses: [user[inner]],
  uplink: { address: hosts[outer].vip, teid: up },
  downlink: { address: hosts[outer].client, teid: down },
  classifiers: [{ prefix: inner === 4 ? '10.0.2.0/24' : 'fd00:0:0:2::/64', qfi }],
  ...more,
})

/** The user's packet in its tunnel. */
export const inTunnel = (outer: Family, packet: Packet, more: Partial<Parameters<typeof gtpu>[0]> = {}): Packet =>
  udp(gnb[outer], n3[outer], {
    payload: gtpu({
      type: gtpuTypes.gPdu,
      teid: up,
      extensions: [pduSessionContainer(5)],
      payload: buildPacket(packet),
      ...more,
    }),
  })

/** Out of its tunnel, one hop further. */
export const leaves = (outer: Family, packet: Packet, more: Partial<Parameters<typeof gtpu>[0]> = {}): PacketStep =>
  sends(inTunnel(outer, packet, more), { kind: 'answer', packet: { ...packet, ttl: (packet.ttl ?? 64) - 1 } })

/** Of its own, over all that follows its header: the one around it follows from it. */
const hasChecksum = ({ extensions, moreFragments, ...packet }: Packet): boolean =>
  moreFragments !== true &&
  extensions === undefined &&
  (packet.kind === 'udp' ? packet.noChecksum !== true : packet.kind === 'tcp' || packet.kind === 'icmp')

/**
 * What comes from a local place gets the tunnel, as this packet if it becomes another one; the sender chooses the UDP
 * source port and the flow label.
 */
export const enters = (outer: Family, packet: Packet, as: Packet = packet): Step =>
  check(async (_t, bed, hook) => {
    const frame = buildFrame({ ethernetDestination: deviceMac('server'), ...packet })
    const outcome = await bed.run(hook, frame, { device: 'server' })
    expect(
      outcome.verdicts.map(({ verdict }) => verdict),
      ['forward'],
      'verdict',
    )
    const found = outcome.frame
    const port = 14 + (outer === 4 ? 20 : 40)
    const inner = buildPacket({ ...as, ttl: (packet.ttl ?? 64) - 1 })
    // TS 29.281, 5.1 and TS 38.415, 5.5.2.1: version 1 with an extension header, whose type is 0x85: downlink, QFI.
    const header = concat(Uint8Array.of(0x34, 255), be16(inner.length + 8), Uint8Array.of(0x89, 0xab, 0, 7))
    const container = Uint8Array.of(0, 0, 0, 0x85, 1, 0, qfi, 0)
    const to = socketOf(hosts[outer].client, gtpuPort)
    const wanted = udp(socketOf(hosts[outer].vip, (found[port]! << 8) | found[port + 1]!), to, {
      payload: concat(header, container, inner),
      // Over IPv6 there is one where the packet inside has one of its own.
      noChecksum: outer === 4 || !hasChecksum(packet),
      ttl: 64,
      ...(packet.tos !== undefined && { tos: packet.tos }),
      ...(outer === 4
        ? { identification: 0, dontFragment: true }
        : { flowLabel: ((found[15]! & 15) << 16) | (found[16]! << 8) | found[17]! }),
    })
    expect((found[port]! >> 6).toString(), '3', 'source port')
    expect(
      Buffer.from(found).toString('hex'),
      Buffer.from(buildFrame({ ...pathTo(to), ...wanted })).toString('hex'),
      'frame out',
    )
  })
