// What the mode of a service and the way it is found exclude.

import { familyOf } from '../../../lb/model.ts'
import { portsOf, singlePort } from '../service-ports.ts'
import { endpointsOf, foreignEndpoints, isUnspecified, keepsSource, refuseIf, removeLine, vipsOf } from './rule.ts'
import type { Rule } from './rule.ts'

const families: Rule = {
  name: 'dsr-l2-family',
  reason:
    'in mode dsr with encapsulation l2 the packet stays as it is, and the server knows it by the VIP of its family',
  find: (service) =>
    service.mode === 'dsr' && (service.encapsulation ?? 'l2') === 'l2'
      ? foreignEndpoints(service).map(({ address, index, other }) => ({
          path: ['endpoints', index, 'address'],
          wrong: `${address} is not of the family of the IPv${other} VIP`,
          remedy: 'use encapsulation ip or gue, or another mode',
        }))
      : [],
}

export const modeRules: readonly Rule[] = [
  families,
  {
    name: 'dsr-port',
    reason: 'in mode dsr the server gets the packet as the client sent it, with its port',
    find: (service) => {
      const single = singlePort(portsOf(service))
      if (service.mode !== 'dsr' || portsOf(service) === undefined) return []
      return endpointsOf(service).flatMap(({ port }, index) =>
        refuseIf(
          port !== undefined && port !== single,
          ['endpoints', index, 'port'],
          `${port} is not the port of the service`,
          `${removeLine}, or use another mode`,
        ),
      )
    },
  },
  {
    name: 'encapsulation-mode',
    reason: 'only mode dsr hands packets on as they are, inside others',
    find: ({ mode, encapsulation }) =>
      refuseIf(
        encapsulation !== undefined && mode !== undefined && mode !== 'dsr',
        ['encapsulation'],
        `${encapsulation} has no meaning in mode ${mode}`,
        `use mode dsr, or ${removeLine}`,
      ),
  },
  {
    name: 'dsr-alg',
    reason: 'in mode dsr answers do not come by here, so what they say cannot be followed',
    find: ({ mode, alg }) =>
      refuseIf(
        mode === 'dsr' && alg !== undefined,
        ['alg'],
        `${alg} cannot be followed`,
        `use another mode, or ${removeLine}`,
      ),
  },
  {
    name: 'dsr-reset',
    reason: 'in mode dsr answers do not come by here, so the numbers that a RST must carry are not known',
    find: ({ mode, resetOnIdle }) =>
      refuseIf(
        mode === 'dsr' && resetOnIdle === true,
        ['resetOnIdle'],
        'nobody can be told',
        `use another mode, or ${removeLine}`,
      ),
  },
  {
    name: 'hostonearm-vip',
    reason: 'mode hostonearm takes what is sent to any address of this machine',
    find: (service) =>
      service.mode === 'hostonearm'
        ? vipsOf(service).flatMap(({ path, address }) =>
            refuseIf(
              !isUnspecified(address),
              path,
              `${address} is one address`,
              'write 0.0.0.0 or "::", or use mode onearm',
            ),
          )
        : [],
  },
  {
    name: 'hostonearm-announce',
    reason: 'the addresses of this machine are there already',
    find: ({ mode, announce }) =>
      refuseIf(
        mode === 'hostonearm' && announce === 'local',
        ['announce'],
        'local has nothing to announce',
        'write routed, or remove this line',
      ),
  },
  {
    name: 'hostonearm-any-port',
    reason: 'all that this machine itself is asked for would go to the endpoints, its management too',
    find: (service) =>
      refuseIf(service.mode === 'hostonearm' && service.port === 'any', ['port'], 'any is too much', 'name the ports'),
  },
  {
    name: 'hostonearm-mark',
    reason: 'a mark chooses packets whatever their destination, also those to this machine',
    find: ({ mode, mark }) =>
      refuseIf(
        mode === 'hostonearm' && mark !== undefined,
        ['mark'],
        'a mark needs no mode hostonearm',
        `use mode onearm with a VIP, or ${removeLine}`,
      ),
  },
  {
    name: 'mark-vips',
    reason: 'a mark chooses packets whatever their destination',
    find: ({ mark, vips = [] }) =>
      refuseIf(mark !== undefined && vips.length > 0, ['vips'], 'further VIPs have no meaning', removeLine),
  },
  {
    name: 'sources-mode',
    reason: 'the source address is not rewritten',
    find: (service) => {
      const { mode, sources = [] } = service
      return refuseIf(
        sources.length > 0 && keepsSource(service),
        ['sources'],
        `mode ${mode} needs none`,
        `use mode onearm or fullnat, or ${removeLine}`,
      )
    },
  },
  {
    name: 'sources-family',
    reason: 'an address stands in packets of its own family only',
    find: (service) => {
      const served = new Set(endpointsOf(service).flatMap(({ address }) => (address ? [familyOf(address)] : [])))
      if (served.size === 0) return []
      return (service.sources ?? []).flatMap((source, index) =>
        refuseIf(
          source !== undefined && !served.has(familyOf(source)),
          ['sources', index],
          `no endpoint is of the family of ${source}`,
          removeLine,
        ),
      )
    },
  },
]
