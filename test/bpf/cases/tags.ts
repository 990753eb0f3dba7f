// Cases: VLAN tags stay as they came, whatever else becomes of a frame. Tags in the frame are what XDP sees; TC sees
// them where no device has taken them off, and cannot grow or shrink a header behind them. Else TC has the tag in
// metadata.

import { bytes, client, client6, hosts, server, server6, service, tcp, udp, vip, vip6, type Case } from '../case.ts'
import { etherTypes, type VlanTag } from '../../../src/testing/packets/link.ts'
import { ends, forwards, sends, tooBig } from '../steps.ts'
import type { Hook, Verdict } from '../../../src/datapath/layout.gen.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const c6 = `[${client6}]:40000`
const v6 = `[${vip6}]:80`
const s6 = `[${server6}]:8080`

const tagged: Readonly<Record<string, readonly VlanTag[]>> = {
  'an 802.1Q tag': [{ id: 100, priority: 5 }],
  'an 802.1ad tag': [{ id: 4095, priority: 7, type: etherTypes.serviceVlan }],
  'two tags (QinQ)': [
    { id: 100, type: etherTypes.serviceVlan },
    { id: 7, priority: 3 },
  ],
  'two 802.1Q tags': [{ id: 1 }, { id: 2 }],
}

const onlyXdp: Readonly<Record<Hook, Verdict>> = { xdp: 'forward', tc: 'drop_not_translatable' }

const inFrames = Object.entries(tagged).flatMap(([name, vlan]): readonly Case[] => [
  {
    name: `${name} stays in front of a translated packet, IPv4`,
    setup: { services: [service(), service({ protocol: 'udp', mode: 'fullnat' })] },
    steps: [
      forwards(tcp(c, v, 'S', { vlan, tcpOptions: bytes(20), ipOptions: bytes(8) }), c, s),
      forwards(tcp(s, c, 'SA', { vlan }), v, c),
      forwards(udp(c, v, { vlan }), `${vip}:?port`, s),
      forwards(udp(s, `${vip}:?port`, { vlan }), v, c),
      tooBig(udp(c, v, { vlan, payload: bytes(1473) })),
    ],
  },
  {
    name: `${name} stays in front of a translated packet, IPv6`,
    setup: { services: [service({ vip: vip6 })] },
    steps: [
      forwards(tcp(c6, v6, 'S', { vlan, extensions: [{ kind: 'hop-by-hop' }] }), c6, s6),
      forwards(tcp(s6, c6, 'SA', { vlan, trailer: bytes(5) }), v6, c6),
      ends(tcp(c6, v6, 'S', { vlan, totalLength: 21 }), 'drop_malformed'),
    ],
  },
  {
    name: `${name} stays in front of a packet that changes its family`,
    setup: {
      services: [service({ vip: vip6, mode: 'onearm', endpoints: [s] }), service({ mode: 'onearm', endpoints: [s6] })],
    },
    steps: [
      { ...forwards(tcp(c6, v6, 'S', { vlan }), `${hosts[4].egress}:?a`, s), verdict: onlyXdp },
      { ...forwards(tcp(c, v, 'S', { vlan }), `[${hosts[6].egress}]:?b`, s6), verdict: onlyXdp },
    ],
  },
  {
    name: `${name} stays in front of a packet that goes to its endpoint inside another`,
    setup: {
      services: [
        service({ mode: 'dsr', encapsulation: 'ip' }),
        service({ vip: vip6, mode: 'dsr', encapsulation: 'gue' }),
        service({ mode: 'dsr', encapsulation: 'l2', port: 81 }),
      ],
    },
    steps: [
      { ...sends(tcp(c, v, 'S', { vlan }), { kind: 'ip', to: server }), verdict: onlyXdp },
      { ...sends(tcp(c6, v6, 'S', { vlan }), { kind: 'gue', to: server6 }), verdict: onlyXdp },
      sends(tcp(c, `${vip}:81`, 'S', { vlan }), { kind: 'l2', to: server }),
    ],
  },
])

/** The tag itself cannot be seen: what comes back from a test run is the frame without it. */
const inMetadata: readonly Case[] = [
  {
    name: 'a tag in metadata does not stand in the way of any translation, and none is put into the frame',
    hooks: ['tc'],
    setup: {
      services: [
        service(),
        service({ vip: vip6, mode: 'onearm', endpoints: [s] }),
        service({ port: 81, mode: 'onearm', endpoints: [s6] }),
        service({ port: 82, mode: 'dsr', encapsulation: 'ip' }),
        service({ port: 83, mode: 'dsr', encapsulation: 'gue', endpoints: [`[${server6}]:83`] }),
      ],
    },
    steps: [
      forwards(tcp(c, v, 'S'), c, s, { metadataTag: true }),
      forwards(tcp(s, c, 'SA'), v, c, { metadataTag: true }),
      forwards(tcp(c6, v6, 'S'), `${hosts[4].egress}:?a`, s, { metadataTag: true }),
      forwards(tcp(c, `${vip}:81`, 'S'), `[${hosts[6].egress}]:?b`, s6, { metadataTag: true }),
      sends(tcp(c, `${vip}:82`, 'S'), { kind: 'ip', to: server }, { metadataTag: true }),
      sends(tcp(c, `${vip}:83`, 'S'), { kind: 'gue', to: server6 }, { metadataTag: true }),
      ends(tcp(c, `${vip}:84`, 'S'), 'pass_not_service', { metadataTag: true }),
    ],
  },
]

export const tagCases: readonly Case[] = [...inFrames, ...inMetadata]
