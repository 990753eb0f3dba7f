// `limits`: sizes of the fast path's tables. The defaults are those of bpf/shared/limits.h; a test compares them.

import { Type } from 'typebox'
import { noCheck, section } from '../section.ts'
import type { Static } from 'typebox'

const schema = Type.Object(
  {
    flows: Type.Integer({
      description:
        'Connections tracked at the same time. Unit: flows, about 420 bytes of kernel memory each (the default takes ' +
        '440 MB). When the table is full new flows are dropped and counted (drop_flows_full); old ones live on.',
      minimum: 1024,
      maximum: 16777216,
      default: 1048576,
    }),
    services: Type.Integer({
      description: 'Services, of this file and of the API together. Unit: services, 112 bytes each.',
      minimum: 1,
      maximum: 1048576,
      default: 16384,
    }),
    endpoints: Type.Integer({
      description:
        'Endpoints of all services together; a server that stands in two services counts twice. Unit: endpoints, ' +
        '80 bytes each.',
      minimum: 1,
      maximum: 4194304,
      default: 65536,
    }),
    slotPages: Type.Integer({
      description:
        'Room for selection tables. Unit: pages of 256 slots, 512 bytes each (the default takes 8 MB). A table takes ' +
        'at least 64 slots for each endpoint; services with equal endpoints and weights share one.',
      minimum: 16,
      maximum: 1048576,
      default: 16384,
    }),
  },
  {
    description: 'Sizes of the kernel tables. Memory is taken when the daemon starts.',
    additionalProperties: false,
    default: {},
  },
)

export type Limits = Readonly<Static<typeof schema>>

export const limits = section({ schema, applies: 'restart', check: noCheck, resolve: (value): Limits => value })
