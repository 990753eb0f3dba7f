// Cases: QUIC by the server id in its connection ids (draft-ietf-quic-load-balancers).

import { concat } from '../../../src/testing/packets/bytes.ts'
import { quicLong, quicShort } from '../../../src/testing/packets/quic.ts'
import { socketOf, type Socket } from '../../../src/testing/packets/socket.ts'
import { bytes, hosts, service, udp, type Case, type ServiceOptions } from '../case.ts'
import { forwards, punts } from '../steps.ts'
import { together } from '../together.ts'

const at = (address: string, port: number | string): Socket => socketOf(address, port)
const upf1 = hosts[4].server
const upf2 = '10.0.2.11'

const serverIds = ['0a0b0c0d', '1a1b1c1d'] as const
const quicOf = (configId: number, key: string | null = null): ServiceOptions => ({
  protocol: 'udp',
  port: 443,
  select: 'quic',
  quic: { serverIdLength: 4, nonceLength: 6, key, configId },
  endpoints: serverIds.map((serverId, i) => ({ address: [upf1, upf2][i]!, port: 443, serverId })),
})
const quicVip = at(hosts[4].vip, 443)
const connection = (first: number, serverId: string): Uint8Array =>
  concat(Uint8Array.of(first), Buffer.from(serverId, 'hex'), bytes(6))

export const quicCases: readonly Case[] = [
  ...serverIds.flatMap((serverId, i) =>
    [0, 3].map((configId): Case => {
      const endpoint = at([upf1, upf2][i]!, 443)
      const id = connection((configId << 5) | 10, serverId)
      const clients = [at(hosts[4].client, 5000), at('10.0.1.200', 1), at(hosts[4].farClient, 5000)]
      return {
        name: `quic: a connection keeps endpoint ${i + 1} when its client's address changes, config ${configId}`,
        setup: { services: [service(quicOf(configId))] },
        steps: [
          ...clients.map((from) => forwards(udp(from, quicVip, { payload: quicShort(id) }), from, endpoint)),
          forwards(
            udp(at(hosts[4].client, 6), quicVip, { payload: quicLong({ type: 2, destination: id }) }),
            at(hosts[4].client, 6),
            endpoint,
          ),
          forwards(udp(endpoint, clients[1]!, { payload: quicShort(bytes(8)) }), quicVip, clients[1]!),
        ],
      }
    }),
  ),
  {
    name: 'quic: ids that clients made up, of another config, unroutable or unknown say nothing: the hash decides',
    setup: { services: [service(quicOf(0))] },
    steps: [
      quicLong({ type: 0, destination: connection(10, serverIds[1]) }),
      quicShort(connection((1 << 5) | 10, serverIds[1])),
      quicShort(connection((7 << 5) | 10, serverIds[1])),
      quicShort(connection(10, 'ffffffff')),
      quicLong({ type: 2, destination: bytes(3) }),
      bytes(4),
      bytes(0),
    ].map((payload) =>
      together([Array.from({ length: 3 }, () => udp(at(hosts[4].client, 7), quicVip, { payload }))], 1),
    ),
  },
  {
    name: 'quic: a known 5-tuple keeps its endpoint whatever its ids say',
    setup: { services: [service(quicOf(0))] },
    steps: [
      forwards(
        udp(at(hosts[4].client, 8), quicVip, { payload: quicShort(connection(10, serverIds[0])) }),
        at(hosts[4].client, 8),
        at(upf1, 443),
      ),
      forwards(
        udp(at(hosts[4].client, 8), quicVip, { payload: quicShort(connection(10, serverIds[1])) }),
        at(hosts[4].client, 8),
        at(upf1, 443),
      ),
    ],
  },
  {
    name: 'quic: an encrypted id at a new 5-tuple goes to user space; what cannot be one goes by the hash',
    setup: { services: [service(quicOf(0, '00112233445566778899aabbccddeeff'))] },
    steps: [
      punts(udp(at(hosts[4].client, 9), quicVip, { payload: quicShort(connection(10, serverIds[0])) }), 'quic'),
      together([[udp(at(hosts[4].client, 10), quicVip, { payload: quicLong({ type: 0, destination: bytes(8) }) })]], 1),
    ],
  },
  {
    name: 'quic: an encrypted id goes by the hash while user space is away',
    setup: { services: [service(quicOf(0, '00112233445566778899aabbccddeeff'))], slowPath: false },
    steps: [
      together([[udp(at(hosts[4].client, 9), quicVip, { payload: quicShort(connection(10, serverIds[0])) })]], 1),
    ],
  },
]
