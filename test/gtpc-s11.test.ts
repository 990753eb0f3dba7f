// The GTP-C proxy over S11: an MME whose sessions are made on two SGWs that are not ours, and a daemon that is started
// again.

import type { ExecutionContext } from 'ava'

import { threeServers, type Hook } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { bytesOf, causeOf, fTeid, fTeidIn, hexOf, ie, parse, v2, valueV2 } from '../src/proxy/gtpc/test-elements.ts'
import { openMme, openPgw } from './support/gtpc-nodes.ts'
import { startSgw } from './support/gtpc-programs.ts'
import { gtpcStory, nodesModule, sessionsOf, spread, statusOf } from './support/gtpc-story.ts'
import { end, sluice, storyNeeds, until } from './support/story.ts'

const portInHex = ':084B '

/** Of an MME over S11 (TS 29.274, table 7.2.1-1), which two open-source SGWs accept. */
const creation = (sequence: number, user: number, ebi: number, teid: number, mme: string, pgw: string): string =>
  hexOf(
    v2(
      32,
      0,
      sequence,
      ie(1, 0, 0, 1, 1, 0, 0, 0, 0, 0xf0 | user),
      bytesOf('56000d00 1800f110000100f11000000001 53000300 00f110 52000100 06'),
      fTeid(0, 10, teid, mme),
      fTeid(1, 7, 0, pgw),
      bytesOf('47000900 08696e7465726e6574 80000100 00 63000100 01 4f000500 0100000000 7f000100 00'),
      bytesOf('48000800 000003e8000003e8'),
      ie(93, 0, ie(73, 0, ebi), bytesOf('50001600 7c09 0000000000 0000000000 0000000000 0000000000')),
    ),
  )

const sgwStory = async (t: ExecutionContext, hook: Hook) => {
  const topology = threeServers({ hook })
  const [, , third] = topology.servers
  // This SGW answers no echo requests.
  const story = await gtpcStory(t, topology, { versions: [2], echo: 0 })
  for (const { address, name } of topology.servers.slice(0, 2)) {
    const host = story.lab.host(name)
    startSgw(t, host, address)
    await until('the SGW listens', async () => (await host.run('cat', ['/proc/net/udp'])).stdout.includes(portInHex))
  }
  const pgw = await story.lab.host(third!.name).open(nodesModule, openPgw, third!.address)
  const { address } = topology.clients[0]!
  const mme = await story.lab.host('client').open(nodesModule, openMme, address)
  let sequence = 0
  return {
    story,
    pgw,
    topology,
    /** The request as it was sent, and its answer. */
    create: async (user: number, ebi: number, teid: number) => {
      const hex = creation(++sequence, user, ebi, teid, address, third!.address)
      const heard = await mme.use('ask', hex, topology.vip, 5000)
      return { hex, heard, answer: heard === null ? null : parse(bytesOf(heard.hex)) }
    },
    ask: async (build: (sequence: number) => Uint8Array) =>
      mme.use('ask', hexOf(build(++sequence)), topology.vip, 5000),
    again: (hex: string) => mme.use('ask', hex, topology.vip, 5000),
  }
}

testWith(
  [...storyNeeds, 'nextepc-sgwd'],
  'gtpc: sessions of an MME are made at two SGWs, those of one user at one of them (GC.1, GC.3, GC.4)',
  async (t) => {
    t.timeout(90_000)
    const { again, ask, create, pgw, story, topology } = await sgwStory(t, 'tc')
    const echo = await ask((sequence) => v2(1, null, sequence, ie(3, 0, 5)))
    t.is(echo?.from, topology.vip)
    t.deepEqual(valueV2(parse(bytesOf(echo!.hex)), 3), Uint8Array.of((await statusOf(story)).restartCounter))

    const made = []
    for (const user of [1, 2, 3, 4]) made.push(await create(user, 5, 0x100 + user))
    for (const { answer, heard } of made) {
      t.is(causeOf(answer!), 16)
      t.is(heard?.from, topology.vip)
      t.like(fTeidIn(answer!), { kind: 11, address: topology.vip })
    }
    t.deepEqual(spread(await statusOf(story)), [2, 2])
    const sgws = topology.servers.slice(0, 2).map(({ address }) => address)
    t.deepEqual((await pgw.use('creations')).toSorted(), sgws.flatMap((address) => [address, address]).toSorted())

    // The same bytes again get the same bytes, and make nothing.
    t.deepEqual(await again(made[0]!.hex), made[0]!.heard)
    t.is((await pgw.use('creations')).length, 4)

    const given = fTeidIn(made[1]!.answer!)!.teid
    const deleted = await ask((sequence) => v2(36, given, sequence, ie(73, 0, 5), ie(77, 0, 8, 0)))
    t.is(causeOf(parse(bytesOf(deleted!.hex))), 16)
    t.is((await statusOf(story)).sessions, 3)
    const unknown = await ask((sequence) => v2(36, given, sequence, ie(73, 0, 5)))
    t.is(causeOf(parse(bytesOf(unknown!.hex))), 64)

    // A second connection of the first user, although the other SGW has fewer now.
    const [home] = (await sessionsOf(story)).filter(({ imsi }) => imsi === '001010000000001')
    t.is(causeOf((await create(1, 6, 0x201)).answer!), 16)
    const lines = (await sluice(story.lab, 'get gtpc --imsi 001010000000001 --no-headers')).stdout.trim().split('\n')
    t.deepEqual(
      lines.map((line) => line.split(/ +/).slice(0, 8)),
      ['5', '6'].map((context) => {
        const [client] = topology.clients
        return ['core', '2', '001010000000001', 'internet', client!.address, home!.gateway, 'up', context]
      }),
    )
    t.deepEqual(
      spread(await statusOf(story)).toSorted((x, y) => x - y),
      [1, 3],
    )
    t.is((await pgw.use('creations')).at(-1), home!.gateway.split(':')[0])
  },
)

testWith(
  storyNeeds,
  'gtpc: a daemon that is started again says another restart counter, the next one (GC.3)',
  async (t) => {
    t.timeout(60_000)
    const topology = threeServers({ hook: 'tc' })
    const { config, daemon, lab } = await gtpcStory(t, topology, {})
    const mme = await lab.host('client').open(nodesModule, openMme, topology.clients[0]!.address)
    let sequence = 0
    const said = async (): Promise<number | undefined> => {
      const heard = await mme.use('ask', hexOf(v2(1, null, ++sequence, ie(3, 0, 1))), topology.vip, 5000)
      return valueV2(parse(bytesOf(heard?.hex ?? '')), 3)?.[0]
    }
    const first = (await said())!
    await end(daemon, 'SIGTERM')
    const again = await lab.startDaemon(config)
    t.is(await said(), (first + 1) % 256)
    await end(again, 'SIGKILL')
    await lab.startDaemon(config)
    t.is(await said(), (first + 2) % 256)
  },
)
