// Cases: every protocol in every mode between every pair of families, a whole conversation each. docs/support-matrix.md
// names these rows. Direct return by MAC address across families is not here: the configuration refuses it.

import {
  encapsulations,
  modes,
  transports,
  type Encapsulation,
  type Mode,
  type Transport,
} from '../../../src/lb/model.ts'
import { socketOf, type Family, type Socket } from '../../../src/testing/packets/socket.ts'
import { hosts, service, type Case, type Step } from '../case.ts'
import { deviceAddress } from '../network.ts'
import { flowsAre, forwards, sends } from '../steps.ts'
import { talks } from '../talks.ts'

interface Kind {
  readonly mode: Mode
  readonly encapsulation: Encapsulation | null
}

interface Combination extends Kind {
  readonly protocol: Transport
  readonly clientFamily: Family
  readonly endpointFamily: Family
}

const pairs = [
  [4, 4],
  [6, 6],
  [6, 4],
  [4, 6],
] as const

const kinds: readonly Kind[] = [
  ...modes
    .filter((mode) => mode !== 'dsr' && mode !== 'masquerade' && mode !== 'proxy')
    .map((mode): Kind => ({ mode, encapsulation: null })),
  ...encapsulations.map((encapsulation): Kind => ({ mode: 'dsr', encapsulation })),
]

const combinations: readonly Combination[] = transports.flatMap((protocol) =>
  pairs.flatMap(([clientFamily, endpointFamily]) =>
    kinds
      .filter(({ encapsulation }) => encapsulation !== 'l2' || clientFamily === endpointFamily)
      .map((kind) => ({ protocol, clientFamily, endpointFamily, ...kind })),
  ),
)

const titles: Readonly<Record<Transport, string>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP', icmp: 'ICMP echo' }

function nameOf({ protocol, clientFamily, endpointFamily, mode, encapsulation }: Combination): string {
  const how = encapsulation === null ? mode : `${mode} ${encapsulation}`
  return `${titles[protocol]}, IPv${clientFamily} to IPv${endpointFamily}, ${how}`
}

/** Where a conversation takes place. */
interface Places {
  readonly client: Socket
  readonly vip: Socket
  readonly endpoint: Socket
  /** whom the endpoint sees as its client */
  readonly seen: Socket
}

function placesOf({ protocol, clientFamily, endpointFamily, mode, encapsulation }: Combination): Places {
  const isEcho = protocol === 'icmp'
  const near = hosts[clientFamily]
  const far = hosts[endpointFamily]
  const [clientPort, port] = isEcho ? [77, 0] : [40_000, 80]
  const keepsSource = encapsulation !== null || (mode === 'dnat' && clientFamily === endpointFamily)
  const client = socketOf(near.client, clientPort)
  return {
    client,
    vip: socketOf(mode === 'hostonearm' ? deviceAddress('client', clientFamily) : near.vip, port),
    endpoint: socketOf(far.server, isEcho ? 0 : encapsulation === null ? 8080 : 80),
    seen: keepsSource ? client : socketOf(mode === 'fullnat' ? far.vip : far.egress, '?port'),
  }
}

function caseOf(combination: Combination): Case {
  const { protocol, clientFamily, endpointFamily, mode, encapsulation } = combination
  const { client, vip, endpoint, seen } = placesOf(combination)
  const crosses = clientFamily !== endpointFamily
  const unspecified = clientFamily === 4 ? '0.0.0.0' : '::'
  const balanced = service({
    protocol,
    mode,
    encapsulation,
    vip: mode === 'hostonearm' ? unspecified : hosts[clientFamily].vip,
    // The endpoint's family has a VIP of its own, for packets to have it as their source.
    secondary: mode === 'fullnat' && crosses ? [hosts[endpointFamily].vip] : [],
    endpoints: [endpoint],
  })
  const lines = encapsulation === null ? talks[protocol] : talks[protocol].filter(({ by }) => by === 'client')
  const steps = lines.flatMap(({ by, packet, state }): readonly Step[] => {
    if (encapsulation !== null)
      return [sends(packet(client, vip), { kind: encapsulation, to: endpoint.replace(/:\d+$/, '') })]
    const step =
      by === 'client' ? forwards(packet(client, vip), seen, endpoint) : forwards(packet(endpoint, seen), vip, client)
    return [step, flowsAre({ [`${client} -> ${vip}`]: state })]
  })
  return { name: nameOf(combination), setup: { services: [balanced] }, steps }
}

export const matrixCases: readonly Case[] = combinations.map(caseOf)
