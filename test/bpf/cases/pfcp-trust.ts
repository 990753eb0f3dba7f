// Cases: what teaches the programs where a session of PFCP is, and how much they learn: only what was asked for, as
// long as there is room, and not for ever.

import { limits } from '../../../src/datapath/layout.gen.ts'
import { expect, hosts, udp, type Case, type Step } from '../case.ts'
import { at, upf1, upf2 } from '../n3-words.ts'
import { check, ends, forwards, forwardsByTc, wait } from '../steps.ts'
import { timeouts } from '../bed.ts'
import {
  asks,
  erase,
  establish,
  first,
  gives,
  givesInVain,
  giving,
  lost,
  makes,
  modify,
  n4,
  other,
  port,
  second,
  sequenceTo,
  smf,
  ticksPerSecond,
  up,
  vip,
} from '../pfcp-words.ts'
import { together } from '../together.ts'

const unasked = 'drop_seid_unasked'
const lifetimeTicks = limits.seidSeconds * ticksPerSecond

/** User space frees so many hints. */
const frees = (count: number): Step =>
  check(async (_t, bed) => {
    expect(await bed.sweepHints(), count, 'hints that user space frees')
  })

const refused = (verdict: 'drop_seid_limit' | 'drop_source' | 'drop_martian', from = smf): Step =>
  ends(udp(from, vip, { payload: establish(sequenceTo(second, { client: from })) }), verdict)

const trust: readonly Case[] = [
  {
    name: 'pfcp: an answer that nobody has asked for is dropped by name and teaches nothing',
    setup: { services: [n4()] },
    steps: [givesInVain(7n, second, unasked), lost(modify(7n)), frees(0), ...makes(7n, second), up(modify(7n), second)],
  },
  {
    name: 'pfcp: only the endpoint that was asked teaches, only with the sequence number of the request',
    setup: { services: [n4()] },
    steps: [
      asks(second),
      asks(first, { number: 1 }),
      ends(udp(first, smf, { payload: giving(7n, sequenceTo(second)) }), unasked),
      ends(udp(second, smf, { payload: giving(7n, sequenceTo(first, { number: 1 })) }), unasked),
      givesInVain(7n, second, unasked, { number: 1 }),
      lost(modify(7n)),
      gives(7n, second),
      up(modify(7n), second),
    ],
  },
  {
    name: 'pfcp: only an answer to the address and port that has asked teaches',
    setup: { services: [n4()] },
    steps: [
      asks(second),
      ...[other, at(hosts[4].client, port + 1)].map((to) =>
        ends(udp(second, to, { payload: giving(7n, sequenceTo(second)) }), unasked),
      ),
      lost(modify(7n)),
    ],
  },
  {
    name: 'pfcp: who may not use the service, or can have no answer, has not asked',
    setup: { services: [n4({ allowedSources: [`${hosts[4].farClient}/32`] })] },
    steps: [
      refused('drop_source'),
      givesInVain(7n, second, unasked),
      refused('drop_martian', at('127.0.0.1', port)),
      givesInVain(7n, second, unasked, { client: at('127.0.0.1', port) }),
      frees(0),
      ...makes(7n, second, { client: other }),
      up(modify(7n), second, other),
    ],
  },
  {
    name: 'pfcp: an answer teaches as long as its request may come again',
    setup: { services: [n4()] },
    steps: [
      asks(second),
      asks(first),
      wait(timeouts.unreplied - 1),
      gives(7n, second),
      wait(1),
      givesInVain(8n, first, unasked),
      ...makes(8n, first),
      up(modify(8n), first),
    ],
  },
  {
    name: 'pfcp: a request has one SEID, until it comes again',
    setup: { services: [n4()] },
    steps: [
      ...makes(7n, second),
      givesInVain(8n, second, unasked),
      gives(7n, second),
      lost(modify(8n)),
      ...makes(8n, second),
      up(modify(7n), second),
      up(modify(8n), second),
    ],
  },
]

/** Whose device cannot transmit from XDP, and a UPF behind the same. */
const slow = { smf: at('10.0.3.20', port), upf: at('10.0.3.10', port) }
const slowN4 = n4({ endpoints: [slow.upf] })

const handed: readonly Case[] = [
  {
    name: 'pfcp: what XDP leaves to TC is asked and taught as well',
    setup: { services: [slowN4] },
    steps: [
      forwardsByTc(udp(smf, vip, { payload: establish(1) }), 'to_tc_device', smf, slow.upf),
      forwards(udp(slow.upf, smf, { payload: giving(7n, 1) }), vip, smf),
      forwardsByTc(udp(slow.smf, vip, { payload: establish(1) }), 'to_tc_device', slow.smf, slow.upf),
      forwardsByTc(udp(slow.upf, slow.smf, { payload: giving(8n, 1) }), 'to_tc_device', vip, slow.smf),
      ...[7n, 8n].map((seid) => forwardsByTc(udp(smf, vip, { payload: modify(seid) }), 'to_tc_device', smf, slow.upf)),
    ],
  },
]

const inTime: readonly Case[] = [
  {
    name: 'pfcp: without an idle timeout a SEID that no message is about is forgotten after a week, and freed',
    setup: { services: [n4()] },
    steps: [
      ...makes(7n, second),
      ...makes(8n, first),
      wait(lifetimeTicks - 1),
      up(modify(7n), second),
      frees(0),
      wait(1),
      lost(modify(8n)),
      frees(1),
      wait(lifetimeTicks - 2),
      up(modify(7n), second),
      wait(lifetimeTicks),
      lost(modify(7n)),
      frees(1),
    ],
  },
  {
    name: 'pfcp: a deleted session is freed when its retransmissions are over',
    setup: { services: [n4()] },
    steps: [
      ...makes(7n, second),
      ...makes(8n, second),
      up(erase(7n), second),
      wait(timeouts.unreplied - 1),
      frees(0),
      wait(1),
      frees(1),
      up(modify(8n), second),
    ],
  },
]

const otherVip = '192.0.2.2'
const elsewhere = n4({ name: 'elsewhere', vip: otherVip, endpoints: [at(upf1[4], 8806), at(upf2[4], 8806)] })
const ofElsewhere = together([[udp(smf, at(otherVip, port), { payload: establish(1) })]], 1)

const room: readonly Case[] = [
  {
    name: 'pfcp: a service that has all the sessions it may have is not asked for more, and those it has go on',
    setup: { services: [n4(), elsewhere], seidsAdmitted: 2 },
    steps: [
      ...makes(1n, second),
      // Under way when the limit is met: the UPF has made it.
      asks(first),
      ...makes(2n, second, { number: 1 }),
      refused('drop_seid_limit'),
      ofElsewhere,
      gives(3n, first),
      refused('drop_seid_limit'),
      gives(1n, second, { number: 0 }),
      up(modify(1n), second),
      up(modify(2n), second),
      up(modify(3n), first),
      up(erase(1n), second),
      up(erase(2n), second),
      wait(timeouts.unreplied),
      refused('drop_seid_limit'),
      frees(2),
      ...makes(4n, second),
      refused('drop_seid_limit'),
      up(modify(3n), first),
    ],
  },
  {
    name: 'pfcp: a SEID that is given again after its session has expired counts once',
    setup: { services: [n4({ idleTimeout: 10 })], seidsAdmitted: 1 },
    steps: [
      asks(second),
      asks(second, { number: 1 }),
      gives(7n, second),
      wait(10 * ticksPerSecond),
      gives(7n, second, { number: 1 }),
      refused('drop_seid_limit'),
      wait(10 * ticksPerSecond),
      frees(1),
      ...makes(8n, second),
    ],
  },
  {
    name: 'pfcp: where the hints are full the answer is dropped by name, and sessions that are there go on',
    hints: 2,
    setup: { services: [n4()] },
    steps: [
      ...makes(1n, second),
      ...makes(2n, first),
      asks(second, { number: 1 }),
      givesInVain(3n, second, 'drop_seid', { number: 1 }),
      givesInVain(3n, second, 'drop_seid', { number: 1 }),
      lost(modify(3n)),
      gives(2n, first),
      up(modify(1n), second),
      up(modify(2n), first),
      up(erase(1n), second),
      wait(timeouts.unreplied),
      givesInVain(3n, second, unasked, { number: 1 }),
      asks(second, { number: 1 }),
      givesInVain(3n, second, 'drop_seid', { number: 1 }),
      frees(1),
      gives(3n, second, { number: 1 }),
      up(modify(3n), second),
    ],
  },
]

export const pfcpTrustCases: readonly Case[] = [...trust, ...handed, ...inTime, ...room]
