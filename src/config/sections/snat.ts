// `snat`: the source ports given to connections whose source address is rewritten.

import { Type } from 'typebox'
import { section } from '../section.ts'

export interface PortRange {
  readonly first: number
  readonly last: number
}

export interface Snat {
  readonly ports: PortRange
}

const readRange = (text: string): PortRange => {
  const [first = '', last = ''] = text.split('-')
  return { first: Number(first), last: Number(last) }
}

export const snat = section({
  schema: Type.Object(
    {
      ports: Type.String({
        description:
          'Source ports given out where the source address is rewritten (modes onearm, fullnat and hostonearm, and ' +
          'endpoints of another family than the VIP), first and last, for each pair of source address and ' +
          "endpoint. The default ends below Linux's own range for outgoing connections (32768 and up, " +
          'net.ipv4.ip_local_port_range), so that a connection of this machine never has the port of a balanced one.',
        pattern: '^[0-9]{1,5}-[0-9]{1,5}$',
        patternErrorMessage: 'must be two ports joined by a hyphen, for example 1024-32767',
        default: '1024-32767',
      }),
    },
    {
      description: 'Source port allocation of the modes that rewrite the source address.',
      additionalProperties: false,
      default: {},
    },
  ),
  applies: 'restart',
  check(value, report) {
    if (value.ports === undefined) return
    const { first, last } = readRange(value.ports)
    if (first < 1 || last > 65535) report(['ports'], `"${value.ports}" leaves 1 to 65535, the ports there are`)
    else if (first > last) report(['ports'], `"${value.ports}" is empty: write the lower port first`)
  },
  resolve: (value): Snat => ({ ports: readRange(value.ports) }),
})
