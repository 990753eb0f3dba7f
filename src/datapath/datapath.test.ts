import type { ExecutionContext } from 'ava'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { native } from '../../native/load.ts'
import { namespaceName } from '../../lab/instance.ts'
import { labFor } from '../../lab/testing.ts'
import { addIPv6, betweenTwo } from '../testing/datapath/open-bed.ts'
import { makeDaemon } from '../testing/datapath/daemon.ts'
import { pinsFor } from '../testing/datapath/small-maps.ts'
import { endpoint, service } from '../testing/services.ts'
import { testWith } from '../testing/needs.ts'
import { deviceFlags, deviceSize, readDevice, vipKeySize } from './layout.gen.ts'
import type { Lab } from '../../lab/lab.ts'
import type { Remote } from '../../lab/host.ts'
import type { StartOptions, TestDaemon } from '../testing/datapath/daemon.ts'
import type { Change, Service } from '../lb/model.ts'

interface Story {
  readonly lab: Lab
  readonly daemon: Remote<TestDaemon>
  readonly start: (options?: Partial<StartOptions>) => Promise<void>
  readonly pins: string
  /** Runs a command on the balancer. */
  readonly run: (line: string) => Promise<string>
  /** A datagram from the client. */
  readonly send: (to: string) => Promise<void>
}

const both = [
  { name: 'client', hook: 'tc' },
  { name: 'server', hook: 'tc' },
] as const

/** What `ip link` shows. */
const underXdp = both.map(({ name }) => ({ name, hook: 'xdp' as const }))

const kernel = (title: string, run: (t: ExecutionContext, story: Story) => Promise<void>): void =>
  testWith(['root', 'bpf', 'netns'], title, async (t) => {
    const lab = await labFor(t, betweenTwo)
    const pins = pinsFor(t)
    const on = async (host: string, command: readonly string[]): Promise<string> => {
      const [program = '', ...words] = command
      const { code, stdout, stderr } = await lab.host(host).run(program, words)
      if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
      return stdout
    }
    const daemon = await lab.balancer.open(new URL('../testing/datapath/daemon.ts', import.meta.url), makeDaemon)
    await run(t, {
      lab,
      daemon,
      pins,
      start: (options) => daemon.use('start', { instance: lab.instance, pins, interfaces: both, ...options }),
      run: (line) => on('balancer', line.split(' ')),
      async send(to) {
        await on('far', ['bash', '-c', `echo x > /dev/udp/${to.replace(/:(?=\d+$)/, '/')}`])
      },
    })
  })

const udp = (given: Partial<Service> = {}): Service =>
  service({ address: '10.1.0.100', port: 53, protocol: 'udp', endpoints: [endpoint('10.2.0.2')], ...given })
const add = (...services: readonly Service[]): readonly Change[] =>
  services.map((each) => ({ kind: 'add', service: each }))

const until = async (t: ExecutionContext, what: string, look: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 100; tries++) {
    if (await look()) return
    await sleep(50)
  }
  t.fail(`waited too long: ${what}`)
}

const vips = async (story: Story): Promise<readonly string[]> =>
  [...(await story.run('ip -4 -oneline address show')).matchAll(/inet (10\.1\.0\.1\d\d)\//g)].map((found) => found[1]!)

kernel('datapath: a first start that fails leaves no program and no pin behind', async (t, { start, pins, run }) => {
  const interfaces = [...underXdp, { name: 'eth9', hook: 'tc' }] as const
  await t.throwsAsync(start({ interfaces }), { message: /^interface eth9/ })
  t.false(existsSync(pins))
  t.notRegex(await run('ip -details link show'), /prog\/xdp/)
  await t.notThrowsAsync(start({ interfaces: underXdp }))
  t.regex(await run('ip -details link show'), /prog\/xdp/)
})

kernel('datapath: a later start that fails takes nothing away', async (t, { daemon, start, pins }) => {
  await start()
  await daemon.use('apply', add(udp()))
  await daemon.use('stop')
  const before = readdirSync(join(pins, 'links'))
  await t.throwsAsync(start({ interfaces: [...both, { name: 'eth9', hook: 'tc' }] }), { message: /^interface eth9/ })
  t.deepEqual(readdirSync(join(pins, 'links')), before)
  await start()
  await daemon.use('apply', add(udp()))
  t.is((await daemon.use('services')).length, 1)
})

kernel('datapath: tells the programs the addresses of the devices', async (t, { start, pins, run }) => {
  await start()
  const shown = JSON.parse(await run('ip -json link show dev client')) as readonly {
    ifindex: number
    address: string
  }[]
  const fd = native.pinGet(join(pins, 'devices'))
  t.teardown(() => native.fdClose(fd))
  const bytes = new Uint8Array(deviceSize)
  native.mapLookup(fd, new Uint8Array(Uint32Array.of(shown[0]!.ifindex).buffer), bytes)
  const { flags, mac } = readDevice(new DataView(bytes.buffer), 0)
  t.is(flags & deviceFlags.known, deviceFlags.known)
  t.is(Buffer.from(mac).toString('hex'), shown[0]!.address.replaceAll(':', ''))
})

kernel('datapath: balances what real hosts send, and says of which interface it does', async (t, story) => {
  const { daemon, start, send } = story
  await start()
  await daemon.use('apply', add(udp({ announce: 'local' })))
  await send('10.1.0.100:53')
  const [flow] = await daemon.use('flows')
  t.like(flow, { vip: { address: '10.1.0.100', port: 53 }, endpoint: { address: '10.2.0.2', port: 8080 } })
  t.like((await daemon.use('services'))[0]?.endpoints[0], { activeFlows: 1 })
  t.like(await daemon.use('interfaces'), [
    { name: 'client', hook: 'tc' },
    { name: 'server', hook: 'tc' },
  ])
})

kernel('datapath: a device that is made again while we run is balanced on again', async (t, story) => {
  const { daemon, start, send, run } = story
  await start()
  await daemon.use('apply', add(udp({ announce: 'local' })))
  const before = (await daemon.use('interfaces'))[0]?.ifindex
  await run('ip link delete client')
  await run(`ip link add client type veth peer name eth0 netns ${namespaceName(story.lab.instance, 'far')}`)
  for (const words of ['address add 10.1.0.1/24 dev client', 'link set client up']) await run(`ip ${words}`)
  for (const words of ['address add 10.1.0.2/24 dev eth0', 'link set eth0 up'])
    await story.lab.host('far').run('ip', words.split(' '))
  await until(t, 'the new device is attached to', async () => {
    const now = (await daemon.use('interfaces'))[0]?.ifindex
    return now !== undefined && now !== before
  })
  t.regex((await daemon.use('warnings')).join('\n'), /made again while we ran: client/)
  await send('10.1.0.100:53')
  t.is((await daemon.use('flows')).length, 1)
})

kernel('datapath: a device without Ethernet frames is refused', async (t, { start, pins }) => {
  await t.throwsAsync(start({ interfaces: [{ name: 'lo', hook: 'tc' }] }), { message: /^lo has no Ethernet header/ })
  t.false(existsSync(pins))
})

kernel('datapath: announces VIPs, and takes those back that a daemon before it announced', async (t, story) => {
  const { daemon, start } = story
  const one = udp({ announce: 'local' })
  const two = udp({ announce: 'local', address: '10.1.0.101' })
  await start()
  await daemon.use('apply', add(one, two, udp({ address: '10.1.0.102' })))
  t.deepEqual(await vips(story), ['10.1.0.100', '10.1.0.101'])
  await daemon.use('stop')
  t.deepEqual(await vips(story), ['10.1.0.100', '10.1.0.101'], 'traffic flows on')
  await start()
  await daemon.use('apply', add(two))
  t.deepEqual(await vips(story), ['10.1.0.101'])
  await daemon.use('apply', [{ kind: 'update', from: two, to: { ...two, announce: 'routed' } }])
  t.deepEqual(await vips(story), [])
})

kernel('datapath: onearm follows the address that the kernel would use', async (t, { daemon, start, send, run }) => {
  await start()
  await daemon.use('apply', add(udp({ mode: 'onearm', announce: 'local' })))
  const newest = async (): Promise<string | undefined> => {
    await send('10.1.0.100:53')
    return (await daemon.use('flows')).find(({ source }) => source.address === '10.2.0.9')?.source.address
  }
  t.is(await newest(), undefined)
  t.is((await daemon.use('flows'))[0]?.source.address, '10.2.0.1')
  await run('ip address add 10.2.0.9/24 dev server')
  await run('ip address delete 10.2.0.1/24 dev server')
  await run('ip address replace 10.2.0.9/24 dev server')
  await until(t, 'the new address is used', async () => (await newest()) !== undefined)
})

kernel(
  'datapath: flows of a removed endpoint are dropped at the deadline, not before',
  async (t, { daemon, start, send }) => {
    const before = udp({ announce: 'local' })
    await start()
    await daemon.use('apply', add(before))
    await send('10.1.0.100:53')
    await daemon.use('apply', [{ kind: 'update', from: before, to: { ...before, endpoints: [endpoint('10.2.0.3')] } }])
    await daemon.use('addMs', 9_999)
    await sleep(600)
    t.is((await daemon.use('flows')).length, 1)
    await daemon.use('addMs', 1)
    await until(t, 'the flow has gone', async () => (await daemon.use('flows')).length === 0)
    t.deepEqual(await daemon.use('warnings'), [])
  },
)

kernel('datapath: a fresh start forgets flows and services', async (t, { daemon, start, send }) => {
  const one = udp({ announce: 'local' })
  await start()
  await daemon.use('apply', add(one))
  await send('10.1.0.100:53')
  await daemon.use('stop')
  await start()
  await daemon.use('apply', add(one))
  t.is((await daemon.use('flows')).length, 1)
  await daemon.use('stop')
  await start({ fresh: true })
  t.deepEqual([await daemon.use('flows'), await daemon.use('services')], [[], []])
})

kernel(
  'datapath: unload takes all away, and says whether there was anything',
  async (t, { daemon, start, pins, run }) => {
    await start({ interfaces: underXdp })
    await daemon.use('stop')
    t.regex(await run('ip -details link show'), /prog\/xdp/)
    t.true(await daemon.use('unload', pins))
    t.notRegex(await run('ip -details link show'), /prog\/xdp/)
    t.false(existsSync(pins))
    t.false(await daemon.use('unload', pins))
  },
)

kernel('datapath: announces IPv6 VIPs, and translates between the families', async (t, story) => {
  const { daemon, start, send, lab, run } = story
  await addIPv6(lab)
  await start()
  const vip = '2001:db8:1::100'
  const six = (port: number, server: string): Service =>
    udp({ address: vip, port, announce: 'local', endpoints: [endpoint(server)] })
  await daemon.use(
    'apply',
    add(
      six(53, '2001:db8:2::2'),
      six(54, '10.2.0.2'),
      udp({ port: 55, announce: 'local', endpoints: [endpoint('2001:db8:2::2')] }),
    ),
  )
  t.regex(await run('ip -6 -oneline address show dev lo'), /2001:db8:1::100\/128/)
  for (const to of [`${vip}:53`, `${vip}:54`, '10.1.0.100:55']) await send(to)
  const sources = (await daemon.use('flows')).map((flow) => [flow.vip.port, flow.source.address] as const)
  t.deepEqual(
    sources.toSorted(([a], [b]) => a - b),
    [
      [53, '2001:db8:1::2'],
      [54, '10.2.0.1'],
      [55, '2001:db8:2::1'],
    ],
  )
  await daemon.use('apply', [{ kind: 'remove', service: six(53, '2001:db8:2::2') }])
  t.regex(await run('ip -6 -oneline address show dev lo'), /2001:db8:1::100/, 'another service has it still')
  await daemon.use('apply', [{ kind: 'remove', service: six(54, '10.2.0.2') }])
  t.notRegex(await run('ip -6 -oneline address show'), /2001:db8:1::100/)
  t.deepEqual(await daemon.use('warnings'), [])
})

kernel('datapath: all VIPs of a service are announced', async (t, story) => {
  await story.start()
  const one = udp({ announce: 'local', secondary: ['10.1.0.101', '10.1.0.102'] })
  await story.daemon.use('apply', add(one))
  t.deepEqual(await vips(story), ['10.1.0.100', '10.1.0.101', '10.1.0.102'])
  const less = { ...one, secondary: ['10.1.0.102'] }
  await story.daemon.use('apply', [{ kind: 'update', from: one, to: less }])
  t.deepEqual(await vips(story), ['10.1.0.100', '10.1.0.102'])
  await story.send('10.1.0.102:53')
  t.like((await story.daemon.use('flows'))[0], { vip: { address: '10.1.0.102', port: 53 }, serviceName: one.name })
})

kernel('datapath: a service on every address of this host follows its addresses', async (t, story) => {
  const { daemon, start, send, run } = story
  await start()
  const everywhere = udp({ address: '0.0.0.0', mode: 'hostonearm', announce: 'routed' })
  await daemon.use('apply', add(everywhere))
  const reached = async (address: string): Promise<boolean> => {
    await send(`${address}:53`)
    return (await daemon.use('flows')).some((flow) => flow.vip.address === address)
  }
  t.true(await reached('10.1.0.1'))
  await run('ip address add 10.1.0.7/24 dev client')
  await until(t, 'the new address is one of this host', () => reached('10.1.0.7'))
  t.is((await daemon.use('flows')).find((flow) => flow.vip.address === '10.1.0.7')?.source.address, '10.2.0.1')
  await daemon.use('apply', [{ kind: 'remove', service: everywhere }])
  const fd = native.pinGet(join(story.pins, 'local_addresses'))
  t.teardown(() => native.fdClose(fd))
  t.false(native.mapNextKey(fd, null, new Uint8Array(vipKeySize)), 'nobody needs them any more')
})

kernel(
  'datapath: flows of an endpoint that is blocked go at once, and only they',
  async (t, { daemon, start, send }) => {
    const [a, b] = [endpoint('10.2.0.2'), endpoint('10.2.0.3')]
    const both = udp({ announce: 'local', endpoints: [a, b] })
    await start()
    await daemon.use('apply', add(both))
    const to = async (address: string): Promise<number> =>
      (await daemon.use('flows')).filter((flow) => flow.endpoint.address === address).length
    // Round robin is a matter of each CPU.
    for (let flow = 0; flow < 32 && ((await to(a.address)) === 0 || (await to(b.address)) === 0); flow++)
      await send('10.1.0.100:53')
    const others = await to(b.address)
    t.true((await to(a.address)) > 0 && others > 0)
    const blocked = { ...both, endpoints: [{ ...a, blocked: true }, b] }
    await daemon.use('apply', [{ kind: 'update', from: both, to: blocked }])
    t.deepEqual([await to(a.address), await to(b.address)], [0, others])
  },
)

kernel('datapath: says where IPv6 is not forwarded, once and only when it is needed', async (t, story) => {
  const { daemon, start, lab, run } = story
  await addIPv6(lab)
  await run('sysctl -q -w net.ipv6.conf.server.forwarding=0')
  await start()
  await daemon.use('apply', add(udp()))
  const said: string[] = []
  const look = async (): Promise<number> => said.push(...(await daemon.use('warnings')))
  await sleep(300)
  t.is(await look(), 0)
  const six = udp({ address: '2001:db8:1::100', port: 54 })
  await daemon.use('apply', add(six))
  await until(t, 'it is said', async () => (await look()) > 0)
  await daemon.use('apply', [{ kind: 'remove', service: six }])
  await daemon.use('apply', add(six))
  await sleep(300)
  await look()
  t.deepEqual(said, ['IPv6 is not forwarded (sysctl -w net.ipv6.conf.server.forwarding=1); services need it'])
})
