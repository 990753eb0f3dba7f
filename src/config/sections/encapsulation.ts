// `encapsulation`: what packets get in front that go to their endpoint inside others: mode dsr with encapsulation ip or
// gue.

import { Type } from 'typebox'
import { addressBytes, canonicalAddress, classify } from '../../wire/ip.ts'
import { section } from '../section.ts'

export interface EncapsulationConfig {
  /** canonical text; the last 16 bits are zero, and vary from flow to flow in packets */
  readonly source4: string
  readonly source6: string
  readonly guePort: number
}

const source = (family: 4 | 6, value: string) =>
  Type.String({
    description:
      `Source address of the outer IPv${family} header. Its last 16 bits must be zero: they vary with the flow, so ` +
      'that network cards of the servers spread the load over their queues. Servers must accept packets from that ' +
      'prefix (reverse path filter). Nothing is ever sent to it.',
    format: `ipv${family}`,
    default: value,
  })

export const encapsulation = section({
  schema: Type.Object(
    {
      source4: source(4, '172.16.0.0'),
      source6: source(6, 'fd73:6c75:6963:65::'),
      guePort: Type.Integer({
        description:
          'UDP destination port of `encapsulation: gue` (generic UDP encapsulation, variant 0), on which servers ' +
          'decapsulate.',
        minimum: 1,
        maximum: 65535,
        default: 6080,
      }),
    },
    {
      description: 'The outer headers of mode `dsr` with `encapsulation: ip` or `gue`.',
      additionalProperties: false,
      default: {},
    },
  ),
  applies: 'restart',
  check(value, report) {
    for (const name of ['source4', 'source6'] as const) {
      const text = value[name]
      if (text === undefined) continue
      const bytes = addressBytes(text)
      if (bytes[14] !== 0 || bytes[15] !== 0) {
        report([name], `the last 16 bits of ${text} are not zero, and they vary with the flow: write them as zero`)
      } else if (classify(bytes) !== 'unicast') {
        report([name], `${text} is ${classify(bytes)} and no source of a packet: give a unicast address`)
      }
    }
  },
  resolve: ({ source4, source6, guePort }): EncapsulationConfig => ({
    source4,
    source6: canonicalAddress(source6) ?? source6,
    guePort,
  }),
})
