// What mode masquerade needs, and what has no meaning where nothing is balanced.

import { familyOf } from '../../../lb/model.ts'
import { parsePrefix, canonicalPrefix } from '../../../wire/ip.ts'
import { isUnspecified, refuseIf, removeLine } from './rule.ts'
import type { Family } from '../../../lb/model.ts'
import type { LooseService } from '../service-schema.ts'
import type { Refusal, Rule } from './rule.ts'

const family = ({ vip }: LooseService): Family | undefined => (vip === undefined ? undefined : familyOf(vip))

/** A rule about services of this mode. */
const masquerade = (name: string, reason: string, find: Rule['find']): Rule => ({
  name: `masquerade-${name}`,
  reason,
  find: (service) => (service.mode === 'masquerade' ? find(service) : []),
})

/** Addresses or prefixes that are not of the family. */
const foreign = (service: LooseService, field: 'allowedSources' | 'sources'): readonly Refusal[] =>
  (service[field] ?? []).flatMap((text, index) =>
    refuseIf(
      text !== undefined && family(service) !== undefined && familyOf(text) !== family(service),
      [field, index],
      `${text} is not of the family of vip`,
      'make a service for each family, with vip 0.0.0.0 and "::"',
    ),
  )

const bitsOf = (text: string): number => {
  const { bits = 128 } = parsePrefix(canonicalPrefix(text) ?? '') ?? {}
  return familyOf(text) === 4 ? bits - 96 : bits
}

export const masqueradeRules: readonly Rule[] = [
  masquerade('vip', 'mode masquerade takes what goes to any address outside', ({ vip, vips = [] }) => [
    ...refuseIf(
      vip !== undefined && !isUnspecified(vip),
      ['vip'],
      `${vip} is one address`,
      'write 0.0.0.0 or "::", which says the family',
    ),
    ...refuseIf(vips.length > 0, ['vips'], 'further VIPs have no meaning', 'make a service for each family'),
  ]),
  masquerade('port', 'inside clients may ask for any port outside', ({ port }) =>
    refuseIf(port !== undefined && port !== 'any', ['port'], `${port} is not all`, 'write any, or remove this line'),
  ),
  masquerade('inside', 'who is inside is known by prefix, and what goes to them is not masqueraded', (service) => [
    ...refuseIf(
      service.allowedSources?.length === 0,
      ['allowedSources'],
      'nobody is inside',
      'name the prefixes of the inside clients',
    ),
    ...foreign(service, 'allowedSources'),
    ...(service.allowedSources ?? []).flatMap((text, index) =>
      refuseIf(
        text !== undefined && bitsOf(text) === 0,
        ['allowedSources', index],
        `${text} leaves nobody outside`,
        'name the prefixes of the inside clients',
      ),
    ),
  ]),
  masquerade('sources', 'packets leave with an address of a pool, of their own family', (service) => [
    ...refuseIf(service.sources?.length === 0, ['sources'], 'there is none', 'name addresses that routes lead here'),
    ...foreign(service, 'sources'),
  ]),
  masquerade('endpoints', 'packets go where they are addressed to', ({ endpoints = [] }) =>
    refuseIf(endpoints.length > 0, ['endpoints'], 'endpoints have no meaning', removeLine),
  ),
  masquerade('select', 'there is nothing to choose from', ({ select }) =>
    refuseIf(select !== undefined && select !== 'rr', ['select'], `${select} has no meaning`, removeLine),
  ),
  masquerade('announce', 'addresses of a pool are those of somebody else, or routes lead them here', ({ announce }) =>
    refuseIf(announce === 'local', ['announce'], 'local has nothing to announce', 'write routed, or remove this line'),
  ),
  masquerade('mark', 'the prefix of the client chooses the packets', ({ mark }) =>
    refuseIf(mark !== undefined, ['mark'], 'a mark has no meaning', 'use mode onearm with a mark, or remove this line'),
  ),
  masquerade('alg', 'the payload of connections that go out is not rewritten', ({ alg }) =>
    refuseIf(alg !== undefined, ['alg'], `${alg} cannot be followed`, removeLine),
  ),
]
