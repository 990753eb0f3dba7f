// Cases: endpoints that have TEIDs of their own, by their first bits.

import { gtpu, gtpuPort, gtpuTypes } from '../../../src/testing/packets/gtpu.ts'
import { block, drain, type Case } from '../case.ts'
import { at, gPdu, gnb, hint, n3Service, teid, uplink, upf1, upf2 } from '../n3-words.ts'
import { changes, ends, forwards, hints } from '../steps.ts'
import type { Endpoint } from '../../../src/lb/model.ts'

const first = at(upf1[4], gtpuPort)
const second = at(upf2[4], gtpuPort)

const ranged = (ranges: readonly (string | null)[], more = {}): ReturnType<typeof n3Service> =>
  n3Service({
    miss: 'drop',
    endpoints: [upf1[4], upf2[4]].map((address, index): Partial<Endpoint> => ({
      address,
      port: gtpuPort,
      teidRange: ranges[index] ?? null,
    })),
    ...more,
  })
const both = ranged(['0x80000000/4', '0x90000000/4'])

export const n3RangeCases: readonly Case[] = [
  {
    name: 'n3: a TEID without a hint goes to the endpoint in whose range it is, or misses (N3.2, N3.13)',
    setup: { services: [both] },
    steps: [
      forwards(uplink(gPdu(0x80000000)), gnb[4], first),
      forwards(uplink(gPdu(0x8fffffff)), gnb[4], first),
      forwards(uplink(gPdu(0x90000000)), gnb[4], second),
      forwards(uplink(gtpu({ type: gtpuTypes.endMarker, teid: 0x9fffffff })), gnb[4], second),
      ends(uplink(gPdu(0x7fffffff)), 'drop_no_hint'),
      ends(uplink(gPdu(0xa0000000)), 'drop_no_hint'),
      hints(hint(second)),
      forwards(uplink(gPdu(teid)), gnb[4], second),
      hints(hint(null)),
      forwards(uplink(gPdu(teid)), gnb[4], first),
    ],
  },
  {
    name: 'n3: a range moves and goes with its endpoint; a drained one keeps it, a blocked one does not',
    setup: { services: [both] },
    steps: [
      changes({ kind: 'update', from: both, to: ranged([null, '0x80000000/4']) }),
      forwards(uplink(gPdu()), gnb[4], second),
      ends(uplink(gPdu(0x90000000)), 'drop_no_hint'),
      changes(drain(ranged([null, '0x80000000/4']), 1)),
      forwards(uplink(gPdu()), gnb[4], second),
      changes(block(ranged([null, '0x80000000/4']), 1)),
      ends(uplink(gPdu()), 'drop_no_hint'),
      changes({ kind: 'update', from: both, to: ranged([null, null]) }),
      ends(uplink(gPdu()), 'drop_no_hint'),
    ],
  },
  {
    name: 'n3: two services have ranges of their own (N3.13)',
    setup: { services: [both, ranged([null, '0x80000000/1'], { vip: '192.0.2.9' })] },
    steps: [
      forwards(uplink(gPdu()), gnb[4], first),
      forwards({ ...uplink(gPdu()), to: at('192.0.2.9', gtpuPort) }, gnb[4], second),
    ],
  },
]
