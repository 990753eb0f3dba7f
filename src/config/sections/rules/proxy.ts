// What mode proxy needs, and what has no meaning where messages end here and no packet is translated.

import { portsOf, singlePort } from '../service-ports.ts'
import { endpointsOf, foreignEndpoints, refuseIf, removeLine } from './rule.ts'
import type { LooseService } from '../service-schema.ts'
import type { Rule } from './rule.ts'

/** TS 29.244, 4.2.2: peers are asked there, whatever port they ask from. */
const pfcpPort = 8805

/** A rule about services of this mode. */
const proxy = (name: string, reason: string, find: Rule['find']): Rule => ({
  name: `proxy-${name}`,
  reason,
  find: (service) => (service.mode === 'proxy' ? find(service) : []),
})

const unused = ['mark', 'idleTimeout', 'embryonicLimit', 'alg'] as const satisfies readonly (keyof LooseService)[]
const unusedLists = ['allowedSources', 'sources'] as const satisfies readonly (keyof LooseService)[]

export const proxyRules: readonly Rule[] = [
  proxy('select', 'what ends here must be understood, and PFCP is what this build understands', ({ select }) =>
    refuseIf(select !== undefined && select !== 'n4', ['select'], `${select} names no protocol`, 'write n4'),
  ),
  {
    name: 'n4-mode',
    reason: 'PFCP sessions are given to UPFs by messages that end here',
    find: ({ mode, select }) =>
      refuseIf(
        select === 'n4' && mode !== undefined && mode !== 'proxy',
        ['mode'],
        `${mode} looks at packets`,
        'write proxy, or use select hint, which leads a session to the UPF it was made on',
      ),
  },
  {
    name: 'n4-settings',
    reason: 'where tunnels go must be known',
    find: (service) =>
      refuseIf(
        service.select === 'n4' && !('n4' in service),
        ['n4'],
        'is missing',
        'add `n4: { tunnels: NAME }` with the name of the service that has select n3',
      ),
  },
  {
    name: 'n4-select',
    reason: 'nothing else makes PFCP sessions',
    find: (service) => {
      const { select, n4 } = service
      const wrong = select !== undefined && select !== 'n4'
      return [
        ...refuseIf(wrong && n4 !== undefined, ['n4'], `has no meaning with select ${select}`, removeLine),
        ...endpointsOf(service).flatMap(({ upf }, index) =>
          refuseIf(
            wrong && upf !== undefined,
            ['endpoints', index, 'upf'],
            `has no meaning with select ${select}`,
            removeLine,
          ),
        ),
      ]
    },
  },
  proxy('port', 'PFCP is spoken over UDP, by all peers at port 8805', (service) => [
    ...refuseIf(
      service.protocol !== undefined && service.protocol !== 'udp',
      ['protocol'],
      `${service.protocol} has no PFCP`,
      'write udp',
    ),
    ...refuseIf(
      portsOf(service) !== undefined && singlePort(portsOf(service)) !== pfcpPort,
      ['port'],
      'is not that of PFCP',
      `write ${pfcpPort}`,
    ),
    ...endpointsOf(service).flatMap(({ port }, index) =>
      refuseIf(
        port !== undefined && port !== pfcpPort,
        ['endpoints', index, 'port'],
        `${port} is not that of PFCP`,
        removeLine,
      ),
    ),
  ]),
  proxy('vips', 'both sides are told one address of each family', ({ vips = [] }) =>
    refuseIf(vips.length > 0, ['vips'], 'further VIPs have no meaning', 'make a service for each'),
  ),
  proxy('family', 'the address that endpoints are spoken to from is the VIP', (service) =>
    foreignEndpoints(service).map(({ address, index, other }) => ({
      path: ['endpoints', index, 'address'],
      wrong: `${address} is not of the family of the IPv${other} VIP`,
      remedy: 'make a service for each family',
    })),
  ),
  proxy('announce', 'the messages end at the VIP, so this machine must have it', ({ announce }) =>
    refuseIf(announce === 'routed', ['announce'], 'routed leaves the VIP elsewhere', `write local, or ${removeLine}`),
  ),
  proxy('unused', 'no packet is translated', (service) => [
    ...unused.flatMap((field) => refuseIf(service[field] !== undefined, [field], 'has no meaning', removeLine)),
    ...unusedLists.flatMap((field) =>
      refuseIf((service[field] ?? []).length > 0, [field], 'has no meaning', removeLine),
    ),
  ]),
]
