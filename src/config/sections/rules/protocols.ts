// What the protocol of a service excludes, and what its session keys do.

import { portsOf, singlePort } from '../service-ports.ts'
import { isSession, keepsSource, refuseIf, removeLine } from './rule.ts'
import type { ServiceProtocol, Transport } from '../../../lb/model.ts'
import type { Rule } from './rule.ts'

const selectNeeds = (
  name: string,
  select: 'n3' | 'hint' | 'quic',
  protocols: readonly ServiceProtocol[],
  reason: string,
): Rule => ({
  name,
  reason,
  find: ({ select: chosen, protocol }) =>
    refuseIf(
      chosen === select && protocol !== undefined && !protocols.includes(protocol),
      ['select'],
      `${select} is not for ${protocol}`,
      `use another select, or protocol ${protocols.join(' or ')}`,
    ),
})

const algNeeds = (name: string, alg: 'ftp' | 'tftp', protocol: Transport): Rule => ({
  name,
  reason: `${alg} runs over ${protocol}`,
  find: (service) =>
    refuseIf(
      service.alg === alg && service.protocol !== undefined && service.protocol !== protocol,
      ['alg'],
      `${alg} is not for ${service.protocol}`,
      `use protocol ${protocol}, or ${removeLine}`,
    ),
})

export const protocolRules: readonly Rule[] = [
  selectNeeds('n3-protocol', 'n3', ['udp'], 'GTP-U runs over udp'),
  selectNeeds('quic-protocol', 'quic', ['udp'], 'QUIC runs over udp'),
  selectNeeds('hint-protocol', 'hint', ['tcp', 'udp', 'sctp'], 'an echo request belongs to no session'),
  algNeeds('ftp-protocol', 'ftp', 'tcp'),
  algNeeds('tftp-protocol', 'tftp', 'udp'),
  {
    name: 'session-port',
    reason: 'the fast path knows by one address and port that packets carry session keys',
    find: (service) => {
      if (!isSession(service)) return []
      const { mode, mark } = service
      const ports = portsOf(service)
      return [
        ...refuseIf(
          ports !== undefined && singlePort(ports) === undefined,
          ['port'],
          `${service.port} is not one port`,
          'write one, for GTP-U 2152, for PFCP 8805',
        ),
        ...refuseIf(mark !== undefined, ['mark'], 'a mark has no address', removeLine),
        ...refuseIf(mode === 'hostonearm', ['mode'], 'hostonearm has no address', 'use mode dnat or dsr with a VIP'),
      ]
    },
  },
  {
    name: 'session-source',
    reason: 'packets with session keys make no flow that would remember whom the answer is for',
    find: (service) =>
      refuseIf(
        isSession(service) && service.mode !== undefined && service.mode !== 'hostonearm' && !keepsSource(service),
        ['mode'],
        `${service.mode} rewrites the source address here`,
        'use mode dnat with endpoints of the family of the VIP, or mode dsr',
      ),
  },
  {
    name: 'n3-alg',
    reason: 'packets of a tunnel make no connections',
    find: ({ select, alg }) =>
      refuseIf(select === 'n3' && alg !== undefined, ['alg'], `${alg} has nothing to follow`, removeLine),
  },
  {
    name: 'reset-protocol',
    reason: 'RST is of tcp',
    find: ({ protocol, resetOnIdle }) =>
      refuseIf(
        resetOnIdle === true && protocol !== undefined && protocol !== 'tcp',
        ['resetOnIdle'],
        `${protocol} has no RST`,
        removeLine,
      ),
  },
  {
    name: 'ootb-protocol',
    reason: 'only tcp and sctp have connections that a packet can be in the middle of',
    find: ({ protocol, outOfTheBlue = 'drop' }) =>
      refuseIf(
        outOfTheBlue !== 'drop' && (protocol === 'udp' || protocol === 'icmp'),
        ['outOfTheBlue'],
        `${outOfTheBlue} is not for ${protocol}`,
        removeLine,
      ),
  },
  {
    name: 'ootb-abort',
    reason: 'ABORT is of sctp',
    find: ({ protocol, outOfTheBlue }) =>
      refuseIf(
        outOfTheBlue === 'abort' && protocol === 'tcp',
        ['outOfTheBlue'],
        'abort is not for tcp',
        'write drop or hash, or remove this line',
      ),
  },
]
