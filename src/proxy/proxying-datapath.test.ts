// The proxies over a datapath and a network without a kernel.

import test from 'ava'
import { UnavailableError } from '../lb/errors.ts'
import { endpointKey } from '../lb/model.ts'
import { pfcp, readElements, writeElements } from '../protocols/pfcp/index.ts'
import { write16 } from '../wire/fields.ts'
import { fTeidsOf } from './n4/test-elements.ts'
import { bed, endpointsAt, n3Of, n4Of, pace, ready, upfs, vip } from '../testing/proxying-bed.ts'
import type { N4ServiceSession } from '../lb/n4-status.ts'
import type { PfcpElement } from '../protocols/pfcp/index.ts'
import type { SimSmf } from '../sim/sim-smf.ts'

/** Session Establishment Response */
const establishmentResponse = 51

const problemsOf = (smf: SimSmf): readonly string[] => smf.report().problems.map(({ what }) => what)
const addressOf = ({ upf }: N4ServiceSession): string => upf.split(':')[0]!
const hintName = (teid: string | number): string =>
  `n3 teid ${(typeof teid === 'number' ? teid : Number(teid)).toString(16).padStart(8, '0')}`

test('n4: an SMF takes three UPFs for one, and each tunnel has the hint of its UPF (N4.1, N4.19)', async (t) => {
  const { client, counters, datapath, network, pool, proxying } = await ready()
  t.is(await network.until(client.establish(100, pace)), 100)
  t.deepEqual(problemsOf(client), [])
  t.deepEqual(client.report().tunnelsAt, { [vip]: 100 })
  t.deepEqual(
    pool.map((upf) => upf.state().sessions),
    [34, 33, 33],
  )
  const [{ service: name, status } = { service: '', status: null }] = proxying.n4()
  t.is(name, 'n4')
  t.like(status, { sessions: 100, tunnels: 100, ueAddresses: 100, pending: 0 })
  t.deepEqual(
    status?.upfs.map(({ address, sessions, state }) => [address, state, sessions]),
    upfs.map((address, index) => [address, 'up', pool[index]!.state().sessions]),
  )
  const sessions = await proxying.n4Sessions(1000)
  t.is(sessions.length, 100)
  t.is(datapath.hints.all.size, 100)
  for (const session of sessions) {
    t.like(session, { service: 'n4', smf: '10.0.1.1', state: 'up' })
    const [tunnel] = session.tunnels
    t.deepEqual(datapath.hints.all.get(hintName(tunnel!.teid)), {
      endpoint: addressOf(session),
      identifier: tunnel!.teid === tunnel!.upfTeid ? null : Number(tunnel!.upfTeid),
      leaving: false,
    })
  }
  t.like(counters(), { 'hint: ue-ip not served': 100, 'tunnel-renumbered': 66 })
  t.is((await proxying.n4Sessions(7)).length, 7)
  await network.until(client.remove(pace))
  t.true([...datapath.hints.all.values()].every(({ leaving }) => leaving))
  t.deepEqual(await proxying.n4Sessions(1000), [])
})

test('n4: hints are in the fast path before the response leaves the socket (N4.19)', async (t) => {
  const seen: boolean[] = []
  const { add, datapath, network, smf, upf } = bed((surroundings) => ({
    ...surroundings,
    open: (place, longest, receive) => {
      const socket = surroundings.open(place, longest, receive)
      return {
        ...socket,
        send(bytes, to) {
          const message = pfcp.decode(bytes)
          if (message.type === establishmentResponse)
            for (const { teid } of fTeidsOf(message)) seen.push(datapath.hints.all.has(hintName(teid)))
          socket.send(bytes, to)
        },
      }
    },
  }))
  upfs.map((address) => upf(address))
  await add(n3Of(), n4Of())
  await network.pass(200)
  const client = smf()
  await network.until(client.associate())
  await network.until(client.establish(100, pace))
  t.deepEqual(seen, Array(100).fill(true))
})

test('n4: a tunnel to what is no endpoint of the tunnel service is counted and told, others are steered', async (t) => {
  const { client, counters, datapath, network, warnings } = await ready(
    n4Of(),
    n3Of({ endpoints: endpointsAt(2152, upfs.slice(1)) }),
  )
  await network.until(client.establish(30, pace))
  t.is(client.report().sessions.up, 30)
  t.is(datapath.hints.all.size, 20)
  t.is(counters()['hint: no such endpoint'], 10)
  // Ten of them in one moment are told once.
  t.deepEqual(warnings(), [`a session is not steered: no such endpoint: n3`])
})

test('n4: in mode dsr a TEID of two UPFs leads to the first, other tunnels lead nowhere (N3.9)', async (t) => {
  const dsr = n3Of({ mode: 'dsr', encapsulation: 'ip' })
  const { client, counters, datapath, network, pool, proxying } = await ready(n4Of(), dsr)
  await network.until(client.establish(30, pace))
  t.is(client.report().sessions.up, 30)
  t.like(counters(), { 'tunnel-renumbered': 20, 'hint: identifier in mode dsr': 20 })
  const led = (await proxying.n4Sessions(100)).filter(({ tunnels }) =>
    datapath.hints.all.has(hintName(tunnels[0]!.teid)),
  )
  t.is(datapath.hints.all.size, 10)
  t.deepEqual(
    led.map(({ tunnels }) => tunnels[0]!.teid),
    led.map(({ tunnels }) => tunnels[0]!.upfTeid),
  )
  t.deepEqual(
    pool.map((upf) => upf.state().sessions),
    [10, 10, 10],
  )
})

test('n4: sessions of a UPF that joins the tunnel service too late are steered from then on', async (t) => {
  const n3 = n3Of({ endpoints: endpointsAt(2152, upfs.slice(1)) })
  const { client, datapath, network, proxying, replace } = await ready(n4Of(), n3)
  await network.until(client.establish(30, pace))
  t.is(datapath.hints.all.size, 20)
  const before = datapath.hints.applies.length
  await replace(n3, n3Of())
  t.is(datapath.hints.all.size, 30)
  t.is(datapath.hints.applies.length, before + 1)
  t.is(datapath.hints.applies.at(-1)?.length, 10)
  t.like(proxying.n4()[0]?.status, { sessions: 30 })
})

test('n4: a tunnel that the fast path leads elsewhere gives way to what the proxy knows', async (t) => {
  const { client, counters, datapath, network, warnings } = await ready()
  const key = Uint8Array.of(0, 0, 0, 1)
  const strange = { action: 'install', service: 'n3', kind: 'teid', key, endpoint: upfs[2] } as const
  datapath.hints.apply([{ ...strange, identifier: 9, graceMs: 0 }])
  await network.until(client.establish(3, pace))
  t.like(datapath.hints.all.get(hintName(1)), { endpoint: upfs[0], identifier: null })
  t.is(datapath.hints.all.size, 3)
  t.is(counters()['hint: conflict'], undefined)
  t.deepEqual(warnings(), [])
})

test('n4: a UPF that takes a tunnel at both families gets the one of the VIP', async (t) => {
  const { client, counters, datapath, network } = await ready()
  const other = Buffer.from('20010db8000000000000000000000001', 'hex')
  network.change = (sent) => {
    if (sent.from.port !== 8805 || sent.bytes[1] !== establishmentResponse || sent.to.address !== vip) return sent
    const both = ({ type, value }: PfcpElement): PfcpElement => {
      if (!(value instanceof Uint8Array)) return { type, value: value.map(both) }
      // F-TEID: flags V6 and V4, TEID, both addresses (TS 29.244, 8.2.3)
      return type === 21 ? { type, value: Uint8Array.of(3, ...value.subarray(1, 9), ...other) } : { type, value }
    }
    const elements = writeElements(readElements(sent.bytes.subarray(16)).map(both))
    const bytes = Uint8Array.of(...sent.bytes.subarray(0, 16), ...elements)
    write16(bytes, 2, bytes.length - 4)
    return { ...sent, bytes }
  }
  await network.until(client.establish(3, pace))
  t.deepEqual(problemsOf(client), [])
  t.deepEqual(new Set([...datapath.hints.all.values()].map((hint) => hint.endpoint)), new Set(upfs))
  t.deepEqual(
    Object.keys(counters()).filter((name) => name.startsWith('hint: ')),
    ['hint: ue-ip not served'],
  )
})

test('n4: endpoints come and go while the sessions stay and the SMF notices nothing (N4.15)', async (t) => {
  const { client, datapath, n3, n4, network, proxying, replace, upf } = await ready()
  await network.until(client.establish(30, pace))
  const fourth = upf('10.0.0.14')
  const addresses = [...upfs, '10.0.0.14']
  await replace(n3, n3Of({ endpoints: endpointsAt(2152, addresses) }))
  const more = n4Of({ endpoints: endpointsAt(8805, addresses) })
  await replace(n4, more)
  await network.pass(200)
  await network.until(client.establish(10, pace))
  t.is(fourth.state().sessions, 10)
  const [first, ...rest] = more.endpoints
  const drained = n4Of({ endpoints: [...rest, { ...first!, drained: true }] })
  await replace(more, drained)
  await network.until(client.establish(30, pace))
  const sessionsAt = (address: string) => proxying.n4()[0]!.status.upfs.find((one) => one.address === address)
  t.like(sessionsAt(upfs[0]), { sessions: 10 })
  await replace(drained, n4Of({ endpoints: rest }))
  t.like(sessionsAt(upfs[0]), { state: 'draining', sessions: 10 })
  t.like(client.report(), { peerRestarts: 0, problems: [] })
  t.like(client.report().sessions, { up: 70 })
  t.is(datapath.hints.all.size, 70)
  t.deepEqual(datapath.hints.forgets, ['n3'])
})

test('n4: with another Node ID all begins anew, and SMFs are told so', async (t) => {
  const { client, datapath, n4, network, proxying, replace } = await ready()
  await network.until(client.establish(10, pace))
  t.is(datapath.hints.all.size, 10)
  await replace(n4, n4Of({}, { nodeId: 'upf.example' }))
  t.is(datapath.hints.all.size, 0)
  t.like(proxying.n4()[0]?.status, { sessions: 0, smfs: [] })
  await network.pass(200)
  await network.until(client.associate())
  t.is(client.report().peerRestarts, 1)
  await network.until(client.establish(10, pace))
  t.is(datapath.hints.all.size, 10)
})

test('n4: tunnels of a process of before are forgotten, but not those of another service', async (t) => {
  const { add, datapath } = bed()
  const others = n3Of({ name: 'n3-too', address: '10.1.1.2' })
  await add(n3Of(), others)
  const key = Uint8Array.of(0, 0, 0, 1)
  const hint = { action: 'install', kind: 'teid', key, endpoint: upfs[0], identifier: null, graceMs: 0 } as const
  datapath.hints.apply(['n3', 'n3-too'].map((name) => ({ ...hint, service: name })))
  await add(n4Of())
  t.deepEqual([...datapath.hints.all.keys()], ['n3-too teid 00000001'])
})

test('n4: a limit of sessions is that of all services together', async (t) => {
  const { add, network, proxying, smf, upf } = bed()
  const address = '10.1.1.2'
  const own = ['10.0.0.21']
  for (const one of [...upfs, ...own]) upf(one)
  await add(n3Of(), n4Of(), n3Of({ name: 'n3-too', address, endpoints: endpointsAt(2152, own) }))
  await add(n4Of({ name: 'n4-too', address, endpoints: endpointsAt(8805, own) }, { tunnels: 'n3-too' }))
  await network.pass(200)
  const clients = [smf(), smf({ address: '10.0.1.2', peer: address, gnbs: ['10.0.2.2'], uePrefix: '10.96.0.0/12' })]
  for (const client of clients) {
    await network.until(client.associate())
    await network.until(client.establish(10, pace))
  }
  const servicesOf = async (limit: number) => (await proxying.n4Sessions(limit)).map((session) => session.service)
  t.deepEqual(await servicesOf(12), [...Array<string>(10).fill('n4'), 'n4-too', 'n4-too'])
  t.is((await servicesOf(100)).length, 20)
})

for (const death of ['restarts', 'falls silent'] as const) {
  test(`n4: tunnels of a UPF that ${death} lead to another one, where sessions are restored (N4.13)`, async (t) => {
    const { client, counters, datapath, network, pool, proxying } = await ready(n4Of({}, { onLoss: 'restore' }))
    await network.until(client.establish(30, pace))
    if (death === 'restarts') pool[0]!.restart()
    else pool[0]!.stop()
    await network.pass(3000)
    t.is(counters()['sessions-restored'], 10)
    for (const session of await proxying.n4Sessions(100))
      for (const tunnel of session.tunnels)
        t.like(datapath.hints.all.get(hintName(tunnel.teid)), {
          endpoint: addressOf(session),
          identifier: tunnel.teid === tunnel.upfTeid ? null : Number(tunnel.upfTeid),
          leaving: false,
        })
    t.is(counters()['hint: conflict'], undefined)
    t.like(client.report().sessions, { up: 30 })
  })
}

test('n4: when the tunnels become those of mode dsr, no TEID is written any more (N3.9)', async (t) => {
  const { client, datapath, n3, network, replace } = await ready()
  await network.until(client.establish(30, pace))
  const written = () => [...datapath.hints.all.values()].filter(({ identifier }) => identifier !== null)
  t.is(written().length, 20)
  await replace(n3, n3Of({ mode: 'dsr', encapsulation: 'ip' }))
  t.deepEqual(written(), [])
  t.is(datapath.hints.all.size, 10)
})

const unled = [
  ['its TEID would have to be written in mode dsr', n3Of({ mode: 'dsr', encapsulation: 'ip' })],
  ['the UPF takes GTP-U at no endpoint', n3Of({ endpoints: endpointsAt(2152, upfs.slice(0, 1)) })],
] as const
for (const [why, n3] of unled) {
  test(`n4: a restored tunnel is led to the dead UPF no longer, also if ${why} (N4.13)`, async (t) => {
    const { client, counters, datapath, network, pool } = await ready(n4Of({}, { onLoss: 'restore' }), n3)
    await network.until(client.establish(30, pace))
    const ledTo = (address: string) => [...datapath.hints.all.values()].filter(({ endpoint }) => endpoint === address)
    t.is(ledTo(upfs[0]).length, 10)
    pool[0]!.stop()
    await network.pass(3000)
    t.is(counters()['sessions-restored'], 10)
    t.deepEqual(ledTo(upfs[0]), [])
  })
}

test('n4: a service that goes leaves its socket, and no tunnel in the fast path', async (t) => {
  const { client, datapath, n4, network, proxying } = await ready()
  await network.until(client.establish(10, pace))
  await proxying.apply([{ kind: 'remove', service: n4 }])
  t.deepEqual(proxying.n4(), [])
  t.deepEqual(await proxying.n4Sessions(10), [])
  t.is(datapath.hints.all.size, 0)
  t.notThrows(() => network.surroundings.open({ address: vip, port: 8805 }, 1500, () => undefined).close())
  const before = network.sent.length
  await network.pass(2000)
  t.false(network.sent.slice(before).some(({ from }) => from.address === vip))
})

test('n4: when the daemon stops no word is sent, and no socket is left', async (t) => {
  const { client, network, proxying } = await ready()
  await network.until(client.establish(10, pace))
  const before = network.sent.length
  proxying.close()
  await network.pass(500)
  t.false(network.sent.slice(before).some(({ from }) => from.address === vip))
  t.notThrows(() => network.surroundings.open({ address: vip, port: 8805 }, 1500, () => undefined))
})

test('n4: a VIP that cannot be listened at is refused by name; it is served when it can', async (t) => {
  const taken = Object.assign(new Error('bind: EADDRINUSE'), { code: 'EADDRINUSE' })
  const isTaken = { yes: true }
  const { add, datapath, proxying } = bed((surroundings) => ({
    ...surroundings,
    open: (place, longest, receive) => {
      if (isTaken.yes) throw taken
      return surroundings.open(place, longest, receive)
    },
  }))
  const error = await t.throwsAsync(add(n3Of(), n4Of()), { instanceOf: UnavailableError })
  t.regex(error.message, /service n4 cannot be listened at: bind: EADDRINUSE/)
  t.deepEqual(proxying.n4(), [])
  // What the controller does next: it takes the change back.
  await proxying.apply(datapath.services().map(({ service: one }) => ({ kind: 'remove', service: one })))
  isTaken.yes = false
  await add(n3Of(), n4Of())
  t.deepEqual(
    proxying.n4()[0]?.status.upfs.map(({ name }) => name),
    n4Of().endpoints.map(endpointKey),
  )
})

test('n4: when the datapath refuses, the proxies are as they were', async (t) => {
  const { client, datapath, n4, network, proxying, replace } = await ready()
  await network.until(client.establish(3, pace))
  datapath.failNext(new Error('broken'))
  await t.throwsAsync(replace(n4, n4Of({}, { balance: 'hash' })), { message: 'broken' })
  t.like(proxying.n4()[0]?.status, { sessions: 3 })
})
