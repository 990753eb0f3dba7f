import test from 'ava'
import type { ExecutionContext } from 'ava'
import { openBed } from '../testing/datapath/open-bed.ts'
import { endpoint, service } from '../testing/services.ts'
import { testWith } from '../testing/needs.ts'
import { Gaps } from './flow-events.ts'
import type { Bed, BedOptions } from '../testing/datapath/bed.ts'
import type { Remote } from '../../lab/host.ts'

const nat = service({ mode: 'fullnat', endpoints: [endpoint('10.2.0.2')] })
const udp = service({ port: 53, protocol: 'udp', endpoints: [endpoint('10.2.0.2', { port: 5353 })] })
const ping = service({ port: 0, protocol: 'icmp', endpoints: [endpoint('10.2.0.2', { port: 0 })] })

const kernel = (
  title: string,
  options: BedOptions,
  run: (t: ExecutionContext, bed: Remote<Bed>) => Promise<void>,
): void =>
  testWith(['root', 'bpf', 'netns'], title, async (t) => {
    const bed = await openBed(t, { ...options })
    await bed.use(
      'apply',
      [nat, udp, ping].map((each) => ({ kind: 'add', service: each })),
    )
    await run(t, bed)
  })

kernel(
  'flow events: say of a connection who was translated to what, from its first packet to its end',
  { events: true },
  async (t, bed) => {
    const from = '10.1.0.2:4000'
    await bed.use('send', { kind: 'tcp', from, to: '192.0.2.1:80', flags: 'S' })
    const source = (await bed.use('flows'))[0]?.source
    const to = `192.0.2.1:${source?.port}`
    await bed.use('send', { kind: 'tcp', from: '10.2.0.2:8080', to, flags: 'SA' }, 'server')
    await bed.use('send', { kind: 'tcp', from, to: '192.0.2.1:80', flags: 'A' })
    await bed.use('send', { kind: 'tcp', from, to: '192.0.2.1:80', flags: 'R' })
    await bed.use('addTicks', 1000)
    await bed.use('expire')
    const who = { protocol: 'tcp', client: from, vip: '192.0.2.1:80', source: to, endpoint: '10.2.0.2:8080', cpu: 0 }
    t.deepEqual(
      await bed.use('events'),
      [
        ['created', 'syn_sent'],
        ['state', 'syn_received'],
        ['state', 'established'],
        ['state', 'closed'],
        ['closed', 'closed'],
      ].map(([kind, state], index) => ({ message: `flow ${kind}`, ...who, state, sequence: index + 1 })),
    )
    t.deepEqual(await bed.use('events'), [])
  },
)

kernel('flow events: UDP and ICMP have theirs', { events: true }, async (t, bed) => {
  await bed.use('send', { kind: 'udp', from: '10.1.0.2:4000', to: '192.0.2.1:53' })
  await bed.use('send', { kind: 'icmp', from: '10.1.0.2:77', to: '192.0.2.1', type: 8 })
  const [first, second] = await bed.use('events')
  t.like(first, { protocol: 'udp', state: 'unreplied', client: '10.1.0.2:4000', endpoint: '10.2.0.2:5353' })
  t.like(second, { protocol: 'icmp', client: '10.1.0.2:77', vip: '192.0.2.1:0', endpoint: '10.2.0.2:0' })
})

kernel('flow events: there are none unless they are asked for', {}, async (t, bed) => {
  t.is(await bed.use('send', { kind: 'udp', from: '10.1.0.2:4000', to: '192.0.2.1:53' }), 'forward')
  t.deepEqual(await bed.use('events'), [])
})

kernel(
  'flow events: what did not fit into the ring is counted',
  { events: true, sizes: { flows: 16_384 } },
  async (t, bed) => {
    const sent = 9500
    await bed.use('sendUdp', sent, '192.0.2.1:53')
    const fitted = (await bed.use('events')).length
    t.true(fitted > 9000 && fitted < sent, String(fitted))
    await bed.use('sendUdp', 1, '192.0.2.1:53', sent)
    const [event, warning] = await bed.use('events')
    t.like(event, { message: 'flow created', sequence: sent + 1 })
    t.deepEqual(warning, { message: 'flow events were lost: the ring was full', lost: sent - fitted })
    await bed.use('sendUdp', 1, '192.0.2.1:53', sent + 1)
    t.is((await bed.use('events')).length, 1, 'a gap is told once')
  },
)

test('flow events: gaps are counted for each CPU, and a swapped order or the end of the numbers is none', (t) => {
  const gaps = new Gaps()
  const follow = (cpu: number, ...sequences: readonly number[]): readonly number[] =>
    sequences.map((sequence) => gaps.before(cpu, sequence))
  t.deepEqual(follow(0, 7, 8, 11, 12), [0, 0, 2, 0], 'what came before the first is not ours to miss')
  t.deepEqual(follow(1, 1, 2), [0, 0])
  t.deepEqual(follow(0, 14, 13, 13, 14, 15), [1, 0, 0, 0, 0])
  t.deepEqual(follow(2, 0xffff_fffe, 0xffff_ffff, 0, 2), [0, 0, 0, 1])
})
