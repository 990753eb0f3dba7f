// Cases: ICMP errors find the flow of the packet inside them, in both directions and every mode, so that path MTU
// discovery works and nobody waits in vain. Between the families they go to user space, which translates them.

import { encapsulations, modes, type Transport } from '../../../src/lb/model.ts'
import { socketOf } from '../../../src/testing/packets/socket.ts'
import { bytes, hosts, service, tcp, type Case, type Step } from '../case.ts'
import { ends, forwards, punts, sends } from '../steps.ts'

import { address, error, fromClientSide, fromEndpointSide, kinds, router, sceneOf, tooBig } from '../error-scenes.ts'

const titles: Readonly<Record<Transport, string>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP', icmp: 'ICMP echo' }

const throughModes = ([4, 6] as const).flatMap((family) =>
  (['tcp', 'udp', 'sctp', 'icmp'] as const).flatMap((protocol) =>
    modes
      .filter((mode) => mode !== 'dsr' && mode !== 'masquerade' && mode !== 'proxy')
      .map((mode): Case => {
        const scene = sceneOf(family, protocol, mode)
        const { client, vip, endpoint, seen, request, reply } = scene
        const unspecified = family === 4 ? '0.0.0.0' : '::'
        const balanced = service({ mode, protocol, vip: mode === 'hostonearm' ? unspecified : hosts[family].vip })
        return {
          name: `errors about ${titles[protocol]} over IPv${family} reach both sides in mode ${mode}`,
          setup: { services: [balanced] },
          steps: [
            forwards(request(client, vip), seen, endpoint),
            ...kinds[family].flatMap((kind) => [
              fromEndpointSide(kind, scene, router(family, 2)),
              fromEndpointSide(kind, scene, address(endpoint)),
            ]),
            forwards(reply(endpoint, seen), vip, client),
            ...kinds[family].flatMap((kind) => [
              fromClientSide(kind, scene, router(family, 1)),
              fromClientSide(kind, scene, address(client)),
            ]),
            forwards(request(client, vip), seen, endpoint),
          ],
        }
      }),
  ),
)

const direct = ([4, 6] as const).flatMap((family) =>
  encapsulations.map((kind): Case => {
    const { client, vip, server } = hosts[family]
    const [c, v] = [socketOf(client, 40_000), socketOf(vip, 80)]
    return {
      name: `errors about what an IPv${family} endpoint of mode dsr ${kind} has answered reach it as packets do`,
      setup: { services: [service({ mode: 'dsr', encapsulation: kind, vip })] },
      steps: [
        sends(tcp(c, v, 'S'), { kind, to: server }),
        ...kinds[family].map((each) =>
          sends(error(each, router(family, 1), vip, tcp(v, c, 'A', { payload: bytes(400) })), { kind, to: server }),
        ),
        ends(error(tooBig[family], router(family, 1), vip, tcp(v, `${c}1`, 'A')), 'drop_icmp_no_flow'),
      ],
    }
  }),
)

const crossing = (
  [
    [6, 4],
    [4, 6],
  ] as const
).map(([near, far]): Case => {
  const scene = { ...sceneOf(near, 'udp', 'onearm'), endpoint: socketOf(hosts[far].server, 8080) }
  const seen = socketOf(hosts[far].egress, '?port')
  const { client, vip, endpoint, request, reply } = scene
  return {
    name: `errors between IPv${near} and IPv${far} go to user space, from both sides`,
    setup: { services: [service({ protocol: 'udp', mode: 'onearm', vip: hosts[near].vip, endpoints: [endpoint] })] },
    steps: [
      forwards(request(client, vip), seen, endpoint),
      ...kinds[far].map((kind) =>
        punts(error(kind, router(far, 2), hosts[far].egress, request(seen, endpoint)), 'icmp_error'),
      ),
      ...kinds[near].map((kind) => punts(error(kind, router(near, 1), vip, reply(vip, client)), 'icmp_error')),
    ],
  }
})

export const errorCases: readonly Case[] = [
  ...throughModes,
  ...direct,
  ...crossing,
  {
    name: 'an error between the families is dropped while user space is away',
    setup: { ...crossing[0]!.setup, slowPath: false },
    steps: [
      crossing[0]!.steps[0]!,
      { ...(crossing[0]!.steps[1] as Extract<Step, { kind: 'packet' }>), verdict: 'drop_slowpath_absent' },
    ],
  },
]
