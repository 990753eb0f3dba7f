// What the selection of a service excludes, and what it needs.

import { parseTeidRange, teidRangesOverlap } from '../../../lb/teid-range.ts'
import { endpointsOf, keepsSource, refuseIf, removeLine } from './rule.ts'
import type { LooseService } from '../service-schema.ts'
import type { Refusal, Rule } from './rule.ts'

const teidRangesOf = (service: LooseService) =>
  endpointsOf(service).flatMap(({ teidRange: text }, index) =>
    text === undefined ? [] : [{ index, path: ['endpoints', index, 'teidRange'], text, range: parseTeidRange(text) }],
  )

export const selectRules: readonly Rule[] = [
  {
    name: 'ootb-select',
    reason: 'only the table of `select: hash` gives the endpoint that an unknown connection had before',
    find: ({ select, outOfTheBlue }) =>
      refuseIf(
        outOfTheBlue === 'hash' && select !== undefined && select !== 'hash',
        ['outOfTheBlue'],
        `hash needs select hash, not ${select}`,
        'use select hash, or remove this line',
      ),
  },
  {
    name: 'ootb-mode',
    reason: 'the source port that an unknown connection had at its endpoint is not known any more',
    find: (service) => {
      const { mode, outOfTheBlue } = service
      return refuseIf(
        outOfTheBlue === 'hash' && mode !== undefined && !keepsSource(service),
        ['outOfTheBlue'],
        'hash needs packets that keep their source',
        'use mode dnat with endpoints of the family of the VIP, or mode dsr, or write drop',
      )
    },
  },
  {
    name: 'miss-select',
    reason: 'only sessions can be unknown',
    find: ({ select, miss = 'hash' }) =>
      refuseIf(
        miss !== 'hash' && select !== undefined && select !== 'n3' && select !== 'n6' && select !== 'hint',
        ['miss'],
        `${miss} has no meaning with select ${select}`,
        `use select n3, n6 or hint, or ${removeLine}`,
      ),
  },
  {
    name: 'miss-error',
    reason: 'only GTP-U has a message that says so: Error Indication',
    find: ({ miss, select }) =>
      refuseIf(
        miss === 'error' && select !== undefined && select !== 'n3',
        ['miss'],
        'error cannot be said',
        'write hash or drop, or use select n3',
      ),
  },
  {
    name: 'teid-range-select',
    reason: 'only `select: n3` reads tunnel ids',
    find: (service) =>
      teidRangesOf(service).flatMap(({ path, text }) =>
        refuseIf(
          service.select !== undefined && service.select !== 'n3',
          path,
          `${text} has no meaning with select ${service.select}`,
          removeLine,
        ),
      ),
  },
  {
    name: 'teid-range-bits',
    reason: 'a range is a prefix of 1 to 32 bits, and its first id has 0 behind them',
    find: (service) =>
      teidRangesOf(service).flatMap(({ path, range, text }) =>
        refuseIf(range === undefined, path, `${text} is none`, 'write it like 0x10000000/4'),
      ),
  },
  {
    name: 'teid-range-overlap',
    reason: 'a tunnel id belongs to one endpoint',
    find: (service) =>
      teidRangesOf(service).flatMap(({ index, path, range, text }) => {
        const other = teidRangesOf(service).find(
          (one) => one.index < index && range && one.range && teidRangesOverlap(one.range, range),
        )
        return refuseIf(
          other !== undefined,
          path,
          `${text} overlaps ${other?.text} of endpoints[${other?.index}]`,
          'change one of them',
        )
      }),
  },
  {
    name: 'quic-settings',
    reason: 'connection ids carry server ids as the servers were told, and this machine must know how',
    find: (service) =>
      refuseIf(
        service.select === 'quic' && !('quic' in service),
        ['quic'],
        'is missing',
        'add `quic: { serverIdLength: 8, nonceLength: 10 }` with the lengths of the servers',
      ),
  },
  {
    name: 'quic-select',
    reason: 'nothing else reads connection ids',
    find: ({ select, quic }) =>
      refuseIf(
        quic !== undefined && select !== undefined && select !== 'quic',
        ['quic'],
        `has no meaning with select ${select}`,
        'use select quic, or remove it',
      ),
  },
  {
    name: 'quic-length',
    reason: 'a connection id has 20 bytes, one of them for its configuration',
    find: ({ quic }) => {
      const { serverIdLength = 0, nonceLength = 0 } = quic ?? {}
      return refuseIf(
        serverIdLength + nonceLength > 19,
        ['quic', 'nonceLength'],
        `${serverIdLength} and ${nonceLength} bytes are ${serverIdLength + nonceLength}`,
        'server id and nonce have at most 19 together',
      )
    },
  },
  {
    name: 'quic-server-id',
    reason: 'packets are led to their server by the id in the connection id',
    find: (service) => {
      const length = service.quic?.serverIdLength
      if (service.select !== 'quic' || length === undefined) return []
      return endpointsOf(service).flatMap((endpoint, index): readonly Refusal[] => {
        const path = ['endpoints', index, 'serverId']
        if (!('serverId' in endpoint)) return [{ path, wrong: 'is missing', remedy: 'add `serverId:`' }]
        const { serverId } = endpoint
        return refuseIf(
          serverId !== undefined && serverId.length !== length * 2,
          path,
          `${serverId} has ${(serverId?.length ?? 0) / 2} bytes`,
          `write ${length}, which is quic.serverIdLength`,
        )
      })
    },
  },
]
