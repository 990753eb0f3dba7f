// The daemon is killed in the middle of changes. Whoever had an answer finds the change after the next start; what is
// balanced and what the maps hold is the same; and packets have noticed nothing.

import { threeServers } from '../lab/topology.ts'
import { echoPort, Traffic, webPort } from '../lab/traffic.ts'
import { serviceKey } from '../src/lb/model.ts'
import { testWith } from '../src/testing/needs.ts'
import { sequenceOn } from './support/on-host.ts'
import { pinnedServices } from './support/pins.ts'
import { drops, end, endpointsOf, startStory, storyConfig, storyNeeds, until } from './support/story.ts'

testWith(storyNeeds, 'crash: what was answered before it is there after it, and the maps agree', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { vip } = topology
  const rounds = 4
  const names = 12
  const config = storyConfig(topology, [
    { name: 'dns', port: 53, protocol: 'udp', mode: 'onearm', endpoints: endpointsOf(topology, echoPort) },
  ])
  const { lab, daemon } = await startStory(t, topology, config)
  await Traffic.open(lab, topology)
  const sequence = await sequenceOn(lab.host('client'), { address: vip, port: 53, perSecond: 500 })

  const endpoints = topology.servers.map(({ address }) => ({ address, port: webPort }))
  /** What must be there by the answers that we got; null: the answer never came, so either will do. */
  const expected = new Map<string, boolean | null>()
  let running = daemon
  for (let round = 0; round < rounds; round++) {
    const killing = new AbortController()
    // Each time a little later in the course of a change.
    const timer = setTimeout(
      () => {
        killing.abort()
        running.kill('SIGKILL')
      },
      60 + round * 7,
    )
    for (let step = 0; !killing.signal.aborted; step++) {
      const name = `made-${step % names}`
      const adds = expected.get(name) !== true
      const settled = expected.get(name) ?? null
      expected.set(name, null)
      const body = {
        services: [{ name, address: vip, port: 1_000 + (step % names), protocol: 'tcp', mode: 'onearm', endpoints }],
      }
      const answer = await (
        adds
          ? running.request('POST', '/sluice/v1/services', body)
          : running.request('DELETE', `/sluice/v1/services/${name}`)
      ).catch(() => null)
      if (answer === null) continue
      // A service that may or may not have been there is deleted, or not found.
      t.true([200, 404].includes(answer.status), answer.body)
      expected.set(name, answer.status === 200 ? adds : settled === null ? false : settled)
    }
    clearTimeout(timer)
    await end(running, 'SIGKILL')
    running = await lab.startDaemon(config)
    const found = (await running.services()).map(({ name }) => name)
    for (const [name, wanted] of expected) if (wanted !== null) t.is(found.includes(name), wanted, `${round}: ${name}`)
    for (const name of expected.keys()) expected.set(name, found.includes(name))
    t.deepEqual(
      [...pinnedServices(lab.instance).keys()].toSorted(),
      (await running.services())
        .map(({ address, port, protocol }) => serviceKey({ address, port, protocol }) as string)
        .toSorted(),
    )
  }
  await sequence.use('stop')
  await until('all datagrams are back', async () => {
    const { sent, received } = await sequence.use('report')
    return sent === received
  })
  t.deepEqual(await drops(running), {})
})
