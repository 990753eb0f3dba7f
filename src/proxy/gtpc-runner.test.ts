// Services of `select: gtpc` on a network without a kernel. What the engine does with messages has its tests in gtpc/.

import test from 'ava'
import { UnavailableError } from '../lb/errors.ts'
import { gtpcDefaults } from '../lb/model.ts'
import { SimGateway } from './gtpc/test-bed.ts'
import { causeOf, fTeid, fTeidIn, ie, imsiOf, parse, v1, v2, valueV2 } from './gtpc/test-elements.ts'
import { bed, endpointsAt, n3Of, n4Of, pace, upfs, vip } from '../testing/proxying-bed.ts'
import { service } from '../testing/services.ts'
import type { Endpoint, GtpcSettings, Service } from '../lb/model.ts'
import type { Parsed } from './gtpc/test-elements.ts'

const port = 2123
const mme = '10.0.1.9'
const pool = ['10.0.0.21', '10.0.0.22'] as const
const settings = { ...gtpcDefaults, echo: 1, t3: 200, n3: 1 }

const gtpcOf = (more: Partial<Service> = {}, gtpc: Partial<GtpcSettings> = {}): Service =>
  service({
    name: 's11',
    address: vip,
    port,
    protocol: 'udp',
    mode: 'proxy',
    select: 'gtpc',
    announce: 'local',
    endpoints: endpointsAt(port, pool),
    gtpc: { ...settings, ...gtpc },
    ...more,
  })

const gtpcBed = (change?: Parameters<typeof bed>[0]) => {
  const made = bed(change)
  const { network } = made
  const open = (address: string, receive: (message: Parsed, send: (bytes: Uint8Array) => void) => void): void => {
    const socket = network.surroundings.open({ address, port }, 1500, (bytes, from) =>
      receive(parse(bytes), (answer) => socket.send(answer, from)),
    )
  }
  const gateway = (address: string): SimGateway => {
    const sim = new SimGateway(address)
    open(address, (message, send) => {
      sim.got.push(message)
      if (!sim.dead) for (const answer of sim.answer(message)) send(answer)
    })
    return sim
  }
  const got: Parsed[] = []
  open(mme, (message) => void got.push(message))
  let sequence = 0
  /** The answer to a request of the MME. */
  const ask = async (build: (sequence: number) => Uint8Array): Promise<Parsed | undefined> => {
    network.inject({ address: mme, port }, { address: vip, port }, build(++sequence))
    await network.settle()
    return got.findLast((one) => one.sequence === sequence)
  }
  const create = (last: number): Promise<Parsed | undefined> =>
    ask((number) => v2(32, 0, number, imsiOf(last), fTeid(0, 10, 0x100 + last, mme), ie(93, 0, ie(73, 0, 5))))
  const gateways = () => made.proxying.gtpc()[0]?.status.gateways ?? []
  /** of the first service, by gateway */
  const sessions = () => gateways().map(({ paths }) => paths.reduce((sum, { sessions: count }) => sum + count, 0))
  return { ...made, ask, create, gateway, gateways, sessions }
}

const readyBed = async (wanted: Service = gtpcOf()) => {
  const made = gtpcBed()
  const sims = pool.map(made.gateway)
  await made.add(wanted)
  await made.network.pass(200)
  return { ...made, sims, wanted }
}

test('gtpc: an MME has many gateways behind one address, and all speak with the VIP alone (GC.1, GC.3)', async (t) => {
  const { create, lines, network, proxying, sessions, sims } = await readyBed()
  for (let last = 0; last < 6; last++) t.is(causeOf((await create(last))!), 16)
  t.deepEqual(sessions(), [3, 3])
  const addresses = network.sent.map(({ from, to }) => [from.address, to.address])
  for (const pair of addresses) t.true(pair.includes(vip), pair.join())
  for (const { got } of sims) {
    const creations = got.filter(({ type }) => type === 32)
    t.deepEqual(new Set(creations.map((one) => fTeidIn(one)?.address)), new Set([vip]))
  }
  t.like(proxying.gtpc()[0], { service: 's11', status: { sessions: 6, clients: [{ address: mme, sessions: 6 }] } })
  t.like(proxying.gtpcSessions(10, '001010000000004'), { length: 1, 0: { service: 's11', client: mme, state: 'up' } })
  t.is(proxying.gtpcSessions(4, null).length, 4)
  const ups = lines.filter(({ message }) => message === 'gtpc: gateway-up').map(({ fields }) => fields)
  t.deepEqual(ups[0], { service: 's11', gateway: `${pool[0]}:${port}`, version: 1 })
  t.is(ups.length, 4)
})

test('gtpc: endpoints come, go and are drained while sessions stay', async (t) => {
  const { ask, create, gateway, gateways, lines, network, proxying, replace, sessions, wanted } = await readyBed()
  const { restartCounter } = proxying.gtpc()[0]!.status
  const first = (await create(1))!
  const third = gateway('10.0.0.23')
  const [a, b] = wanted.endpoints as [Endpoint, Endpoint]
  const c: Endpoint = { ...a, address: '10.0.0.23', gtpVersions: [2] }
  const more = gtpcOf({ endpoints: [{ ...a, drained: true }, { ...b, weight: 0 }, c] })
  await replace(wanted, more)
  await network.pass(200)
  for (let last = 2; last < 6; last++) await create(last)
  t.deepEqual(sessions(), [1, 0, 4])
  t.deepEqual(
    third.got.filter(({ type }) => type === 1).map(({ version }) => version),
    [2],
  )
  const less = gtpcOf({ name: 'mme-pool', endpoints: [c] })
  await replace(more, less)
  t.like(gateways()[0], { isDraining: true })
  t.like(lines.at(-1), { message: 'gtpc: gateway-draining', fields: { service: 'mme-pool' } })
  t.is(causeOf((await ask((number) => v2(34, fTeidIn(first)!.teid, number)))!), 16)
  t.like(proxying.gtpc()[0], { service: 'mme-pool', status: { restartCounter, sessions: 5 } })
})

test('gtpc: with other settings all begins anew, and peers are told by the restart counter (GC.3)', async (t) => {
  const { ask, create, network, proxying, replace, wanted } = await readyBed()
  const counterOf = async (): Promise<number> =>
    valueV2((await ask((number) => v2(1, null, number, ie(3, 0, 1))))!, 3)![0]!
  await create(1)
  const before = await counterOf()
  await replace(wanted, gtpcOf({}, { versions: [2] }))
  t.is(proxying.gtpc()[0]!.status.sessions, 0)
  t.is(await counterOf(), before + 1)
  await network.pass(200)
  t.is(causeOf((await create(1))!), 16)
  // Version 1 is not served any more, and its speakers are told so.
  t.is((await ask((number) => v1(1, 0, number)))?.version, 2)
})

test('gtpc: a gateway that falls silent is told to the operator, and its users go elsewhere (GC.3)', async (t) => {
  const { create, lines, network, sessions, sims } = await readyBed()
  for (let last = 0; last < 4; last++) await create(last)
  sims[0]!.dead = true
  await network.pass(2000)
  const down = lines.filter(({ message }) => message === 'gtpc: gateway-down')
  t.deepEqual(new Set(down.map(({ level }) => level)), new Set(['warn']))
  t.like(down.find(({ fields }) => 'version' in fields && fields.version === 2)?.fields, {
    gateway: `${pool[0]}:${port}`,
    reason: 'echo',
    sessions: 2,
  })
  t.deepEqual(sessions(), [0, 2])
  for (let last = 0; last < 4; last++) t.is(causeOf((await create(last))!), 16)
  t.deepEqual(sessions(), [0, 4])
})

test('gtpc: how often is asked, and how long is waited, is as the service says', async (t) => {
  const made = gtpcBed()
  const silent = made.gateway(pool[0])
  silent.dead = true
  await made.add(gtpcOf({ endpoints: endpointsAt(port, [pool[0]]) }, { versions: [2], t3: 500, n3: 2 }))
  // Sent again at 500 and 1000, given up at 1500, asked again at 2000.
  await made.network.pass(1900)
  t.is(silent.got.length, 3)
  const live = await readyBed(gtpcOf({}, { versions: [2], echo: 2 }))
  await live.network.pass(3000)
  t.is(live.sims[0]!.got.length, 2)
})

test('gtpc: beside it a service of PFCP has its own proxy, and neither disturbs the other', async (t) => {
  const { add, create, gateway, network, proxying, smf, upf } = gtpcBed()
  for (const address of upfs) upf(address)
  for (const address of pool) gateway(address)
  await add(n3Of(), n4Of())
  await network.pass(200)
  const client = smf()
  await network.until(client.associate())
  await network.until(client.establish(6, pace))
  const wanted = gtpcOf()
  await add(wanted)
  await network.pass(200)
  t.is(causeOf((await create(1))!), 16)
  t.is(proxying.n4()[0]?.status.sessions, 6)
  await proxying.apply([{ kind: 'remove', service: wanted }])
  t.deepEqual([proxying.gtpc(), proxying.gtpcSessions(1, null)], [[], []])
  t.notThrows(() => network.surroundings.open({ address: vip, port }, 1500, () => undefined))
  await network.until(client.establish(6, pace))
  t.like(client.report().sessions, { up: 12 })
})

test('gtpc: when the daemon stops no word is sent, and no socket is left', async (t) => {
  const { create, network, proxying } = await readyBed()
  await create(1)
  const before = network.sent.length
  proxying.close()
  await network.pass(2000)
  t.is(network.sent.length, before)
  t.notThrows(() => network.surroundings.open({ address: vip, port }, 1500, () => undefined))
})

test('gtpc: a VIP that cannot be listened at is refused by name', async (t) => {
  const taken = Object.assign(new Error('bind: EADDRINUSE'), { code: 'EADDRINUSE' })
  const { add, proxying } = gtpcBed((surroundings) => ({
    ...surroundings,
    open() {
      throw taken
    },
  }))
  const error = await t.throwsAsync(add(gtpcOf()), { instanceOf: UnavailableError })
  t.regex(error.message, /service s11 cannot be listened at: bind: EADDRINUSE/)
  t.deepEqual(proxying.gtpc(), [])
})
