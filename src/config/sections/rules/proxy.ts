// What mode proxy needs, and what has no meaning where messages end here and no packet is translated.

import { gtpcDefaults } from '../../../lb/model.ts'
import { portsOf, singlePort } from '../service-ports.ts'
import { endpointsOf, foreignEndpoints, refuseIf, removeLine } from './rule.ts'
import type { ProxiedSelect } from '../../../lb/model.ts'
import type { LooseService } from '../service-schema.ts'
import type { Rule } from './rule.ts'

/** Where peers of each protocol are asked, whatever port they ask from (TS 29.244, 4.2.2; TS 29.274, 10.1.2). */
const portOf: Readonly<Record<ProxiedSelect, number>> = { n4: 8805, gtpc: 2123 }
const titles: Readonly<Record<ProxiedSelect, string>> = { n4: 'PFCP', gtpc: 'GTP-C' }

const isProxied = (select: LooseService['select']): select is ProxiedSelect => select !== undefined && select in portOf

/** A rule about services of this mode. */
const proxy = (name: string, reason: string, find: Rule['find']): Rule => ({
  name: `proxy-${name}`,
  reason,
  find: (service) => (service.mode === 'proxy' ? find(service) : []),
})

const unused = ['mark', 'idleTimeout', 'embryonicLimit', 'alg'] as const satisfies readonly (keyof LooseService)[]
const unusedLists = ['allowedSources', 'sources'] as const satisfies readonly (keyof LooseService)[]

export const proxyRules: readonly Rule[] = [
  proxy('select', 'what ends here must be understood, and this build understands PFCP and GTP-C', ({ select }) =>
    refuseIf(
      select !== undefined && !isProxied(select),
      ['select'],
      `${select} names no protocol`,
      'write n4 for PFCP, or gtpc',
    ),
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
  {
    name: 'gtpc-mode',
    reason: 'users are given to gateways by messages that end here',
    find: ({ mode, select }) =>
      refuseIf(
        select === 'gtpc' && mode !== undefined && mode !== 'proxy',
        ['mode'],
        `${mode} looks at packets`,
        'write proxy',
      ),
  },
  {
    name: 'gtpc-select',
    reason: 'nothing else speaks GTP-C',
    find: (service) => {
      const { gtpc, select } = service
      const wrong = select !== undefined && select !== 'gtpc'
      return [
        ...refuseIf(wrong && gtpc !== undefined, ['gtpc'], `has no meaning with select ${select}`, removeLine),
        ...endpointsOf(service).flatMap(({ gtpVersions }, index) =>
          refuseIf(
            wrong && gtpVersions !== undefined,
            ['endpoints', index, 'gtpVersions'],
            `has no meaning with select ${select}`,
            removeLine,
          ),
        ),
      ]
    },
  },
  {
    name: 'gtpc-versions',
    reason: 'it would never get a session',
    find: (service) => {
      if (service.select !== 'gtpc') return []
      const served: readonly unknown[] = service.gtpc?.versions ?? gtpcDefaults.versions
      return endpointsOf(service).flatMap(({ gtpVersions }, index) =>
        refuseIf(
          gtpVersions !== undefined && gtpVersions.length > 0 && gtpVersions.every((one) => !served.includes(one)),
          ['endpoints', index, 'gtpVersions'],
          `none of them is in gtpc.versions`,
          'change one of the two',
        ),
      )
    },
  },
  proxy('port', 'its peers speak it over UDP, all at one port', (service) => {
    const { select } = service
    if (!isProxied(select)) return []
    const [port, title] = [portOf[select], titles[select]]
    const ports = portsOf(service)
    return [
      ...refuseIf(
        service.protocol !== undefined && service.protocol !== 'udp',
        ['protocol'],
        `${service.protocol} has no ${title}`,
        'write udp',
      ),
      ...refuseIf(
        ports !== undefined && singlePort(ports) !== port,
        ['port'],
        `is not that of ${title}`,
        `write ${port}`,
      ),
      ...endpointsOf(service).flatMap((endpoint, index) =>
        refuseIf(
          endpoint.port !== undefined && endpoint.port !== port,
          ['endpoints', index, 'port'],
          `${endpoint.port} is not that of ${title}`,
          removeLine,
        ),
      ),
    ]
  }),
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
