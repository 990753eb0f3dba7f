// The GTP-C proxy between peers that are not ours, over Gn: an SGSN whose users get their contexts at two GGSNs, and
// whose packets go there past the balancer's daemon.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import type { ExecutionContext } from 'ava'

import { hooks, threeServers, type ThreeServers } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { bytesOf, causeOf, gsn, hexOf, parse, tv, tv32, v1 } from '../src/proxy/gtpc/test-elements.ts'
import { openMme } from './support/gtpc-nodes.ts'
import { scratchFor, startGgsn, startSgsn, type Program } from './support/gtpc-programs.ts'
import { gtpcPort, gtpcStory, nodesModule, sessionsOf, spread, statusOf } from './support/gtpc-story.ts'
import { storyNeeds, until, type Story } from './support/story.ts'
import { captureAt } from './support/wire.ts'

const dataNetwork = '10.60.0.1'

interface GnStory extends Story {
  readonly ggsns: readonly Program[]
  startGgsnAgain(index: number): Program
}

/** Two GGSNs that are up, each with a place in the data network that its users can ping. */
const gnStory = async (t: ExecutionContext, topology: ThreeServers, gtpc: object): Promise<GnStory> => {
  const story = await gtpcStory(t, topology, { versions: [1], ...gtpc })
  const scratch = scratchFor(t)
  const start = (index: number): Program => {
    const { address, name } = topology.servers[index]!
    const directory = join(scratch, name)
    mkdirSync(directory, { recursive: true })
    return startGgsn(t, story.lab.host(name), { address, pool: `172.16.${index + 1}.0/24`, directory })
  }
  const ggsns = await Promise.all(
    [0, 1].map(async (index) => {
      const host = story.lab.host(topology.servers[index]!.name)
      await host.run('ip', ['address', 'add', `${dataNetwork}/32`, 'dev', 'lo'])
      return start(index)
    }),
  )
  await until('both GGSNs have answered an echo request', async () =>
    (await statusOf(story)).gateways.every(({ paths }) => paths[0]?.state === 'up'),
  )
  return { ...story, ggsns, startGgsnAgain: start }
}

const countIn = (text: string, what: RegExp): number => [...text.matchAll(what)].length
const createdIn = /Received create PDP context response/g
const deletedIn = /Received delete PDP context response. Cause value: 128/g
const creationsIn = /Successful PDP Context Creation/g
const gnNeeds = [...storyNeeds, 'osmo-ggsn', 'tun'] as const

for (const hook of hooks)
  testWith(
    [...gnNeeds, 'tcpdump', 'tshark'],
    `gtpc: an SGSN's contexts are at two GGSNs, its users' packets go there directly, under ${hook} (GC.1, GC.4)`,
    async (t) => {
      t.timeout(90_000)
      const topology = threeServers({ hook })
      const story = await gnStory(t, topology, { echo: 1, t3: 500 })
      const [client] = topology.clients
      const wires = await Promise.all(['client', 'server1', 'server2'].map((host) => captureAt(t, story.lab, host)))
      const count = 12
      const sgsn = startSgsn(t, story.lab.host('client'), {
        address: client!.address,
        ggsn: topology.vip,
        imsi: '240010123456700',
        contexts: 6,
        ping: { address: dataNetwork, count, perSecond: 10 },
        seconds: 0,
      })
      const six = await until('six contexts', async () => {
        const sessions = await sessionsOf(story)
        return sessions.length === 6 && sessions.every(({ state }) => state === 'up') && sessions
      })
      t.deepEqual(spread(await statusOf(story)), [3, 3])
      t.deepEqual(
        new Set(six.map(({ imsi }) => imsi)),
        new Set([0, 1, 2, 3, 4, 5].map((index) => `24001012345${6700 + index * 10}`)),
      )
      t.true(six.every((one) => one.version === 1 && one.apn === 'internet' && one.client === client!.address))
      const received = await until(
        'the pings have ended',
        async () => /(\d+) packets received/.exec(sgsn.output())?.[1],
        20_000,
      )
      // The first one it may send by a context that has no tunnel yet, to itself.
      t.true(Number(received) >= count - 1, sgsn.output())
      await until('the SGSN has deleted its contexts', async () => countIn(sgsn.output(), deletedIn) === 6, 20_000)
      t.is((await statusOf(story)).sessions, 0)
      for (const ggsn of story.ggsns) {
        t.is(countIn(ggsn.output(), creationsIn), 3)
        t.is(countIn(ggsn.output(), /Deleting PDP context/g), 3)
      }
      for (const wire of wires) {
        const packets = await wire.packets()
        const control = packets.filter(({ fromPort, toPort }) => fromPort === gtpcPort && toPort === gtpcPort)
        t.true(control.length >= 12, wire.host)
        t.true(control.every(({ from, to }) => from === topology.vip || to === topology.vip))
        // Checksums are left to the device, and there is none.
        const remarks = packets.flatMap(({ faults }) => faults).filter((fault) => !/checksum/i.test(fault))
        t.deepEqual(remarks, [])
      }
      const { counters } = await statusOf(story)
      t.deepEqual(
        Object.entries(counters).filter(([name, count]) => count > 0 && /malformed|refused|unknown/.test(name)),
        [],
      )
    },
  )

testWith(gnNeeds, 'gtpc: a GGSN that has started anew is known by its restart counter (GC.3)', async (t) => {
  t.timeout(90_000)
  const topology = threeServers({ hook: 'tc' })
  const story = await gnStory(t, topology, { echo: 1, t3: 500, n3: 5 })
  const before = (await statusOf(story)).gateways.map(({ paths }) => paths[0]!.restartCounter!)
  const sgsn = startSgsn(t, story.lab.host('client'), {
    address: topology.clients[0]!.address,
    ggsn: topology.vip,
    imsi: '240010123456700',
    contexts: 4,
    ping: null,
    seconds: 0,
  })
  await until('four contexts', async () => countIn(sgsn.output(), createdIn) === 4)
  t.deepEqual(spread(await statusOf(story)), [2, 2])
  story.ggsns[0]!.process.kill('SIGKILL')
  await until('the GGSN is gone', async () => story.ggsns[0]!.process.signalCode !== null)
  story.startGgsnAgain(0)
  const after = await until('the restart is seen', async () => {
    const status = await statusOf(story)
    return status.sessions === 2 && status
  })
  t.deepEqual(spread(after), [0, 2])
  t.deepEqual(
    after.gateways.map(({ paths }) => paths[0]!.restartCounter),
    [before[0]! + 1, before[1]!],
  )
  t.is(after.counters['sessions-of-lost-gateways'], 2)
  t.true(after.gateways.every(({ paths }) => paths[0]!.state === 'up'))
  t.regex(story.daemon.logTail(), /gtpc: gateway-down.*reason.*restart-counter/s)
})

/** Of an SGSN over Gn: elements in the order of TS 29.060, table 5. */
const contextRequest = (sequence: number, user: number, teid: number, sgsn: string): string =>
  hexOf(
    v1(
      16,
      0,
      sequence,
      tv(2, 0x42, 0, 1, 0x21, 0x43, 0x65, 0x87, 0xf0 | user),
      bytesOf('0e05 0ff0'),
      tv32(16, teid + 0x1000),
      tv32(17, teid),
      bytesOf('1405 80 0002 f121 83 0009 08696e7465726e6574'),
      gsn(sgsn),
      gsn(sgsn),
      bytesOf('86 0007 91214321436587 87 000c 000b921f9396404074f9ffff'),
    ),
  )

testWith(gnNeeds, 'gtpc: what an SGSN asks again meets the GGSN that it met before, once (GC.1)', async (t) => {
  t.timeout(90_000)
  const topology = threeServers({ hook: 'tc' })
  const story = await gnStory(t, topology, { n3: 16 })
  const { address } = topology.clients[0]!
  const sgsn = await story.lab.host('client').open(nodesModule, openMme, address)
  const requests = [1, 2, 3, 4].map((user) => contextRequest(user, user, 0x100 + user, address))
  for (const { process: ggsn } of story.ggsns) ggsn.kill('SIGSTOP')
  for (let round = 0; round < 3; round++)
    for (const hex of requests) t.is(await sgsn.use('ask', hex, topology.vip, 50), null)
  t.is((await statusOf(story)).counters['retransmissions'], 8)
  for (const { process: ggsn } of story.ggsns) ggsn.kill('SIGCONT')
  const answers = []
  for (const hex of requests) answers.push(await sgsn.use('ask', hex, topology.vip, 5000))
  t.deepEqual(
    answers.map((heard) => [heard?.from, heard && causeOf(parse(bytesOf(heard.hex)))]),
    requests.map(() => [topology.vip, 128]),
  )
  const status = await statusOf(story)
  t.is(status.sessions, 4)
  t.deepEqual(spread(status), [2, 2])
  for (const ggsn of story.ggsns) {
    const imsis = [...ggsn.output().matchAll(/PDP\((\d+):\d+\): Successful PDP Context Creation/g)].map(
      ([, imsi]) => imsi,
    )
    t.is(imsis.length, 2, imsis.join())
    t.is(new Set(imsis).size, 2, imsis.join())
  }
  // And once answered the same answer, of which no GGSN hears.
  for (const [index, hex] of requests.entries())
    t.deepEqual(await sgsn.use('ask', hex, topology.vip, 5000), answers[index])
})
