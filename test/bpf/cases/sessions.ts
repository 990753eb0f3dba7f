// Cases: packets that are told apart by a session key: PFCP by SEID, clients by address. Hints say where a session
// lives; without one the service says what happens. GTP-U is in n3.ts, QUIC in quic.ts.

import { concat } from '../../../src/testing/packets/bytes.ts'
import { socketOf, type Family } from '../../../src/testing/packets/socket.ts'
import { addressBytes } from '../../../src/wire/ip.ts'
import { block, bytes, hosts, service, tcp, udp, type Case } from '../case.ts'
import { at, upf1, upf2 } from '../n3-words.ts'
import { changes, ends, flowsAre, forwards, hints, wait } from '../steps.ts'
import { together } from '../together.ts'
import type { HintOptions } from '../bed.ts'

const n4Port = 8805
const pfcp = (seid: Uint8Array | null): Uint8Array =>
  concat(Uint8Array.of(0x20 | (seid === null ? 0 : 1), 52, 0, 20), seid ?? new Uint8Array(), bytes(12))
const seid = bytes(8)
const n4 = service({
  protocol: 'udp',
  port: n4Port,
  select: 'hint',
  miss: 'drop',
  endpoints: [at(upf1[4], n4Port), at(upf2[4], n4Port)],
})
const smf = at(hosts[4].client, n4Port)
const n4Vip = at(hosts[4].vip, n4Port)

const clientHints = service({ select: 'hint', miss: 'drop', endpoints: [at(upf1[4], 80), at(upf2[4], 80)] })
const clientKey = (family: Family, address: string): HintOptions => ({
  service: `${socketOf(hosts[family].vip, 80)}/tcp`,
  kind: 'client',
  key: addressBytes(address),
  endpoint: at(upf2[family], 80),
})

const hintCases: readonly Case[] = [
  {
    name: 'hint: PFCP goes by the SEID of its header, without flows',
    setup: {
      services: [n4],
      hints: [{ service: `${n4Vip}/udp`, kind: 'seid', key: seid, endpoint: at(upf2[4], n4Port) }],
    },
    steps: [
      forwards(udp(smf, n4Vip, { payload: pfcp(seid) }), smf, at(upf2[4], n4Port)),
      forwards(
        udp(at(hosts[4].client, 9), n4Vip, { payload: pfcp(seid) }),
        at(hosts[4].client, 9),
        at(upf2[4], n4Port),
      ),
      ends(udp(smf, n4Vip, { payload: pfcp(bytes(9).subarray(1)) }), 'drop_no_hint'),
      forwards(udp(at(upf2[4], n4Port), smf, { payload: pfcp(seid) }), n4Vip, smf),
      together([[udp(smf, n4Vip, { payload: pfcp(null) }), udp(smf, n4Vip, { payload: pfcp(null) })]], 1),
      flowsAre({}),
    ],
  },
  ...([4, 6] as const).map((family): Case => {
    const balanced = service({
      select: 'hint',
      miss: 'drop',
      vip: hosts[family].vip,
      endpoints: [at(upf1[family], 80), at(upf2[family], 80)],
    })
    const [from, to] = [at(hosts[family].client, 40_000), at(hosts[family].vip, 80)]
    const endpoint = at(upf2[family], 80)
    return {
      name: `hint: a client's address leads its connections to their endpoint, and flows keep it, IPv${family}`,
      setup: { services: [balanced], hints: [clientKey(family, hosts[family].client)] },
      steps: [
        forwards(tcp(from, to, 'S'), from, endpoint),
        forwards(tcp(endpoint, from, 'SA'), to, from),
        ends(tcp(at(hosts[family].farClient, 1), to, 'S'), 'drop_no_hint'),
        hints({ ...clientKey(family, hosts[family].client), endpoint: null }),
        forwards(tcp(from, to, 'A'), from, endpoint),
        ends(tcp(at(hosts[family].client, 2), to, 'S'), 'drop_no_hint'),
      ],
    }
  }),
  {
    name: 'hint: an expired one, and one whose endpoint is blocked, do not count for new flows',
    setup: { services: [clientHints], hints: [{ ...clientKey(4, hosts[4].client), lifetime: 500 }] },
    steps: [
      forwards(tcp(at(hosts[4].client, 1), at(hosts[4].vip, 80), 'S'), at(hosts[4].client, 1), at(upf2[4], 80)),
      wait(500),
      ends(tcp(at(hosts[4].client, 2), at(hosts[4].vip, 80), 'S'), 'drop_no_hint'),
      hints(clientKey(4, hosts[4].client)),
      changes(block(clientHints, 1)),
      ends(tcp(at(hosts[4].client, 3), at(hosts[4].vip, 80), 'S'), 'drop_no_hint'),
    ],
  },
  {
    name: 'hint: without one the client goes where the hash says, if the service wants it',
    setup: {
      services: [{ ...clientHints, miss: 'hash', port: 81, lastPort: 81, name: 'b' }],
    },
    steps: [together([[1, 2, 3].map((port) => tcp(at(hosts[4].client, port), at(hosts[4].vip, 81), 'S'))], 1)],
  },
]

export const sessionCases: readonly Case[] = hintCases
