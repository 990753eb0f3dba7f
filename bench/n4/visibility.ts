// The hint before the answer: an SMF and UPFs around the daemon's own N4 runner, its hints in the kernel's real map,
// all in one thread. Its socket is a stand-in that looks each tunnel up in that map at the moment it is told.

import { hintKey } from '../../src/datapath/hints.ts'
import { hintFlags, hintKind, limits } from '../../src/datapath/layout.gen.ts'
import { SessionHints } from '../../src/datapath/session-hints.ts'
import { endpointDefaults, makeService, serviceKey } from '../../src/lb/model.ts'
import { N4Runner } from '../../src/proxy/n4-runner.ts'
import { smfDefaults, upfDefaults } from '../../src/sim/defaults.ts'
import { SimSmf } from '../../src/sim/sim-smf.ts'
import { SimUpf } from '../../src/sim/sim-upf.ts'
import { SmallMaps } from '../../src/testing/datapath/small-maps.ts'
import { UserSessionOwners } from '../../src/lb/user-session-owners.ts'
import { FakeUserSessions } from '../../src/testing/fake-user-sessions.ts'
import { n4Service } from '../../src/testing/services.ts'
import { formatAddress } from '../../src/wire/ip.ts'
import { teidBytes } from '../n3/hints.ts'
import { toRow } from './row.ts'
import { until } from './scene.ts'
import { Trials } from './trials.ts'
import { Wires } from './wires.ts'
import type { Log } from '../../src/lb/log.ts'
import type { Surroundings } from '../../src/sockets/surroundings.ts'
import type { BenchOptions } from '../main.ts'
import type { Row } from './row.ts'
import type { Find } from './trials.ts'

/** percent of the trials */
const goal = 100
const vip = '10.99.0.1'
const smfAddress = '10.1.1.2'
const upfs = ['10.2.1.2', '10.2.2.2', '10.2.3.2']
const job = { perSecond: Infinity, concurrency: 64 } as const
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

const n3 = makeService({
  name: 'n3',
  address: vip,
  port: 2152,
  protocol: 'udp',
  select: 'n3',
  announce: 'routed',
  endpoints: upfs.map((address) => ({ ...endpointDefaults, address, port: 2152 })),
})

const n4 = n4Service(
  {
    address: vip,
    announce: 'routed',
    endpoints: upfs.map((address) => ({ ...endpointDefaults, address, port: 8805 })),
  },
  { hotPercent: 90, heartbeat: 60 },
)

export const benchVisibility = async ({ progress, trials: wanted }: BenchOptions): Promise<readonly Row[]> => {
  progress.say(`looking up the hints of ${wanted} sessions`)
  const maps = new SmallMaps({ sizes: { hints: limits.hints } })
  const closing: (() => void)[] = [() => maps.close()]
  try {
    maps.add(n3)
    const wires = new Wires()
    const trials = new Trials(findIn(maps))
    const runner = new N4Runner({
      service: n4,
      tunnels: n3,
      users: [],
      start: { recoveryTimeStamp: 1, snapshot: null, keep: null },
      surroundings: watched(wires.surroundings, trials),
      hints: new SessionHints({
        hints: maps.services.hints,
        placed: () => maps.services.placed(),
        addressOf: (id) => maps.services.endpoints.read(id).address,
      }),
      userSessions: new UserSessionOwners(new FakeUserSessions()),
      owner: 'n4 n4',
      log: silent,
    })
    closing.unshift(() => runner.close())
    // All UPFs give the same TEIDs, so that two of three sessions get another one at the VIP.
    for (const [index, address] of upfs.entries()) {
      const upf = new SimUpf({ ...upfDefaults, address, number: index + 1 }, wires.surroundings)
      closing.unshift(() => upf.stop())
    }
    const smf = new SimSmf(
      { ...smfDefaults, address: smfAddress, gnbs: [smfAddress], peer: vip, n3: vip },
      wires.surroundings,
    )
    closing.unshift(() => smf.stop())
    await until('the proxy is associated with all UPFs', () =>
      runner.status().upfs.every(({ state }) => state === 'up'),
    )
    await smf.associate()
    await smf.establish(wanted, job)
    const { missing, trials: made, visible, wrong } = trials.outcome()
    const percent = made === 0 ? 0 : (visible / made) * 100
    const problems = [
      ...smf.report().problems.map((problem) => JSON.stringify(problem)),
      ...(made === wanted ? [] : [`${made} trials, and ${wanted} were wanted`]),
    ]
    return [
      toRow(
        {
          case: 'hint-before-answer',
          unit: 'percent',
          value: percent,
          goal,
          better: 'more',
          beside: { trials: made, hints_missing: missing, hints_wrong: wrong },
        },
        problems,
      ),
    ]
  } finally {
    for (const close of closing) close()
  }
}

/** With a system call for each, as the fast path sees it. */
const findIn = (maps: SmallMaps): Find => {
  const placed = maps.services.placed().get(serviceKey(n3))
  if (placed === undefined) throw new Error('the service of tunnels has no place')
  return (teid) => {
    const hint = maps.services.hints.find(hintKey(placed.id, hintKind.teid, teidBytes(teid)))
    if (hint === null) return null
    const upf = formatAddress(maps.services.endpoints.read(hint.endpoint).address)
    return { upf, teid: (hint.flags & hintFlags.rewrite) === 0 ? teid : hint.identifier }
  }
}

/** What the runner takes for the kernel's sockets. */
const watched = (surroundings: Surroundings, trials: Trials): Surroundings => ({
  ...surroundings,
  open: (place, longestBytes, receive) => {
    const socket = surroundings.open(place, longestBytes, (bytes, from) => {
      trials.comesIn(from.address, bytes)
      receive(bytes, from)
    })
    return {
      counts: () => socket.counts(),
      close: () => socket.close(),
      send(bytes, to) {
        trials.goesOut(bytes)
        socket.send(bytes, to)
      },
    }
  },
})
