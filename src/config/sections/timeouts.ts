// `timeouts`: how long a flow lives without a packet, for each state of `enum flow_state`. A closed TCP flow is freed
// within a second and has no setting.

import { Type } from 'typebox'
import { noCheck, section } from '../section.ts'
import type { Static } from 'typebox'

const seconds = (value: number, description: string) =>
  Type.Integer({
    description: `${description} Unit: seconds without a packet.`,
    minimum: 1,
    maximum: 604800,
    default: value,
  })

const schema = Type.Object(
  {
    synSent: seconds(30, 'TCP: the client sent SYN, the endpoint has not answered. SCTP: the same of INIT.'),
    synReceived: seconds(
      30,
      'TCP: the endpoint answered SYN ACK, the client has not confirmed. SCTP: the same of INIT ACK.',
    ),
    established: seconds(
      7440,
      'TCP and SCTP: established. The default is the 2 hours 4 minutes that RFC 5382 asks for.',
    ),
    closing: seconds(
      120,
      'TCP: a FIN has passed and the connection is not closed on both sides. SCTP: the same of SHUTDOWN.',
    ),
    unreplied: seconds(30, 'UDP and ICMP: only the client has sent packets.'),
    replied: seconds(300, 'UDP and ICMP: packets passed both ways. The default is what RFC 4787 recommends.'),
    drain: Type.Integer({
      description:
        'How long flows live on after their endpoint or service was removed; what is left then is dropped. ' +
        'Unit: seconds.',
      minimum: 1,
      maximum: 604800,
      default: 3600,
    }),
  },
  {
    description: 'How long a flow is kept when no packet of it passes.',
    additionalProperties: false,
    default: {},
  },
)

export type Timeouts = Readonly<Static<typeof schema>>

export const timeouts = section({ schema, applies: 'restart', check: noCheck, resolve: (value): Timeouts => value })
