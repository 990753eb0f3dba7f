import type { ExecutionContext } from 'ava'
import { serviceKey } from '../lb/model.ts'
import { keyTag } from '../lb/selection/flow-hash.ts'
import { openBed } from '../testing/datapath/open-bed.ts'
import { pinsFor } from '../testing/datapath/small-maps.ts'
import { endpoint, service } from '../testing/services.ts'
import { testWith } from '../testing/needs.ts'
import { verdictNames } from './layout.gen.ts'
import type { Bed, BedOptions } from '../testing/datapath/bed.ts'
import type { Remote } from '../../lab/host.ts'
import type { FlowStatus } from '../lb/datapath.ts'
import type { Change, Service } from '../lb/model.ts'

const server = endpoint('10.2.0.2', { weight: 3 })
const dnat = service({ name: 'web', endpoints: [server] })
const fullnat = service({ port: 443, mode: 'fullnat', select: 'hash', endpoints: [server] })
const onearm = service({ port: 53, protocol: 'udp', mode: 'onearm', endpoints: [endpoint('10.2.0.2', { port: 5353 })] })
const ping = service({ port: 0, protocol: 'icmp', endpoints: [endpoint('10.2.0.2', { port: 0 })] })
const all = [dnat, fullnat, onearm, ping]

const add = (services: readonly Service[]): readonly Change[] =>
  services.map((each) => ({ kind: 'add', service: each }))

const kernel = (title: string, run: (t: ExecutionContext, bed: Remote<Bed>) => Promise<void>): void =>
  testWith(['root', 'bpf', 'netns'], title, async (t) => {
    const bed = await openBed(t, { pins: pinsFor(t) })
    await bed.use('apply', add(all))
    await run(t, bed)
  })

const client = '10.1.0.2:4000'

const sendAll = async (bed: Remote<Bed>): Promise<void> => {
  await bed.use('send', { kind: 'tcp', from: client, to: '192.0.2.1:80', flags: 'S' })
  await bed.use('send', { kind: 'tcp', from: '10.2.0.2:8080', to: client, flags: 'SA' }, 'server')
  await bed.use('send', { kind: 'tcp', from: client, to: '192.0.2.1:443', flags: 'S' })
  await bed.use('send', { kind: 'udp', from: client, to: '192.0.2.1:53', payload: new Uint8Array(10) })
  await bed.use('send', { kind: 'icmp', from: '10.1.0.2:77', to: '192.0.2.1', type: 8 })
}

/** By the port of the VIP; 0 is ICMP. */
const flowTo = async (bed: Remote<Bed>, port: number): Promise<FlowStatus | undefined> =>
  (await bed.use('flows')).find((flow) => flow.vip.port === port)

kernel('status: a flow is told from the client to the endpoint, with its service', async (t, bed) => {
  await sendAll(bed)
  await bed.use('addTicks', 50)
  t.deepEqual(await flowTo(bed, 80), {
    protocol: 'tcp',
    state: 'syn_received',
    client: { address: '10.1.0.2', port: 4000 },
    vip: { address: '192.0.2.1', port: 80 },
    source: { address: '10.1.0.2', port: 4000 },
    endpoint: { address: '10.2.0.2', port: 8080, weight: 3 },
    service: serviceKey(dnat),
    serviceName: 'web',
    mode: 'dnat',
    toEndpoint: { packets: 1n, bytes: 40n },
    toClient: { packets: 1n, bytes: 40n },
    idleMs: 500,
  })
  const nat = await flowTo(bed, 443)
  t.like(nat, {
    mode: 'fullnat',
    state: 'syn_sent',
    source: { address: '192.0.2.1' },
    serviceName: serviceKey(fullnat),
  })
  t.true((nat?.source.port ?? 0) >= 1024 && (nat?.source.port ?? 0) <= 2047)
  t.like(await flowTo(bed, 53), {
    protocol: 'udp',
    mode: 'onearm',
    state: 'unreplied',
    source: { address: '10.2.0.1' },
    endpoint: { address: '10.2.0.2', port: 5353, weight: 1 },
    toEndpoint: { packets: 1n, bytes: 38n },
    toClient: { packets: 0n, bytes: 0n },
  })
  t.like(await flowTo(bed, 0), {
    protocol: 'icmp',
    client: { address: '10.1.0.2', port: 77 },
    vip: { address: '192.0.2.1', port: 0 },
    endpoint: { address: '10.2.0.2', port: 0, weight: 1 },
    service: serviceKey(ping),
  })
})

const six: BedOptions & { readonly ipv6: true } = { ipv6: true, sizes: { services: 8, endpoints: 16 } }

testWith(
  ['root', 'bpf', 'netns'],
  'status: flows of both families and between them are told in their own words',
  async (t) => {
    const bed = await openBed(t, six)
    const vips = ['192.0.2.1', '2001:db8:9::1'] as const
    const servers = ['10.2.0.2', '2001:db8:2::2'] as const
    const clients = ['10.1.0.2', '2001:db8:1::2'] as const
    const services = vips.flatMap((address, place) =>
      servers.map((server, index) =>
        service({ address, port: 80 + index, name: `${place} to ${index}`, endpoints: [endpoint(server)] }),
      ),
    )
    const echo = service({
      address: vips[1],
      port: 0,
      protocol: 'icmp',
      endpoints: [endpoint(servers[0], { port: 0 })],
    })
    await bed.use('apply', add([...services, echo]))
    const told = async (): Promise<readonly string[]> =>
      (await bed.use('flows'))
        .map((flow) => `${flow.serviceName}: ${flow.client.address} ${flow.vip.address} ${flow.endpoint.address}`)
        .toSorted()
    const socket = (address: string, port: number): string =>
      address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
    for (const [place, vip] of vips.entries())
      for (const port of [80, 81])
        t.is(
          await bed.use('send', {
            kind: 'tcp',
            from: socket(clients[place]!, 4000 + port),
            to: socket(vip, port),
            flags: 'S',
          }),
          'forward',
          `${vip} ${port}`,
        )
    t.is(await bed.use('send', { kind: 'icmp', from: `[${clients[1]}]:7`, to: vips[1], type: 128 }), 'forward')
    t.deepEqual(
      await told(),
      [
        `${echo.name}: 2001:db8:1::2 2001:db8:9::1 10.2.0.2`,
        '0 to 0: 10.1.0.2 192.0.2.1 10.2.0.2',
        '0 to 1: 10.1.0.2 192.0.2.1 2001:db8:2::2',
        '1 to 0: 2001:db8:1::2 2001:db8:9::1 10.2.0.2',
        '1 to 1: 2001:db8:1::2 2001:db8:9::1 2001:db8:2::2',
      ].toSorted(),
    )
  },
)

testWith(['root', 'bpf', 'netns'], 'status: a flow whose endpoint answers itself has one side', async (t) => {
  const bed = await openBed(t)
  const dsr = service({ mode: 'dsr', endpoints: [endpoint('10.2.0.2', { port: 80 })] })
  await bed.use('apply', add([dsr]))
  t.is(await bed.use('send', { kind: 'tcp', from: client, to: '192.0.2.1:80', flags: 'S' }), 'forward')
  const [flow] = await bed.use('flows')
  t.like(flow, { mode: 'dsr', vip: { port: 80 }, toEndpoint: { packets: 1n }, toClient: { packets: 0n } })
  t.like(flow?.endpoint, { address: '10.2.0.2', weight: 1 })
})

kernel('status: a flow is as idle as its younger half', async (t, bed) => {
  await sendAll(bed)
  await bed.use('addTicks', 30)
  await bed.use('send', { kind: 'tcp', from: '10.2.0.2:8080', to: client, flags: 'SA' }, 'server')
  await bed.use('addTicks', 20)
  t.is((await flowTo(bed, 80))?.idleMs, 200)
})

kernel('status: lists so many flows as were asked for', async (t, bed) => {
  await bed.use('sendUdp', 100, '192.0.2.1:53')
  t.is((await bed.use('flows', 7)).length, 7)
  t.is((await bed.use('flows', 0)).length, 0)
  t.is((await bed.use('flows', 1000)).length, 100)
})

kernel('status: counts packets, bytes and flows of services and endpoints, and the flows that live', async (t, bed) => {
  await sendAll(bed)
  const counted = { packets: 2n, bytes: 80n, flows: 1n }
  const [web, , dns] = await bed.use('services')
  t.deepEqual(web, {
    service: dnat,
    counters: counted,
    endpoints: [{ address: '10.2.0.2', port: 8080, counters: counted, activeFlows: 1 }],
  })
  t.deepEqual(dns?.counters, { packets: 1n, bytes: 38n, flows: 1n })
})

kernel('status: verdicts are counted for the hook that gave them', async (t, bed) => {
  await sendAll(bed)
  t.is(await bed.use('send', { kind: 'udp', from: client, to: '203.0.113.1:1' }), 'pass_not_service')
  t.is(await bed.use('send', { kind: 'tcp', from: client, to: '192.0.2.1:80', flags: 'A', ttl: 1 }), 'pass_ttl')
  const { xdp, tc } = await bed.use('verdicts')
  const names = verdictNames.filter((name) => name !== 'continue')
  t.deepEqual([Object.keys(xdp), Object.keys(tc)], [names, names])
  t.true(Object.values(xdp).every((count) => count === 0n))
  t.deepEqual(Object.fromEntries(Object.entries(tc).filter(([, count]) => count > 0n)), {
    forward: 5n,
    pass_not_service: 1n,
    pass_ttl: 1n,
  })
})

kernel(
  'status: flows of a removed service keep its name; a daemon that starts later does not know it',
  async (t, bed) => {
    await sendAll(bed)
    await bed.use('apply', [{ kind: 'remove', service: dnat }])
    await bed.use('settle')
    t.like(await flowTo(bed, 80), { service: serviceKey(dnat), serviceName: 'web', endpoint: { weight: 3 } })
    t.is((await bed.use('services')).length, 3)

    await bed.use('restart')
    t.deepEqual(await bed.use('services'), [], 'not before the configuration has confirmed them')
    await bed.use('apply', add([fullnat, onearm, ping]))
    t.like(await flowTo(bed, 80), { service: null, serviceName: '', endpoint: { address: '10.2.0.2', weight: 0 } })
    t.like(await flowTo(bed, 443), { service: serviceKey(fullnat), endpoint: { weight: 3 } })
    t.is((await bed.use('services')).length, 3)
  },
)

kernel('status: after a restart the flows go on, and are counted on', async (t, bed) => {
  await sendAll(bed)
  await bed.use('restart')
  await bed.use('apply', add(all))
  t.is(await bed.use('send', { kind: 'tcp', from: client, to: '192.0.2.1:80', flags: 'A' }), 'forward')
  t.like(await flowTo(bed, 80), { state: 'established', toEndpoint: { packets: 2n } })
  const web = (await bed.use('services')).find(({ service }) => service.name === dnat.name)
  t.is(web?.counters.packets, 3n)
})

kernel(
  'tags: what the program writes beside a key is what we compute of it, so each finds what the other made',
  async (t, bed) => {
    await sendAll(bed)
    const entries = await bed.use('entries')
    t.is(entries.length, 8)
    for (const { key, flow } of entries) t.is(flow.tag, keyTag(key))
    // The service entries are ours: no flow would have been made if the program had another tag for them.
    t.is((await bed.use('flows')).length, all.length)
  },
)
