// What select n6 needs, and what has no meaning where packets to users go to the UPF that has them.

import { familyOf } from '../../../lb/model.ts'
import { canonicalPrefix, parsePrefix } from '../../../wire/ip.ts'
import { isUnspecified, refuseIf, removeLine } from './rule.ts'
import type { LooseService } from '../service-schema.ts'
import type { Rule } from './rule.ts'

/** A rule about services of this selection. */
const n6 = (name: string, reason: string, find: Rule['find']): Rule => ({
  name: `n6-${name}`,
  reason,
  find: (service) => (service.select === 'n6' ? find(service) : []),
})

const unused = ['mark', 'idleTimeout', 'embryonicLimit'] as const satisfies readonly (keyof LooseService)[]

export const n6Rules: readonly Rule[] = [
  n6('mode', 'the UPF gets the packet as the data network sent it', ({ mode }) =>
    refuseIf(mode !== undefined && mode !== 'dsr', ['mode'], `${mode} rewrites it`, 'write dsr'),
  ),
  {
    name: 'n6-protocol',
    reason: 'users send and get whatever there is over IP, and nothing else has a service for all of it',
    find: ({ select, protocol }) =>
      refuseIf(
        select !== undefined && protocol !== undefined && (select === 'n6') !== (protocol === 'any'),
        ['protocol'],
        `${protocol} is not for select ${select}`,
        select === 'n6' ? 'write any' : 'write tcp, udp, sctp or icmp, or use select n6',
      ),
  },
  n6('vip', 'packets are for the service by the prefixes of users', ({ vip, vips = [] }) => [
    ...refuseIf(
      vip !== undefined && !isUnspecified(vip),
      ['vip'],
      `${vip} is one address`,
      'write 0.0.0.0 or "::", which says the family',
    ),
    ...refuseIf(vips.length > 0, ['vips'], 'further VIPs have no meaning', 'make a service for each family'),
  ]),
  {
    name: 'n6-users',
    reason: 'packets of the data network are for users, who are known by prefix',
    find: ({ select, users = [], vip }) => {
      if (select === undefined) return []
      if (select !== 'n6')
        return refuseIf(users.length > 0, ['users'], `has no meaning with select ${select}`, removeLine)
      return [
        ...refuseIf(users.length === 0, ['users'], 'there are none', 'name the prefixes of the users'),
        ...users.flatMap((text, index) => {
          if (text === undefined) return []
          const { bits = 128 } = parsePrefix(canonicalPrefix(text) ?? '') ?? {}
          const [least, most] = familyOf(text) === 4 ? [97, 128] : [1, 64]
          return [
            ...refuseIf(
              vip !== undefined && familyOf(text) !== familyOf(vip),
              ['users', index],
              `${text} is not of the family of vip`,
              'make a service for each family, with vip 0.0.0.0 and "::"',
            ),
            ...refuseIf(
              bits < least || bits > most,
              ['users', index],
              `${text} is everybody, or less than a user of IPv6`,
              'write a prefix of at least 1 bit, of IPv6 of at most 64',
            ),
          ]
        }),
      ]
    },
  },
  n6('announce', 'routes of the data network lead to users', ({ announce }) =>
    refuseIf(announce === 'local', ['announce'], 'local has nothing to announce', 'write routed, or remove this line'),
  ),
  n6('unused', 'packets to users make no flows', (service) =>
    unused.flatMap((field) => refuseIf(service[field] !== undefined, [field], 'has no meaning', removeLine)),
  ),
]
