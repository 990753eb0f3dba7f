import type { ExecutionContext } from 'ava'
import { serviceKey } from '../lb/model.ts'
import { timeouts } from '../testing/datapath/bed.ts'
import { openBed } from '../testing/datapath/open-bed.ts'
import { endpoint, service } from '../testing/services.ts'
import { testWith } from '../testing/needs.ts'
import type { Bed, BedOptions } from '../testing/datapath/bed.ts'
import type { Remote } from '../../lab/host.ts'
import type { FlowState } from './layout.gen.ts'
import type { Packet, TcpPacket } from '../testing/packets.ts'

const vip = '192.0.2.1'
const tcp = service({ address: vip, endpoints: [endpoint('10.2.0.2')] })
const udp = service({ address: vip, port: 53, protocol: 'udp', endpoints: [endpoint('10.2.0.2')] })
const two = service({
  address: vip,
  port: 54,
  protocol: 'udp',
  endpoints: [endpoint('10.2.0.2'), endpoint('10.2.0.3')],
})
const nat = service({ address: vip, port: 443, mode: 'fullnat', endpoints: [endpoint('10.2.0.2')] })

const kernel = (
  title: string,
  run: (t: ExecutionContext, bed: Remote<Bed>) => Promise<void>,
  options?: BedOptions,
): void =>
  testWith(['root', 'bpf', 'netns'], title, async (t) => {
    const bed = await openBed(t, { sizes: { services: 8, endpoints: 16 }, ...options })
    await bed.use(
      'apply',
      [tcp, udp, two, nat].map((each) => ({ kind: 'add', service: each })),
    )
    await run(t, bed)
  })

const client = '10.1.0.2:4000'
const fromClient = (flags: string): TcpPacket => ({ kind: 'tcp', from: client, to: `${vip}:80`, flags })
const fromServer = (flags: string): TcpPacket => ({ kind: 'tcp', from: '10.2.0.2:8080', to: client, flags })

type Sent = readonly [Packet, 'client' | 'server']
const syn: Sent = [fromClient('S'), 'client']
const synAck: Sent = [fromServer('SA'), 'server']
const ack: Sent = [fromClient('A'), 'client']
const fin: Sent = [fromClient('FA'), 'client']
const query: Sent = [{ kind: 'udp', from: client, to: `${vip}:53` }, 'client']
const answer: Sent = [{ kind: 'udp', from: '10.2.0.2:8080', to: client }, 'server']

const ways: readonly (readonly [Exclude<FlowState, 'none' | 'closed'>, readonly Sent[]])[] = [
  ['syn_sent', [syn]],
  ['syn_received', [syn, synAck]],
  ['established', [syn, synAck, ack]],
  ['closing', [syn, synAck, ack, fin]],
  ['unreplied', [query]],
  ['replied', [query, answer]],
]

const send = async (t: ExecutionContext, bed: Remote<Bed>, packets: readonly Sent[]): Promise<void> => {
  for (const [packet, device] of packets) t.is(await bed.use('send', packet, device), 'forward')
}

kernel('expiry: a flow of each state is freed after its own time, and not a tick before', async (t, bed) => {
  for (const [state, packets] of ways) {
    await send(t, bed, packets)
    t.deepEqual(
      (await bed.use('flows')).map((flow) => flow.state),
      [state],
    )
    await bed.use('addTicks', timeouts[state] - 1)
    t.is(await bed.use('expire'), 0, state)
    await bed.use('addTicks', 1)
    t.is(await bed.use('expire'), 1, state)
    t.deepEqual(await bed.use('entries'), [], `both entries of ${state}`)
  }
})

kernel('expiry: a packet from either side keeps a flow', async (t, bed) => {
  await send(t, bed, [query, answer])
  for (const again of [answer, query, answer, answer]) {
    await bed.use('addTicks', timeouts.replied - 1)
    await send(t, bed, [again])
    t.is(await bed.use('expire'), 0)
  }
  await bed.use('addTicks', timeouts.replied)
  t.is(await bed.use('expire'), 1)
})

kernel('expiry: a closed connection goes within its short time, once nobody repeats himself', async (t, bed) => {
  await send(t, bed, [syn, synAck, ack, fin, [fromServer('FA'), 'server'], ack])
  t.is((await bed.use('flows'))[0]?.state, 'closed')
  await bed.use('addTicks', timeouts.closed - 1)
  t.is(await bed.use('expire'), 0)
  await send(t, bed, [[fromServer('FA'), 'server']])
  await bed.use('addTicks', timeouts.closed - 1)
  t.is(await bed.use('expire'), 0, 'its last packet is younger than that')
  await bed.use('addTicks', timeouts.closed)
  t.is(await bed.use('expire'), 1)
  t.is((await bed.use('entries')).length, 0)
})

kernel('expiry: a connection that was opened again while it waited to go lives on', async (t, bed) => {
  await send(t, bed, [syn, [fromClient('R'), 'client'], syn, synAck, ack])
  await bed.use('addTicks', timeouts.closed * 3)
  t.is(await bed.use('expire'), 0)
  t.is((await bed.use('flows'))[0]?.state, 'established')
})

kernel('expiry: what a flow held is free again: its source port, its place among the live ones', async (t, bed) => {
  const [id = 0] = await bed.use('endpointIds', serviceKey(nat))
  await send(t, bed, [[{ ...fromClient('S'), to: `${vip}:443` }, 'client']])
  const port = (await bed.use('flows'))[0]?.source.port ?? 0
  const active = async (): Promise<number | undefined> =>
    (await bed.use('services')).find((status) => status.service.port === 443)?.endpoints[0]?.activeFlows
  t.is(await active(), 1)
  t.true(await bed.use('portIsUsed', id, port))
  await bed.use('addTicks', timeouts.syn_sent)
  t.is(await bed.use('expire'), 1)
  t.is(await active(), 0)
  t.false(await bed.use('portIsUsed', id, port))
})

kernel('expiry: the clock may pass its end', async (t, bed) => {
  await bed.use('setTicks', 0x1_0000_0000 - 100)
  await send(t, bed, [query])
  await bed.use('addTicks', timeouts.unreplied - 1)
  t.is(await bed.use('expire'), 0)
  await bed.use('addTicks', 1)
  t.is(await bed.use('expire'), 1)
})

kernel('expiry: flows of endpoints that must go are freed whatever their age, all others by age', async (t, bed) => {
  const [, second = 0] = await bed.use('endpointIds', serviceKey(two))
  await bed.use('sendUdp', 40, `${vip}:54`)
  await bed.use('addTicks', timeouts.unreplied)
  await bed.use('sendUdp', 100, `${vip}:54`, 1000)
  await bed.use('drop', [second])
  // Both kinds in one slice: 40 are old, and of the 100 young ones half are with the endpoint that must go.
  t.is(await bed.use('expire'), 40 + 50)
  t.deepEqual([...new Set((await bed.use('flows')).map((flow) => flow.endpoint.address))], ['10.2.0.2'])
})

kernel('expiry: a service may have an idle time-out of its own, longer or shorter', async (t, bed) => {
  const short = service({ address: vip, port: 55, protocol: 'udp', idleTimeout: 2, endpoints: [endpoint('10.2.0.2')] })
  const long = { ...short, name: 'long', port: 56, idleTimeout: 20 }
  await bed.use(
    'apply',
    [short, long].map((each) => ({ kind: 'add', service: each })),
  )
  for (const port of [53, 55, 56])
    await send(t, bed, [
      [{ kind: 'udp', from: `10.1.0.2:${port}`, to: `${vip}:${port}` }, 'client'],
      [{ kind: 'udp', from: '10.2.0.2:8080', to: `10.1.0.2:${port}` }, 'server'],
    ])
  const left = async (): Promise<readonly number[]> =>
    (await bed.use('flows')).map((flow) => flow.vip.port).toSorted((a, b) => a - b)
  await bed.use('addTicks', 199)
  await bed.use('expire')
  t.deepEqual(await left(), [53, 55, 56])
  await bed.use('addTicks', 1)
  await bed.use('expire')
  t.deepEqual(await left(), [53, 56])
  await bed.use('addTicks', timeouts.replied)
  await bed.use('expire')
  t.deepEqual(await left(), [56])
  await bed.use('addTicks', 2000)
  await bed.use('expire')
  t.deepEqual(await left(), [])
})

/** Entries as text, without those of one endpoint. */
const entriesBut = async (bed: Remote<Bed>, gone: number): Promise<readonly string[]> =>
  (await bed.use('entries'))
    .filter(({ flow }) => flow.endpoint !== gone)
    .map(({ key, flow }) => [Buffer.from(key).toString('hex'), ...Object.values(flow).map(String)].join(' '))
    .toSorted()

kernel(
  "expiry: a change to a service touches none of another's flows, and a block none but the blocked",
  async (t, bed) => {
    const [first = 0, second = 0] = await bed.use('endpointIds', serviceKey(two))
    await bed.use('sendUdp', 100, `${vip}:54`)
    await bed.use('sendUdp', 100, `${vip}:53`)
    for (let port = 0; port < 20; port++)
      await send(t, bed, [[{ kind: 'tcp', from: `10.1.0.9:${5000 + port}`, to: `${vip}:443`, flags: 'S' }, 'client']])
    const before = await entriesBut(bed, first)
    t.true(before.length > 200 && before.length < 2 * 220)
    const blocked = { ...two, endpoints: [{ ...two.endpoints[0]!, blocked: true }, two.endpoints[1]!] }
    await bed.use('apply', [{ kind: 'update', from: two, to: blocked }])
    await bed.use('flushBlocked')
    t.deepEqual(await entriesBut(bed, 0), before, 'all flows of the blocked endpoint have gone, and no other')
    t.deepEqual(await entriesBut(bed, first), before)
    const one = { ...blocked, endpoints: [two.endpoints[1]!], select: 'hash' as const, mode: 'fullnat' as const }
    await bed.use('apply', [
      { kind: 'update', from: blocked, to: one },
      { kind: 'remove', service: udp },
      { kind: 'update', from: tcp, to: { ...tcp, idleTimeout: 1, allowedSources: ['192.0.2.0/24'] } },
    ])
    await bed.use('settle')
    await bed.use('flushBlocked')
    await bed.use('expire')
    t.deepEqual(await entriesBut(bed, 0), before)
    t.true(
      (await bed.use('flows')).some(({ endpoint: each }) => each.address === '10.2.0.3'),
      String(second),
    )
  },
)

const large: BedOptions = { sizes: { flows: 32_768 }, stepsPerWalk: 4 }

kernel(
  'expiry: a large table is walked in slices, and whatever is idle has gone after one walk',
  async (t, bed) => {
    const count = 20_000
    await bed.use('sendUdp', count, `${vip}:53`)
    await bed.use('addTicks', timeouts.unreplied)
    await bed.use('sendUdp', 10, `${vip}:53`, 100_000)
    // 40,020 entries, of which a step reads about 16,384 while it does not know how large the table is.
    const freed = [await bed.use('expire'), await bed.use('expire'), await bed.use('expire'), await bed.use('expire')]
    t.true(
      freed.slice(0, 2).every((flows) => flows > 4000 && flows < count),
      freed.join(' '),
    )
    t.is(
      freed.reduce((sum, flows) => sum + flows),
      count,
    )
    t.is((await bed.use('entries')).length, 20, 'those that are young')
  },
  large,
)

kernel(
  'expiry: a flush frees everything, also in the middle of a walk',
  async (t, bed) => {
    await bed.use('sendUdp', 12_000, `${vip}:53`)
    t.is(await bed.use('expire'), 0)
    await bed.use('flush')
    t.is((await bed.use('entries')).length, 0)
  },
  large,
)
