// What PFCP says of users, with packets: local traffic of simulated UEs leaves its tunnel at the balancer and its
// answers come back in one; what the data network sends to a UE reaches the UPF that has its session.

import { hooks, threeServers } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { openEcho, type Echo } from './support/echo.ts'
import { askFrom, witnessOn } from './support/on-host.ts'
import { drops, startStory, storyConfig, storyNeeds, until } from './support/story.ts'
import { witnessUdpPort } from './support/witness.ts'
import type { Remote } from '../lab/host.ts'
import { openSimSmf, openSimUpf } from '../src/sim/open.ts'

const simModule = new URL('../src/sim/open.ts', import.meta.url)
const echoModule = new URL('support/echo.ts', import.meta.url)
/** Whom simulated UEs speak to, at the echo port. */
const place = '192.0.2.1'
const echoPort = 7
const sessions = 8
const perSecond = 400
const user = '10.48.0.1'

for (const hook of hooks) {
  testWith(
    storyNeeds,
    `n4: local traffic of PFCP sessions leaves its tunnel, and users are reached at their UPF (N3.10), under ${hook}`,
    async (t) => {
      t.timeout(120_000)
      const topology = threeServers({ hook })
      const [near, far, edge] = topology.servers
      const upfs = [near!, far!]
      const endpoints = upfs.map(({ address }) => ({ address }))
      const services = [
        { name: 'n3', vip: topology.vip, port: 2152, protocol: 'udp', select: 'n3', miss: 'drop', endpoints },
        {
          name: 'n6',
          vip: '0.0.0.0',
          protocol: 'any',
          mode: 'dsr',
          select: 'n6',
          miss: 'drop',
          users: ['10.48.0.0/12'],
          endpoints,
        },
        {
          name: 'n4',
          vip: topology.vip,
          port: 8805,
          protocol: 'udp',
          mode: 'proxy',
          select: 'n4',
          n4: { tunnels: 'n3', users: ['n6'], localNetworkInstances: ['edge'] },
          endpoints,
        },
      ]
      const { daemon, lab } = await startStory(t, topology, storyConfig(topology, [], { services }))
      const edgeHost = lab.host(edge!.name)
      await edgeHost.run('ip', ['address', 'add', `${place}/32`, 'dev', 'lo'])
      await lab.host(topology.balancer).run('ip', ['route', 'add', `${place}/32`, 'via', edge!.address])
      const echo: Remote<Echo> = await edgeHost.open(echoModule, openEcho, place, echoPort)
      const planes = await Promise.all(
        upfs.map(({ address, name }, index) =>
          lab.host(name).open(simModule, openSimUpf, { address, number: index + 1 }),
        ),
      )
      await until('the proxy is associated with both UPFs', async () =>
        (await Promise.all(planes.map((upf) => upf.use('state')))).every(({ associations }) => associations.length > 0),
      )
      const [client] = topology.clients
      const smf = await lab.host(client!.name).open(simModule, openSimSmf, {
        address: client!.address,
        gnbs: [client!.address],
        peer: topology.vip,
        n3: topology.vip,
        uePrefix: '10.48.0.0/12',
        tunnel: 'choose-id',
        local: { networkInstance: 'edge', prefix: `${place}/32` },
      })
      await smf.use('associate')
      t.is(await smf.use('establish', sessions, { perSecond: Infinity, concurrency: 4 }), sessions)

      await smf.use('send', perSecond)
      await until('local answers come', async () => (await smf.use('report')).traffic.others > perSecond / 2)
      await smf.use('send', 0)
      await until('all answers have come', async () => {
        const { traffic } = await smf.use('report')
        return traffic.others === traffic.sent
      })
      const { problems, traffic } = await smf.use('report')
      t.deepEqual(problems, [])
      // No answer came in a wrong tunnel, and none from a UPF, which has seen none of it.
      t.deepEqual([traffic.unknownTeid, traffic.answered, traffic.crossed, traffic.malformed], [0, 0, 0, 0])
      t.is(await echo.use('answered'), traffic.sent)
      t.is((await echo.use('clients')).length, sessions)
      const states = await Promise.all(planes.map((upf) => upf.use('state')))
      t.deepEqual(
        states.map(({ userPlane }) => userPlane.packets),
        [0, 0],
      )

      // The other way in: each UPF would answer for the user, and the one asked is the one that has the session.
      for (const { name } of upfs) {
        await lab.host(name).run('ip', ['address', 'add', `${user}/32`, 'dev', 'lo'])
        await witnessOn(lab.host(name), user)
      }
      const list = await daemon.get<{ sessions: { upf: string; ueAddresses: string[] }[] }>('/sluice/v1/sessions')
      const owner = list.sessions.find(({ ueAddresses }) => ueAddresses.includes(`${user}/32`))!.upf.split(':')[0]
      const asked = await askFrom(edgeHost, user, witnessUdpPort, 'who has you?')
      t.is(asked.testimony.server, upfs.find(({ address }) => address === owner)!.name)
      t.deepEqual(await drops(daemon), {})

      await smf.use('remove', { perSecond: Infinity, concurrency: 4 })
      await t.throwsAsync(askFrom(edgeHost, user, witnessUdpPort, 'still there?', 300))
      t.deepEqual(Object.keys(await drops(daemon)), ['drop_no_hint'])
    },
  )
}
