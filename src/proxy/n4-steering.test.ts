// What the sessions of an N4 service come to in the fast path beside their tunnels: users of the data network, and
// local traffic.

import test from 'ava'
import { bed, endpointsAt, n3Of, n4Of, n6Of, pace, upfs, vip } from '../testing/proxying-bed.ts'
import type { N4Settings, Service } from '../lb/model.ts'
import type { SmfOptions } from '../sim/sim-smf.ts'

interface Given {
  readonly n4?: Partial<N4Settings>
  readonly n6?: Partial<Service>
  readonly smf?: Partial<SmfOptions>
  /** of each UPF */
  readonly dataNetwork?: (address: string) => readonly string[]
}

const noUpf = { userPlane: [], dnns: [], networkInstances: [], slices: [], uePools: [] }

const ready = async ({ dataNetwork = () => [], n4 = {}, n6 = {}, smf = {} }: Given = {}) => {
  const made = bed()
  for (const address of upfs) made.upf(address)
  const endpoints = endpointsAt(8805, upfs).map((endpoint) => ({
    ...endpoint,
    upf: { ...noUpf, dataNetwork: dataNetwork(endpoint.address) },
  }))
  const services = { n3: n3Of(), n6: n6Of(n6), n4: n4Of({ endpoints }, { users: ['n6'], ...n4 }) }
  await made.add(services.n3, services.n6, services.n4)
  await made.network.pass(200)
  const client = made.smf(smf)
  await made.network.until(client.associate())
  const users = (): ReadonlyMap<string, string> =>
    new Map(
      [...made.datapath.hints.all].flatMap(([name, { endpoint, leaving }]) =>
        name.startsWith('n6 ue-ip ') && !leaving ? [[name.slice('n6 ue-ip '.length), endpoint]] : [],
      ),
    )
  return { ...made, ...services, client, users }
}

test('n4: what the data network sends to a user has a hint of its UPF, while its session lives (N4.19)', async (t) => {
  const { client, counters, network, proxying, users } = await ready()
  await network.until(client.establish(6, pace))
  t.deepEqual(client.report().problems, [])
  const sessions = await proxying.n4Sessions(10)
  t.is(users().size, 6)
  for (const { ueAddresses, upf } of sessions) {
    const bytes = ueAddresses[0]!.split('/')[0]!.split('.').map(Number)
    t.is(users().get(Buffer.from(bytes).toString('hex')), upf.split(':')[0])
  }
  t.false('hint: ue-ip not served' in counters())
  t.is(counters()['hint: ue-ip outside users'], 0)
  await network.until(client.remove(pace))
  t.is(users().size, 0)
})

test('n4: a UPF takes what the data network sends where its N6 is, and keeps it there when that changes', async (t) => {
  const n6Address = (address: string): string => address.replace('10.0.0.', '10.6.0.')
  const { client, n4, network, replace, users } = await ready({
    dataNetwork: (address) => ['2001:db8::1', n6Address(address)],
    n6: { endpoints: endpointsAt(0, [...upfs, ...upfs.map(n6Address)]) },
  })
  await network.until(client.establish(3, pace))
  t.deepEqual([...users().values()].toSorted(), upfs.map(n6Address))
  await replace(n4, { ...n4, endpoints: endpointsAt(8805, upfs) })
  t.deepEqual([...users().values()].toSorted(), [...upfs])
  await network.until(client.remove(pace))
  t.is(users().size, 0)
})

test('n4: users of no service and UPFs that are no endpoints are counted, and led when there is a way', async (t) => {
  const { client, counters, n6, network, replace, users } = await ready({
    n6: { users: ['10.48.0.0/30'], endpoints: endpointsAt(0, upfs.slice(0, 1)) },
  })
  await network.until(client.establish(9, pace))
  t.deepEqual([...users().values()], [upfs[0]])
  t.is(counters()['hint: ue-ip outside users'], 6)
  t.is(counters()['hint: no such endpoint'], 2)
  await replace(n6, { ...n6, users: ['10.48.0.0/30', '10.48.0.4/30', '10.48.0.8/29'], endpoints: endpointsAt(0, upfs) })
  t.is(users().size, 9)
})

test('n4: services of users may be added, and each prefix has its own', async (t) => {
  const made = await ready({ n6: { users: ['10.48.0.0/30'] } })
  const { add, client, datapath, n4, network, proxying, replace } = made
  await network.until(client.establish(9, pace))
  const wider = n6Of({ name: 'n6-wide', users: ['10.48.0.0/12'] })
  await add(wider)
  await replace(n4, { ...n4, n4: { ...n4.n4!, users: ['n6-wide', 'n6'] } })
  const named = (name: string): number =>
    [...datapath.hints.all.keys()].filter((key) => key.startsWith(`${name} `)).length
  t.deepEqual([named('n6'), named('n6-wide')], [3, 6])
  t.is(proxying.n4()[0]?.status.sessions, 9)
})

test('n4: users that a process of before has left are forgotten with its tunnels', async (t) => {
  const { add, datapath, network, upf } = bed()
  for (const address of upfs) upf(address)
  await add(n3Of(), n6Of())
  const key = Uint8Array.of(10, 48, 0, 9)
  const left = { action: 'install', service: 'n6', kind: 'ue-ip', key, endpoint: upfs[0], identifier: null } as const
  datapath.hints.apply([{ ...left, graceMs: 0 }])
  const before = datapath.hints.forgets.length
  await add(n4Of({}, { users: ['n6'] }))
  await network.pass(100)
  t.deepEqual(datapath.hints.forgets.slice(before).toSorted(), ['n3', 'n6'])
  t.is(datapath.hints.all.size, 0)
})

const local = {
  n4: { localNetworkInstances: ['mec'] },
  smf: { tunnel: 'choose-id', local: { networkInstance: 'mec', prefix: '192.168.5.0/24' } },
} as const

test('n4: rules about a local network are sessions with uplink classifiers, of the N4 service (N4.19)', async (t) => {
  const { client, datapath, n4, network, proxying } = await ready(local)
  await network.until(client.establish(3, pace))
  t.deepEqual(client.report().problems, [])
  const list = datapath.userSessions.list()
  t.is(list.length, 3)
  for (const { owner, session } of list) {
    t.is(owner, 'n4 n4')
    t.is(session.uplink.address, vip)
    t.deepEqual(session.classifiers, [{ prefix: '192.168.5.0/24', qfi: 9 }])
    t.is(session.downlink.address, '10.0.2.1')
  }
  await network.until(client.remove(pace))
  t.deepEqual(datapath.userSessions.list(), [])
  await network.until(client.establish(2, pace))
  t.is(datapath.userSessions.list().length, 2)
  await proxying.apply([{ kind: 'remove', service: n4 }])
  t.deepEqual(datapath.userSessions.list(), [])
})

test('n4: nothing stays local of a service that gets another name, or does not end PFCP any more', async (t) => {
  const { client, datapath, n4, network, proxying } = await ready(local)
  await network.until(client.establish(3, pace))
  const renamed = { ...n4, name: 'other' }
  await proxying.apply([{ kind: 'update', from: n4, to: renamed }])
  t.deepEqual(
    datapath.userSessions.list().filter(({ owner }) => owner === 'n4 n4'),
    [],
  )
  const stateless = { ...renamed, mode: 'dnat', select: 'hint', n4: null } as const
  await proxying.apply([{ kind: 'update', from: renamed, to: stateless }])
  t.deepEqual(datapath.userSessions.list(), [])
})

test('n4: local traffic that the fast path refuses goes through the UPF, is counted and told', async (t) => {
  const { client, counters, datapath, network, warnings } = await ready(local)
  const taken = { ueAddresses: ['10.48.0.1'], uplink: { address: '192.0.2.9', teid: 1 } }
  datapath.userSessions.as('api').install({ ...taken, downlink: { address: '192.0.2.8', teid: 2 }, classifiers: [] })
  await network.until(client.establish(3, pace))
  t.is(counters()['local: other owner'], 1)
  t.true(warnings().some((line) => line.startsWith('local traffic of a session goes through its UPF: other owner')))
  t.deepEqual(
    datapath.userSessions.list().map(({ owner }) => owner),
    ['api', 'n4 n4', 'n4 n4'],
  )
})
