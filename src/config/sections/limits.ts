// `limits`: sizes of the fast path's tables. The defaults and the memory are those of bpf/shared/limits.h; a test
// compares the defaults.

import { Type } from 'typebox'
import { noCheck, section } from '../section.ts'
import type { Static } from 'typebox'

const size = (value: number, [minimum, maximum]: readonly [number, number], description: string) =>
  Type.Integer({ description, minimum, maximum, default: value })

const schema = Type.Object(
  {
    flows: size(
      1_048_576,
      [1024, 4_194_304],
      'Connections tracked at the same time. Unit: flows, two entries of 208 bytes each (the default takes 436 MB, ' +
        'the most 1.8 GB). When the table is full new flows are dropped and counted (drop_flows_full); old ones live ' +
        'on.',
    ),
    flowsReserve: size(
      1,
      [0, 50],
      'Part of the flow table that new flows may not take: it is kept for what established ones still need, such as ' +
        'further paths of an SCTP association. Unit: percent of `flows`. New flows are dropped and counted when less ' +
        'is free.',
    ),
    services: size(
      16_384,
      [1, 100_000],
      'Services, of this file and of the API together. Unit: services, 112 bytes each and 24 bytes a CPU (the ' +
        'default takes 1.8 MB and 0.4 MB a CPU, the most 11 MB and 2.4 MB a CPU). Each VIP of a service counts.',
    ),
    endpoints: size(
      65_536,
      [1, 400_000],
      'Endpoints of all services together; a server that stands in two services counts twice. Unit: endpoints, ' +
        '80 bytes each and 24 bytes a CPU (the default takes 5.2 MB and 1.6 MB a CPU, the most 32 MB and 9.6 MB a ' +
        'CPU).',
    ),
    slotPages: size(
      65_536,
      [16, 131_072],
      'Room for selection tables. Unit: pages of 256 slots, 512 bytes each (the default, which is 16 Mi slots, takes ' +
        '34 MB, the most 67 MB). A table takes at least 64 slots for each endpoint; services with equal endpoints ' +
        'and weights share one.',
    ),
    portBlocks: size(
      1024,
      [1, 65_536],
      'Pairs of endpoint and source address whose source ports are given out by us: endpoints of `onearm`, `fullnat` ' +
        'and `hostonearm`, and of the other family than their VIP; with `sources`, one for each of them. Unit: ' +
        'bitmaps of 8 KiB each (the default takes 8 MB, the most 537 MB).',
    ),
    snatPools: size(
      256,
      [1, 65_535],
      'Different lists of `sources`; services with the same list share one. Unit: lists, 272 bytes each (the default ' +
        'takes 70 KB).',
    ),
    ranges: size(
      16_384,
      [16, 1_048_576],
      'Prefixes of port ranges: a range takes 1 to 30 of them, any port 1. Unit: prefixes, about 100 bytes each once ' +
        'used (the default takes up to 1.6 MB).',
    ),
    sources: size(
      65_536,
      [16, 4_194_304],
      'Prefixes of `allowedSources` of all services together. Unit: prefixes, about 80 bytes each once used (the ' +
        'default takes up to 5.2 MB).',
    ),
    affinities: size(
      65_536,
      [1024, 4_194_304],
      'Clients of `select: persist` whose endpoint is remembered. Unit: clients, 88 bytes each (the default takes ' +
        '5.8 MB). When all places are taken the client that was away longest is forgotten.',
    ),
    hints: size(
      1_048_576,
      [1024, 16_777_216],
      'Session keys whose endpoint is known (`select: n3`, `hint`, `quic`). Unit: keys, 120 bytes each once used (' +
        'the default takes up to 126 MB). Sessions of PFCP (`select: hint` at port 8805) may be three quarters of ' +
        'them for each service.',
    ),
    sctpPaths: size(
      65_536,
      [1024, 4_194_304],
      'Further paths of SCTP associations with several addresses; each takes two. Unit: entries, 104 bytes each (the ' +
        'default takes 6.8 MB).',
    ),
    fragments: size(
      16_384,
      [1024, 1_048_576],
      'Datagrams in pieces whose later fragments are recognised. Unit: datagrams, 120 bytes each (the default takes ' +
        '2 MB).',
    ),
  },
  {
    description:
      'Sizes of the kernel tables. Memory is taken when the daemon starts, except where it says "once used".',
    additionalProperties: false,
    default: {},
  },
)

export type Limits = Readonly<Static<typeof schema>>

export const limits = section({ schema, applies: 'restart', check: noCheck, resolve: (value): Limits => value })
