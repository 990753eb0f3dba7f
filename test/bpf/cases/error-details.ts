// Cases: what may be special about an ICMP error or the packet inside it, and which errors are not translated.

import { type Family } from '../../../src/testing/packets/socket.ts'
import { bytes, echoRequest, hosts, service, tcp, udp, type Case, type ErrorAbout } from '../case.ts'
import type { Packet } from '../../../src/testing/packets.ts'

import { ends, flowsAre, forwards, handshake, sends } from '../steps.ts'
import {
  address,
  error,
  fromClientSide,
  fromEndpointSide,
  kinds,
  router,
  sceneOf,
  tooBig,
  type Scene,
} from '../error-scenes.ts'

const udp4 = sceneOf(4, 'udp', 'onearm')
const udp6 = sceneOf(6, 'udp', 'onearm')
const tcp4 = sceneOf(4, 'tcp', 'dnat')
const opened = handshake(tcp4.client, tcp4.vip, tcp4.endpoint)
const ofTcp = { services: [service()] }

/** An error of the endpoint's side with something special about the packet inside, or the error itself. */
function special(
  name: string,
  make: (scene: Scene, family: Family) => readonly [Packet, Partial<ErrorAbout>],
  families: readonly Family[] = [4, 6],
): readonly Case[] {
  return families.map((family) => {
    const scene = family === 4 ? udp4 : udp6
    const { client, vip, endpoint, seen } = scene
    const [about, more] = make(scene, family)
    return {
      name: `${name}, IPv${family}`,
      setup: { services: [service({ protocol: 'udp', mode: 'onearm', vip: address(vip) })] },
      steps: [
        forwards(udp(client, vip), seen, endpoint),
        sends(error(tooBig[family], router(family, 2), address(seen), about, more), {
          kind: 'error',
          from: router(family, 2),
          to: address(client),
          insideFrom: client,
          insideTo: vip,
        }),
      ],
    }
  })
}

export const errorDetailCases: readonly Case[] = [
  ...special('an error with no more of the packet than its ports is translated', ({ seen, endpoint }, family) => [
    udp(seen, endpoint, { payload: bytes(1000) }),
    { most: (family === 4 ? 20 : 40) + 8 },
  ]),
  ...special('an error with a packet cut off at an odd place is translated', ({ seen, endpoint }) => [
    udp(seen, endpoint, { payload: bytes(1000) }),
    { most: 555 },
  ]),
  ...special('an error about UDP without a checksum leaves it without one', ({ seen, endpoint }) => [
    udp(seen, endpoint, { noChecksum: true }),
    {},
  ]),
  ...special('an error whose own checksum is wrong stays wrong by the same error', ({ seen, endpoint }) => [
    udp(seen, endpoint),
    { checksumError: 0x1357 },
  ]),
  ...special('an error about a packet whose checksum was wrong says the same', ({ seen, endpoint }) => [
    udp(seen, endpoint, { checksumError: 0x2468 }),
    {},
  ]),
  ...special(
    'an error about a packet with IPv4 options is translated',
    ({ seen, endpoint }) => [udp(seen, endpoint, { ipOptions: new Uint8Array(40).fill(1) }), {}],
    [4],
  ),
  ...special(
    'an error with IPv4 options of its own is translated',
    ({ seen, endpoint }) => [udp(seen, endpoint), { ipOptions: new Uint8Array(12).fill(1) }],
    [4],
  ),
  ...special(
    'an error with extension headers of its own is translated',
    ({ seen, endpoint }) => [udp(seen, endpoint), { extensions: [{ kind: 'hop-by-hop' }, { kind: 'destination' }] }],
    [6],
  ),
  ...special('an error with the TOS, TTL and padding of its router keeps what is not ours', ({ seen, endpoint }) => [
    udp(seen, endpoint),
    { tos: 0xc0, ttl: 2, trailer: bytes(7) },
  ]),
  ...([4, 6] as const).map((family): Case => {
    const { client, vip, endpoint, request, reply } = sceneOf(family, 'tcp', 'dnat')
    return {
      name: `an error about a packet of no flow is dropped for a VIP, and left to the kernel for others, IPv${family}`,
      setup: { services: [service({ vip: address(vip) })] },
      steps: [
        ends(error(tooBig[family], router(family, 1), address(vip), reply(vip, client)), 'drop_icmp_no_flow'),
        ends(error(tooBig[family], router(family, 2), address(client), request(client, endpoint)), 'pass_protocol'),
        flowsAre({}),
      ],
    }
  }),
  {
    name: 'an error does not change the state of a flow, whoever has sent it',
    setup: ofTcp,
    steps: [
      ...opened,
      ...kinds[4].flatMap((kind) => [
        fromEndpointSide(kind, { ...tcp4, request: (from, to) => tcp(from, to, 'A') }, router(4, 2)),
        fromClientSide(kind, { ...tcp4, reply: (from, to) => tcp(from, to, 'RA') }, router(4, 1)),
      ]),
      flowsAre({ [`${tcp4.client} -> ${tcp4.vip}`]: 'established' }),
    ],
  },
  {
    name: 'an error about a packet to somebody else than it is sent to is left to the kernel',
    setup: ofTcp,
    steps: [
      ...opened,
      ends(error(tooBig[4], router(4, 2), hosts[4].farClient, tcp(tcp4.client, tcp4.endpoint, 'A')), 'pass_protocol'),
    ],
  },
  {
    name: 'an error about a later fragment has no ports to go by and is left to the kernel',
    setup: ofTcp,
    steps: [
      ...opened,
      ends(
        error(tooBig[4], router(4, 2), hosts[4].client, tcp(tcp4.client, tcp4.endpoint, 'A', { fragmentOffset: 185 })),
        'pass_protocol',
      ),
    ],
  },
  ...([4, 6] as const).map((family): Case => {
    const scene = sceneOf(family, 'tcp', 'dnat')
    const first =
      family === 4 ? { moreFragments: true } : { extensions: [{ kind: 'fragment', offset: 0, more: true }] as const }
    return {
      name: `an error about a first fragment is translated, IPv${family}`,
      setup: { services: [service({ vip: address(scene.vip) })] },
      steps: [
        ...handshake(scene.client, scene.vip, scene.endpoint),
        fromEndpointSide(
          tooBig[family],
          { ...scene, request: (from, to) => tcp(from, to, 'A', first) },
          router(family, 2),
        ),
      ],
    }
  }),
  {
    name: 'an error about an error, or about a protocol without ports, is left to the kernel',
    setup: ofTcp,
    steps: [
      ...opened,
      ends(
        error(tooBig[4], router(4, 2), hosts[4].client, {
          kind: 'other',
          protocol: 47,
          from: hosts[4].client,
          to: hosts[4].server,
          payload: bytes(40),
        }),
        'pass_protocol',
      ),
      ends(
        error(tooBig[4], router(4, 2), hosts[4].client, echoRequest(hosts[4].client, hosts[4].server, { type: 3 })),
        'pass_protocol',
      ),
    ],
  },
  {
    name: 'an error cut off before the ports is left to the kernel',
    setup: ofTcp,
    steps: [
      ...opened,
      ...[0, 1, 19, 20, 24, 27].map((most) =>
        ends(
          error(tooBig[4], router(4, 2), hosts[4].client, tcp(tcp4.client, tcp4.endpoint, 'A'), { most }),
          'pass_protocol',
        ),
      ),
    ],
  },
  {
    name: 'an error that ends before the ports is left to the kernel, whatever stands behind it',
    setup: ofTcp,
    steps: [
      ...opened,
      ...[48, 55].map((totalLength) =>
        ends(
          error(tooBig[4], router(4, 2), hosts[4].client, tcp(tcp4.client, tcp4.endpoint, 'A'), { totalLength }),
          'pass_protocol',
        ),
      ),
    ],
  },
  {
    name: 'an error that may not be forwarded any further, or has a wrong IP checksum, is not forwarded',
    setup: ofTcp,
    steps: [
      ...opened,
      ends(
        error(tooBig[4], router(4, 2), hosts[4].client, tcp(tcp4.client, tcp4.endpoint, 'A'), { ttl: 1 }),
        'pass_ttl',
      ),
      ends(
        error(tooBig[4], router(4, 2), hosts[4].client, tcp(tcp4.client, tcp4.endpoint, 'A'), { ipChecksumError: 3 }),
        'drop_bad_checksum',
      ),
    ],
  },
]
