// SCTP between programs that are not ours, through DNAT and full NAT, with the client's and the service's port kept and
// changed, in both families and between them. What passes is data both ways, in messages of many lengths, and the
// opening, the end and the restart of associations; a checksum that is wrong would lose it.

import type { ExecutionContext } from 'ava'

import { hooks, type Hook } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import {
  echoPort,
  openAssociation,
  sctpNetwork,
  startEchoServer,
  type EchoServer,
  type SctpNetwork,
} from './support/sctp.ts'
import { drops, flowsOf, startStory, storyConfig, storyNeeds, until, type Story } from './support/story.ts'

const needs = [...storyNeeds, 'usrsctp'] as const
const otherPort = 3868
const localPort = 40_000

/** Empty ones, odd ones, ones that fill a packet, and ones that take several. */
const lines = [0, 1, 2, 3, 10, 57, 500, 1_000, 1_399, 1_400, 1_401, 1_430, 2_900, 4_000].map((length, index) =>
  String.fromCharCode(97 + index).repeat(length),
)

interface SctpStory extends Story {
  readonly servers: readonly EchoServer[]
}

const sctpStory = async (
  t: ExecutionContext,
  network: SctpNetwork,
  services: readonly object[],
): Promise<SctpStory> => {
  const endpoints = network.servers.map(({ address }) => ({ address, port: echoPort }))
  const config = storyConfig(network, [], {
    services: services.map((service) => ({
      vip: network.vip,
      protocol: 'sctp',
      announce: 'routed',
      select: 'rr',
      endpoints,
      ...service,
    })),
  })
  const story = await startStory(t, network, config)
  const servers = await Promise.all(network.servers.map(({ name }) => startEchoServer(story.lab.host(name))))
  t.teardown(() => Promise.all(servers.map((server) => server.close())))
  return { ...story, servers }
}

/** What was said; a difference is shown by lengths, since lines are long. */
const hears = (t: ExecutionContext, heard: readonly string[]): void => {
  t.deepEqual(
    heard.map(({ length }) => length),
    lines.map(({ length }) => length),
  )
  t.true(heard.every((line, index) => line === lines[index]))
}

/** Two clients at once, from the same port, say the lines and hear them again. */
const bothTalk = async (
  t: ExecutionContext,
  { daemon, lab }: Story,
  address: string,
  port: number,
  from = localPort,
) => {
  const associations = ['client', 'client2'].map((name) =>
    openAssociation(lab.host(name), { address, port, localPort: from }),
  )
  for (const heard of await Promise.all(associations.map((association) => association.say(lines)))) hears(t, heard)
  const established = (await flowsOf(daemon)).filter(({ state }) => state === 'established')
  t.is(established.length, associations.length)
  for (const association of associations) {
    const told = await association.close()
    t.true(
      told.some((line) => line.includes('SCTP_SHUTDOWN_COMP')),
      told.join('\n'),
    )
  }
}

const seenBy = (servers: readonly EchoServer[]): readonly string[] => servers.flatMap((server) => [...server.clients()])

/** Associations that ended are closed flows, and those go. */
const noFlowsLeft = ({ daemon }: Story): Promise<unknown> =>
  until('no flow is left', async () => (await flowsOf(daemon)).length === 0)

const translations = (hook: Hook, family: 4 | 6): void => {
  testWith(
    needs,
    `sctp: data passes DNAT and full NAT both ways, ports kept or not, IPv${family} under ${hook}`,
    async (t) => {
      const network = sctpNetwork(hook, family)
      const { vip, secondVip, clients } = network
      const story = await sctpStory(t, network, [
        { name: 'dnat-kept', port: echoPort, mode: 'dnat' },
        { name: 'dnat-changed', port: otherPort, mode: 'dnat' },
        { name: 'full-kept', vip: secondVip, port: echoPort, mode: 'fullnat' },
        { name: 'full-changed', vip: secondVip, port: otherPort, mode: 'fullnat' },
      ])
      const { servers, daemon } = story
      await bothTalk(t, story, vip, echoPort)
      await bothTalk(t, story, vip, otherPort)
      t.deepEqual(
        [...new Set(seenBy(servers))].toSorted(),
        clients.map(({ address }) => `${address}:${localPort}`),
      )

      const before = seenBy(servers).length
      await bothTalk(t, story, secondVip, echoPort, localPort + 1)
      // One after the other the associations get one server each; two at once to one server have two ports.
      await bothTalk(t, story, secondVip, otherPort, localPort + 1)
      const others = seenBy(servers).filter((seen) => !clients.some(({ address }) => seen.startsWith(`${address}:`)))
      t.true(others.length >= 2 && before >= 2)
      for (const seen of others) t.true(seen.startsWith(`${secondVip}:`), seen)
      t.true(others.includes(`${secondVip}:${localPort + 1}`), others.join(' '))

      await noFlowsLeft(story)
      t.deepEqual(await drops(daemon), {})
    },
  )
}

for (const hook of hooks) {
  for (const family of [4, 6] as const) translations(hook, family)

  testWith(needs, `sctp: two clients with one port reach one server by full NAT, under ${hook}`, async (t) => {
    const network = sctpNetwork(hook, 4)
    const [server] = network.servers
    const endpoints = [{ address: server?.address, port: echoPort }]
    const story = await sctpStory(t, network, [{ name: 'full', port: otherPort, mode: 'fullnat', endpoints }])
    await bothTalk(t, story, network.vip, otherPort)
    // The first one keeps its port, since SCTP does where it is free; the second one is given another.
    const ports = seenBy(story.servers).map((seen) => Number(seen.slice(seen.lastIndexOf(':') + 1)))
    t.is(ports.length, 2)
    t.true(ports.includes(localPort))
    await noFlowsLeft(story)
    t.deepEqual(await drops(story.daemon), {})
  })

  testWith(needs, `sctp: IPv6 clients talk to IPv4 servers, and the other way round, under ${hook}`, async (t) => {
    for (const [near, far] of [
      [6, 4],
      [4, 6],
    ] as const) {
      const network = sctpNetwork(hook, near, far)
      const { vip, farVip } = network
      const story = await sctpStory(t, network, [
        { name: 'kept', port: echoPort, mode: 'fullnat', vips: [farVip] },
        { name: 'changed', port: otherPort, mode: 'fullnat', vips: [farVip] },
      ])
      await bothTalk(t, story, vip, echoPort)
      await bothTalk(t, story, vip, otherPort, localPort + 1)
      for (const seen of seenBy(story.servers)) t.true(seen.startsWith(`${farVip}:`), seen)
      await noFlowsLeft(story)
      t.deepEqual(await drops(story.daemon), {})
      await story.lab.down()
    }
  })

  testWith(
    needs,
    `sctp: a client that was killed and starts again from its port keeps its server, under ${hook}`,
    async (t) => {
      const network = sctpNetwork(hook, 4)
      const { vip } = network
      const story = await sctpStory(t, network, [{ name: 'changed', port: otherPort, mode: 'dnat' }])
      const { lab, servers, daemon } = story
      const ends = { address: vip, port: otherPort, localPort }
      for (let round = 0; round < 4; round++) {
        const association = openAssociation(lab.host('client'), ends)
        hears(t, await association.say(lines))
        await association.kill()
      }
      // Round robin would have gone to the other server with each round.
      t.is(servers.filter((server) => server.clients().size > 0).length, 1)
      const flows = await flowsOf(daemon)
      t.deepEqual(
        flows.map(({ state }) => state),
        ['established'],
      )
    },
  )
}
