// A million flows in a table of the default size: each of them is there, one walk of expiry finds every one that has
// been idle too long and no other, and what it costs is printed.

import type { ExecutionContext } from 'ava'

import type { Remote } from '../lab/host.ts'
import { labFor } from '../lab/testing.ts'
import { betweenTwo } from '../src/testing/datapath/open-bed.ts'
import { testWith } from '../src/testing/needs.ts'
import { endpoint, service } from '../src/testing/services.ts'
import { clientPrefix, openMillion, type Conversation, type Million } from './support/million.ts'

const vip = '192.0.2.1'
const server = '10.2.0.2'
const ports = { web: 80, dns: 53, media: 5000 } as const

const serviceAt = (port: number, protocol: 'tcp' | 'udp') =>
  service({ address: vip, port, protocol, endpoints: [endpoint(server, { port: 8080 })] })
const conversation = (port: number, rest: Pick<Conversation, 'kind' | 'packets'>): Conversation => ({
  vip: `${vip}:${port}`,
  endpoint: `${server}:8080`,
  ...rest,
})
const question = ['client', ''] as const
const answer = ['server', ''] as const
const web = conversation(ports.web, {
  kind: 'tcp',
  packets: [
    ['client', 'S'],
    ['server', 'SA'],
    ['client', 'A'],
  ],
})
const dns = conversation(ports.dns, { kind: 'udp', packets: [question] })
const media = conversation(ports.media, { kind: 'udp', packets: [question, answer] })

/** Clients of the services are one range after the other; of the dns clients every tenth asks again. */
const flows = { web: 100_000, dns: 600_000, media: 300_000 } as const
const all = flows.web + flows.dns + flows.media
const again = 10
const seconds = { unreplied: 30, replied: 300, established: 7440 } as const
/** What a flow may take: two entries of 208 bytes, and their places in the hash. */
const mostBytes = 500

/** Packets, bytes and flows of every service and endpoint, and packets by verdict, by name. */
const counters = async (table: Remote<Million>): Promise<ReadonlyMap<string, bigint>> => {
  const found = new Map<string, bigint>()
  for (const { service: each, counters: own, endpoints } of await table.use('services'))
    for (const what of ['packets', 'bytes', 'flows'] as const) {
      found.set(`${each.port} ${what}`, own[what])
      for (const status of endpoints) found.set(`${each.port} endpoint ${what}`, status.counters[what])
    }
  for (const [name, count] of Object.entries((await table.use('verdicts')).tc)) found.set(name, count)
  return found
}

const walk = async (t: ExecutionContext, table: Remote<Million>, what: string) => {
  const { freed, longestStepMs, processorMs, share, steps } = await table.use('walk')
  const cost = `${Math.round(processorMs)} ms a walk, ${Math.round(longestStepMs)} ms its longest step`
  t.log(`${what}: ${cost}, ${(share * 100).toFixed(1)} % of a core, ${freed} flows freed`)
  return { freed, steps }
}

testWith(
  ['root', 'bpf', 'netns'],
  'million: a million flows are held, and each goes when its time is over',
  async (t) => {
    t.timeout(170_000)
    const lab = await labFor(t, betweenTwo)
    const route = await lab.balancer.run('ip', ['route', 'add', clientPrefix, 'via', '10.1.0.2'])
    t.is(route.code, 0, route.stderr)
    const table = await lab.balancer.open(new URL('support/million.ts', import.meta.url), openMillion, [
      serviceAt(ports.web, 'tcp'),
      serviceAt(ports.dns, 'udp'),
      serviceAt(ports.media, 'udp'),
    ])
    let last = await counters(table)
    const onlyGrown = async (when: string): Promise<ReadonlyMap<string, bigint>> => {
      const now = await counters(table)
      for (const [name, count] of last) t.true((now.get(name) ?? 0n) >= count, `${name} ${when}`)
      last = now
      return now
    }

    await table.use('talk', web, 0, flows.web)
    await table.use('talk', dns, flows.web, flows.dns)
    await table.use('talk', media, flows.web + flows.dns, flows.media)
    t.is(await table.use('entries'), 2 * all)
    t.is(await table.use('live'), all)
    t.deepEqual(await table.use('held', 1), {
      [`${ports.media} replied`]: [flows.media, true],
      [`${ports.dns} unreplied`]: [flows.dns, true],
      [`${ports.web} established`]: [flows.web, true],
    })
    const bytes = await table.use('bytesPerFlow')
    t.log(`memory: ${Math.round(bytes)} bytes a flow, ${Math.round((bytes * all) / 1e6)} MB for ${all}`)
    t.true(bytes > 2 * 144 && bytes < mostBytes, String(bytes))
    const made = await onlyGrown('after all were made')
    for (const [name, count] of Object.entries(flows)) t.is(made.get(`${ports[name as 'web']} flows`), BigInt(count))
    t.is(made.get('forward'), BigInt(3 * flows.web + flows.dns + 2 * flows.media))

    t.is((await walk(t, table, 'nothing to free')).freed, 0)
    await table.use('addSeconds', seconds.unreplied - 1)
    const idle = await walk(t, table, 'nothing to free yet')
    t.is(idle.freed, 0)
    await table.use('talk', dns, flows.web, flows.dns, again)
    await table.use('addSeconds', 1)
    const busy = await walk(t, table, 'those that nobody answered')
    t.is(busy.freed, flows.dns - flows.dns / again)
    t.true(idle.steps > 2 * busy.steps, `a walk has time while little ends: ${idle.steps} and ${busy.steps} steps`)
    t.deepEqual(await table.use('held', again), {
      [`${ports.media} replied`]: [flows.media, false],
      [`${ports.dns} unreplied`]: [flows.dns / again, true],
      [`${ports.web} established`]: [flows.web, false],
    })
    await onlyGrown('after more than half have gone')

    await table.use('addSeconds', seconds.replied - seconds.unreplied)
    t.is((await walk(t, table, 'all that are not connections')).freed, flows.media + flows.dns / again)
    t.deepEqual(await table.use('held', 1), { [`${ports.web} established`]: [flows.web, true] })
    await table.use('addSeconds', seconds.established - seconds.replied)
    t.is((await walk(t, table, 'the connections')).freed, flows.web)
    t.is(await table.use('entries'), 0)
    t.is(await table.use('live'), 0)
    const end = await onlyGrown('at the end')
    t.is(end.get('forward'), BigInt(3 * flows.web + flows.dns + flows.dns / again + 2 * flows.media))
    for (const { activeFlows } of (await table.use('services')).flatMap(({ endpoints }) => endpoints))
      t.is(activeFlows, 0)
    for (const [name, count] of end) t.false(name.startsWith('drop_') && count > 0n, name)
  },
)
