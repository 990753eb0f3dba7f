// Cases: what inside clients (network 1) send to the outside (network 2) gets an address and a port of a pool, and
// nothing else does.

import { transports, type Transport } from '../../../src/lb/model.ts'
import { buildFrame } from '../../../src/testing/packets.ts'
import { chunks } from '../../../src/testing/packets/sctp.ts'
import { socketOf, type Family, type Socket } from '../../../src/testing/packets/socket.ts'
import { timeouts } from '../bed.ts'
import { address, fromClientSide, fromEndpointSide, kinds, router, sceneOf, type Scene } from '../error-scenes.ts'
import { block, bytes, drain, echoReply, echoRequest, expect, hosts, service, tcp, udp } from '../case.ts'
import { deviceAddress, deviceMac, hostAddress } from '../network.ts'
import { changes, check, ends, expires, flowsAre, forwards, liveFlows, punts, wait } from '../steps.ts'
import { sctp, tags, talks } from '../talks.ts'
import type { Service } from '../../../src/lb/model.ts'
import type { Case, PacketStep, ServiceOptions, Step } from '../case.ts'

const titles: Readonly<Record<Transport, string>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP', icmp: 'ICMP echo' }
const families = [4, 6] as const
const everyFamily = (make: (family: Family) => Case): readonly Case[] =>
  families.map((family) => {
    const made = make(family)
    return { ...made, name: `${made.name}, IPv${family}` }
  })

const inside = { 4: '10.0.1.0/24', 6: 'fd00:0:0:1::/64' } as const
const pool = (family: Family, host = 201): string => hostAddress(family, 2, host)

function masquerade(family: Family, more: ServiceOptions = {}): Service {
  return service({
    mode: 'masquerade',
    vip: family === 4 ? '0.0.0.0' : '::',
    port: 0,
    select: 'rr',
    endpoints: [],
    allowedSources: [inside[family]],
    sources: [pool(family)],
    ...more,
  })
}

const places = (family: Family, protocol: Transport = 'tcp') => {
  const isEcho = protocol === 'icmp'
  const { client, server } = hosts[family]
  return {
    client: socketOf(client, isEcho ? 77 : 40_000),
    other: socketOf(hostAddress(family, 1, 3), isEcho ? 77 : 40_000),
    outside: socketOf(server, isEcho ? 0 : 443),
    elsewhere: socketOf(hostAddress(family, 2, 11), isEcho ? 0 : 443),
  }
}

const conversations = transports.flatMap((protocol) =>
  families.map((family): Case => {
    const { client, outside } = places(family, protocol)
    const seen = socketOf(pool(family), '?port')
    return {
      name: `${titles[protocol]}, IPv${family} to IPv${family}, masquerade`,
      setup: { services: [masquerade(family, { protocol })] },
      steps: talks[protocol].flatMap(({ by, packet, state }): readonly Step[] => [
        by === 'client'
          ? forwards(packet(client, outside), seen, outside)
          : forwards(packet(outside, seen), outside, client),
        flowsAre({ [`${client} -> ${outside}`]: state }),
      ]),
    }
  }),
)

const firstPackets: Readonly<Record<Transport, Scene['request']>> = {
  tcp: (from, to) => tcp(from, to, 'S'),
  udp: (from, to) => udp(from, to),
  sctp: (from, to) => sctp(from, to, 0, chunks.init(tags.client)),
  icmp: (from, to) => echoRequest(from, to),
}

const ports = transports.flatMap((protocol) =>
  families.map((family): Case => {
    const { client, other, outside, elsewhere } = places(family, protocol)
    const first = firstPackets[protocol]
    const [one, two, three] = ['?one', '?two', '?three'].map((port) => socketOf(pool(family), port))
    return {
      name: `two clients with one port have two on their way out, ${titles[protocol]}, IPv${family}`,
      setup: { services: [masquerade(family, { protocol })] },
      steps: [
        forwards(first(client, outside), one!, outside),
        forwards(first(other, outside), two!, outside),
        forwards(first(other, outside), two!, outside),
        ...(protocol === 'icmp' ? [] : [forwards(first(client, elsewhere), three!, elsewhere)]),
      ],
    }
  }),
)

const https = (host: string): Socket => socketOf(host, 443)
const nowhere: Readonly<Record<Family, readonly string[]>> = {
  4: ['224.0.0.251', '239.1.2.3', '255.255.255.255', '169.254.169.254', '240.0.0.1', '127.0.0.1', '0.0.0.1'],
  6: ['ff02::fb', 'ff0e::1', 'fe80::1', 'febf::1', '::1', '::'],
}

const taken = everyFamily((family) => {
  const { client } = places(family)
  const { vip, farClient, server } = hosts[family]
  const own = [deviceAddress('client', family), deviceAddress('server', family)]
  const untouched = [...nowhere[family], ...own, vip, pool(family), pool(family, 203), hostAddress(family, 1, 3)]
  return {
    name: 'what is not to the outside, or not from the inside, passes as it came',
    setup: {
      services: [
        service({ vip }),
        masquerade(family, { sources: [pool(family), pool(family, 203)] }),
        masquerade(family, { protocol: 'udp' }),
      ],
    },
    steps: [
      ...untouched.flatMap((to) => [
        ends(tcp(client, https(to), 'S'), 'pass_not_service'),
        ends(udp(client, https(to)), 'pass_not_service'),
      ]),
      ends(tcp(https(farClient), https(server), 'S'), 'pass_not_service'),
      ends(tcp(https(server), client, 'S'), 'pass_not_service'),
      ends(echoRequest(client, server), 'pass_not_service'),
      flowsAre({}),
    ],
  }
})

const choices: readonly Case[] = [
  ...everyFamily((family) => {
    const { client, other, outside } = places(family)
    const seen = (host: number, name: string): Socket => socketOf(pool(family, host), name)
    const one = `${address(client)}/${family === 4 ? 32 : 128}`
    return {
      name: 'the most specific prefix of the client says which pool, and each protocol has its own',
      setup: {
        services: [
          masquerade(family),
          masquerade(family, { allowedSources: [one], sources: [pool(family, 202)] }),
          masquerade(family, { protocol: 'udp', sources: [pool(family, 203)] }),
        ],
      },
      steps: [
        forwards(tcp(client, outside, 'S'), seen(202, '?one'), outside),
        forwards(tcp(other, outside, 'S'), seen(201, '?two'), outside),
        forwards(udp(client, outside), seen(203, '?three'), outside),
        forwards(udp(outside, seen(203, '?three')), outside, client),
        forwards(tcp(outside, seen(202, '?one'), 'SA'), outside, client),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { client, outside } = places(family)
    const { vip, server } = hosts[family]
    const [v, s] = [socketOf(vip, 80), socketOf(server, 8080)]
    return {
      name: 'a service at the address comes first, and its answers are its own, inside or outside',
      setup: {
        services: [
          service({ vip }),
          masquerade(family),
          // The endpoint is an inside client as well.
          masquerade(family, {
            allowedSources: [`${server}/${family === 4 ? 32 : 128}`],
            sources: [pool(family, 202)],
          }),
        ],
      },
      steps: [
        forwards(tcp(client, v, 'S'), client, s),
        forwards(tcp(s, client, 'SA'), v, client),
        ends(tcp(client, outside, 'S'), 'pass_not_service'),
        forwards(
          tcp(s, https(hosts[family].farClient), 'S'),
          socketOf(pool(family, 202), '?port'),
          https(hosts[family].farClient),
        ),
      ],
    }
  }),
  ...everyFamily((family) => {
    const [one, two] = [pool(family), pool(family, 202)]
    const { client, outside, elsewhere } = places(family)
    return {
      name: 'a client keeps its address of the pool, whatever it connects to',
      setup: { services: [masquerade(family, { sources: [one, two] })] },
      steps: [
        check(async (_t, bed, hook) => {
          const ports = [40_000, 40_001, 40_002]
          for (const to of [outside, elsewhere]) {
            for (const port of ports) {
              const packet = tcp(socketOf(address(client), port), to, 'S', {
                ethernetDestination: deviceMac('client'),
              })
              const { verdicts } = await bed.run(hook, buildFrame(packet))
              expect(verdicts, [{ hook, verdict: 'forward' }], 'verdict')
            }
          }
          const flows = (await bed.flows()).filter(({ reverse }) => !reverse)
          expect(flows.length, 2 * ports.length, 'flows')
          expect(new Set(flows.map(({ newFrom }) => address(newFrom))).size, 1, 'addresses of one client')
        }),
      ],
    }
  }),
]

const refusals: readonly Case[] = [
  ...everyFamily((family) => {
    const { client, outside } = places(family)
    return {
      name: 'the middle of an unknown connection is dropped, and never leaves as it is',
      setup: { services: transports.map((protocol) => masquerade(family, { protocol })) },
      steps: [
        ...['A', 'PA', 'FA', 'SA', 'R'].map((flags) => ends(tcp(client, outside, flags), 'drop_no_flow')),
        ends(echoReply(socketOf(hosts[family].client, 0), socketOf(hosts[family].server, 7)), 'drop_no_flow'),
        ends(sctp(client, outside, tags.endpoint, chunks.data(bytes(4))), 'drop_no_flow'),
        flowsAre({}),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { client, other, outside, elsewhere } = places(family)
    const seen = socketOf(pool(family), 40_000)
    return {
      name: 'a port in use serves other destinations too, and one that has run out towards all of them is a drop',
      setup: { services: [masquerade(family)], snat: { first: 40_000, last: 40_000 } },
      steps: [
        forwards(tcp(client, outside, 'S'), seen, outside),
        ends(tcp(other, outside, 'S'), 'drop_ports_exhausted'),
        forwards(tcp(other, elsewhere, 'S'), seen, elsewhere),
        forwards(tcp(elsewhere, seen, 'SA'), elsewhere, other),
        forwards(tcp(outside, seen, 'SA'), outside, client),
        ends(tcp(client, elsewhere, 'S'), 'drop_ports_exhausted'),
        liveFlows(2),
        forwards(tcp(client, outside, 'R'), seen, outside),
        wait(timeouts.closed),
        expires(1, 'queue'),
        // The bitmap says that it is free, and towards one destination it is not.
        ends(tcp(client, elsewhere, 'S'), 'drop_ports_exhausted'),
        forwards(tcp(client, outside, 'S', { sequence: 7 }), seen, outside),
        liveFlows(2),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { client, other, outside } = places(family)
    const seen = socketOf(pool(family), '?port')
    return {
      name: 'who is drained begins nothing new, and who is blocked sends nothing at all',
      setup: { services: [masquerade(family)] },
      steps: [
        forwards(tcp(client, outside, 'S'), seen, outside),
        changes(drain(masquerade(family), 0)),
        ends(tcp(other, outside, 'S'), 'drop_no_endpoint'),
        forwards(tcp(outside, seen, 'SA'), outside, client),
        changes(block(masquerade(family), 0)),
        ends(tcp(client, outside, 'A'), 'drop_blocked'),
        ends(tcp(outside, seen, 'A'), 'drop_blocked'),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { client, other, outside } = places(family)
    const seen = socketOf(pool(family), '?port')
    return {
      name: 'a service that goes leaves its flows, and takes nothing new',
      setup: { services: [masquerade(family)] },
      steps: [
        forwards(tcp(client, outside, 'S'), seen, outside),
        changes({ kind: 'remove', service: masquerade(family) }),
        ends(tcp(other, outside, 'S'), 'pass_not_service'),
        forwards(tcp(outside, seen, 'SA'), outside, client),
        forwards(tcp(client, outside, 'A'), seen, outside),
      ],
    }
  }),
]

const errors = transports.flatMap((protocol) =>
  families.map((family): Case => {
    const { outside } = places(family, protocol)
    const scene: Scene = {
      ...sceneOf(family, protocol, 'onearm'),
      vip: outside,
      endpoint: outside,
      seen: socketOf(pool(family), '?port'),
    }
    const { client, seen, request, reply } = scene
    return {
      name: `errors about masqueraded ${titles[protocol]} over IPv${family} reach both sides`,
      setup: { services: [masquerade(family, { protocol })] },
      steps: [
        forwards(request(client, outside), seen, outside),
        ...kinds[family].flatMap((kind) => [
          fromEndpointSide(kind, scene, router(family, 2)),
          fromEndpointSide(kind, scene, address(outside)),
        ]),
        forwards(reply(outside, seen), outside, client),
        ...kinds[family].flatMap((kind) => [
          fromClientSide(kind, scene, router(family, 1)),
          fromClientSide(kind, scene, address(client)),
        ]),
      ],
    }
  }),
)

const sizes = [1000, 1000, 23]
const piece = (step: PacketStep, index: number): PacketStep => {
  const { verdict } = step
  const later = typeof verdict === 'string' ? verdict : verdict.tc
  return { ...step, part: { sizes, index }, verdict: { xdp: 'to_tc_fragment', tc: later } }
}

const fragments: readonly Case[] = [
  ...everyFamily((family) => {
    const { client, outside } = places(family)
    const seen = socketOf(pool(family), '?port')
    const request = udp(client, outside, { payload: bytes(2015) })
    const reply = udp(outside, seen, { payload: bytes(2015) })
    return {
      name: 'datagrams in pieces keep together both ways',
      setup: { services: [masquerade(family, { protocol: 'udp' })] },
      steps: [
        ...[0, 1, 2].map((index) => piece(forwards(request, seen, outside), index)),
        ...[0, 1, 2].map((index) => piece(forwards(reply, outside, client), index)),
      ],
    }
  }),
  ...everyFamily((family) => {
    const { client, other, outside } = places(family)
    const seen = socketOf(pool(family), '?port')
    const request = udp(client, outside, { payload: bytes(2015) })
    const reply = udp(outside, seen, { payload: bytes(2015) })
    return {
      name: 'a later fragment that comes first waits in user space, on its way out and on its way back',
      setup: { services: [masquerade(family, { protocol: 'udp' })] },
      steps: [
        piece(punts(request, 'fragment'), 1),
        piece(forwards(request, seen, outside), 0),
        piece(punts(request, 'fragment'), 2),
        piece(punts(reply, 'fragment'), 1),
        piece(forwards(reply, outside, client), 0),
        piece(ends(udp(client, other, { payload: bytes(2015) }), 'pass_protocol'), 1),
        piece(ends(udp(outside, other, { payload: bytes(2015) }), 'pass_protocol'), 1),
      ],
    }
  }),
]

const paths = everyFamily((family) => {
  const { client, other, outside, elsewhere } = places(family, 'sctp')
  const seen = socketOf(pool(family), '?port')
  return {
    name: 'other paths of an SCTP association keep whom they are addressed to, and who answers',
    setup: { services: [masquerade(family, { protocol: 'sctp' })] },
    steps: [
      ...talks.sctp
        .slice(0, 5)
        .map(({ by, packet }) =>
          by === 'client'
            ? forwards(packet(client, outside), seen, outside)
            : forwards(packet(outside, seen), outside, client),
        ),
      forwards(sctp(client, elsewhere, tags.endpoint, chunks.heartbeat()), seen, elsewhere),
      forwards(sctp(elsewhere, seen, tags.client, chunks.heartbeatAck()), elsewhere, client),
      forwards(sctp(other, outside, tags.endpoint, chunks.heartbeat()), seen, outside),
    ],
  }
})

export const masqueradeCases: readonly Case[] = [
  ...conversations,
  ...ports,
  ...taken,
  ...choices,
  ...refusals,
  ...errors,
  ...fragments,
  ...paths,
]
