import test from 'ava'
import type { ExecutionContext } from 'ava'
import { labFor } from '../../lab/testing.ts'
import { makeAttacher } from '../testing/datapath/attacher.ts'
import { loadSmall, pinsFor } from '../testing/datapath/small-maps.ts'
import { testWith } from '../testing/needs.ts'
import type { Host, Remote } from '../../lab/host.ts'
import type { Topology } from '../../lab/topology.ts'
import type { Attacher } from '../testing/datapath/attacher.ts'
import type { InterfaceRequest } from './attach.ts'
import type { Loaded } from './maps.ts'

const alone: Topology = { hook: 'tc', balancer: 'box', hosts: [{ name: 'box' }], links: [] }

interface Box {
  readonly attacher: Remote<Attacher>
  readonly attach: (...requests: readonly InterfaceRequest[]) => ReturnType<Remote<Attacher>['use']>
  /** Runs `ip` or `tc` with these words. */
  readonly run: (line: string) => Promise<string>
  /** Makes a device, and another at its end. */
  readonly veth: (name: string) => Promise<void>
  readonly ifindex: (name: string) => Promise<number>
  /** How XDP is attached. */
  readonly xdp: (name: string) => Promise<'native' | 'generic' | null>
}

interface LinkShown {
  readonly ifindex: number
  readonly xdp?: { readonly mode: number }
}

const boxOf = (host: Host, attacher: Remote<Attacher>): Box => {
  const run = async (line: string): Promise<string> => {
    const [command = '', ...words] = line.split(' ')
    const { code, stdout, stderr } = await host.run(command, words)
    if (code !== 0) throw new Error(`${line}: ${stderr}`)
    return stdout
  }
  const show = async (name: string): Promise<LinkShown | undefined> =>
    (JSON.parse(await run(`ip -json link show dev ${name}`)) as readonly LinkShown[])[0]
  let peers = 0
  return {
    attacher,
    attach: (...requests) => attacher.use('attach', requests),
    run,
    async veth(name) {
      await run(`ip link add ${name} type veth peer name peer${++peers}`)
      await run(`ip link set ${name} up`)
    },
    ifindex: async (name) => (await show(name))?.ifindex ?? 0,
    async xdp(name) {
      const mode = (await show(name))?.xdp?.mode
      return mode === undefined ? null : mode === 1 ? 'native' : 'generic'
    },
  }
}

/** Whatever is attached somewhere may be attached elsewhere too: one set serves all tests. */
let loaded: Loaded | null = null

test.after.always(() => loaded?.close())

const kernel = (title: string, run: (t: ExecutionContext, box: Box) => Promise<void>): void =>
  testWith(['root', 'bpf', 'netns', 'xdp'], title, async (t) => {
    const lab = await labFor(t, alone)
    const pins = pinsFor(t)
    const attacher = await lab.balancer.open(
      new URL('../testing/datapath/attacher.ts', import.meta.url),
      makeAttacher,
      pins,
      (loaded ??= loadSmall()).programs,
    )
    await run(t, boxOf(lab.balancer, attacher))
  })

kernel(
  'attach: a second daemon swaps the programs in place, under both hooks',
  async (t, { attacher, attach, veth }) => {
    await veth('eth0')
    const [status] = (await attach({ name: 'eth0', hook: 'xdp' })) as readonly object[]
    t.like(status, { name: 'eth0', hook: 'xdp', note: '' })
    const before = await attacher.use('links')
    t.deepEqual(
      before.map(({ pin }) => pin),
      ['tc-eth0', 'xdp-eth0'],
    )
    const first = await attacher.use('programIds')
    t.deepEqual(
      before.map(({ programId }) => programId),
      [first.tc, first.xdp],
    )

    await attacher.use('newPrograms')
    await attach({ name: 'eth0', hook: 'xdp' })
    const second = await attacher.use('programIds')
    t.not(second.tc, first.tc)
    t.deepEqual(
      await attacher.use('links'),
      before.map((link) => ({ ...link, programId: link.pin === 'tc-eth0' ? second.tc : second.xdp })),
    )
  },
)

kernel(
  'attach: a device that was made anew under its name gets a new link',
  async (t, { attacher, attach, run, veth, ifindex }) => {
    await veth('eth0')
    await attach({ name: 'eth0', hook: 'xdp' })
    await run('ip link delete eth0')
    t.deepEqual(
      (await attacher.use('links')).map((link) => link.ifindex),
      [0, 0],
    )
    await veth('eth0')
    await attach({ name: 'eth0', hook: 'xdp' })
    const now = await ifindex('eth0')
    t.deepEqual(
      (await attacher.use('links')).map((link) => link.ifindex),
      [now, now],
    )
  },
)

kernel('attach: names that a pin cannot have are written otherwise', async (t, { attacher, attach, veth, ifindex }) => {
  for (const name of ['eth0.100', 'a.b']) await veth(name)
  await attach({ name: 'eth0.100', hook: 'tc' }, { name: 'a.b', hook: 'tc' })
  t.deepEqual(
    (await attacher.use('links')).map(({ pin, ifindex: index }) => [pin, index]),
    [
      ['tc-a%2eb', await ifindex('a.b')],
      ['tc-eth0%2e100', await ifindex('eth0.100')],
    ],
  )
})

kernel('attach: the hook can be changed to any other', async (t, { attacher, attach, veth, xdp }) => {
  await veth('eth0')
  const expected = { tc: null, xdp: 'native', 'xdp-generic': 'generic', auto: null } as const
  for (const hook of ['xdp', 'tc', 'xdp-generic', 'xdp', 'xdp-generic', 'auto'] as const) {
    const [status] = (await attach({ name: 'eth0', hook })) as readonly object[]
    t.like(status, { hook: hook === 'auto' ? 'tc' : hook })
    t.is(await xdp('eth0'), expected[hook], hook)
    t.is((await attacher.use('links')).length, expected[hook] === null ? 1 : 2)
  }
})

kernel('attach: what auto chose is said with its reason', async (t, { attach, run, veth }) => {
  await veth('eth0')
  await run('ip link add br0 type bridge')
  const both = (await attach({ name: 'eth0', hook: 'auto' }, { name: 'br0', hook: 'auto' })) as readonly object[]
  t.like(both[0], { name: 'eth0', hook: 'tc', note: 'driver veth: TC keeps its offloads' })
  t.like(both[1], { name: 'br0', hook: 'tc', note: 'driver bridge: TC keeps its offloads' })
})

kernel(
  'attach: devices that are no longer named are let go, those that have gone too',
  async (t, { attacher, attach, run, veth, xdp }) => {
    for (const name of ['eth0', 'eth1', 'eth2']) await veth(name)
    await attach({ name: 'eth0', hook: 'xdp' }, { name: 'eth1', hook: 'xdp-generic' }, { name: 'eth2', hook: 'tc' })
    await run('ip link delete eth2')
    await attach({ name: 'eth1', hook: 'tc' })
    t.deepEqual(await attacher.use('pins'), ['tc-eth1'])
    t.deepEqual([await xdp('eth0'), await xdp('eth1')], [null, null])
  },
)

kernel('attach: a device that is not there is named, with what to look at', async (t, { attach, veth }) => {
  await veth('eth0')
  const error = await t.throwsAsync(attach({ name: 'eth0', hook: 'tc' }, { name: 'eth9', hook: 'tc' }))
  t.regex(error?.message ?? '', /^interface eth9 does not exist; "ip link" lists those that do/)
})

kernel(
  'attach: a driver without XDP is an error that says what to write instead',
  async (t, { attacher, attach, run, xdp }) => {
    await run('ip link add br0 type bridge')
    const error = await t.throwsAsync(attach({ name: 'br0', hook: 'xdp' }))
    t.regex(error?.message ?? '', /^cannot attach to br0 under xdp: .*bpf_link_create\(xdp\).*; try "hook: tc"$/)
    await attach({ name: 'br0', hook: 'xdp-generic' })
    t.is(await xdp('br0'), 'generic')
    t.deepEqual(await attacher.use('pins'), ['generic-br0', 'tc-br0'])
  },
)

kernel('attach: everything can be detached, also when there is nothing', async (t, { attacher, attach, veth, xdp }) => {
  await attacher.use('detachAll')
  await veth('eth0')
  await attach({ name: 'eth0', hook: 'xdp' })
  await attacher.use('detachAll')
  t.deepEqual(await attacher.use('pins'), [])
  t.is(await xdp('eth0'), null)
})

/** The classic filters of a device, by the ids of their programs. */
const filters = async ({ run }: Box, name: string): Promise<readonly number[]> => {
  const shown = JSON.parse(await run(`tc -json filter show dev ${name} ingress`)) as readonly {
    readonly options?: { readonly prog?: { readonly id: number } }
  }[]
  return shown.flatMap(({ options }) => options?.prog?.id ?? [])
}

kernel(
  'attach: without tcx there is one classic filter, which is replaced, moved to and taken away',
  async (t, box) => {
    const { attacher, attach, veth } = box
    for (const name of ['eth0.1', 'eth1']) await veth(name)
    await attacher.use('refuseTcx', 'EINVAL')
    await attach({ name: 'eth0.1', hook: 'tc' }, { name: 'eth1', hook: 'xdp' })
    const first = await attacher.use('programIds')
    t.deepEqual([await filters(box, 'eth0.1'), await filters(box, 'eth1')], [[first.tc], [first.tc]])
    t.deepEqual(await attacher.use('pins'), ['clsact-eth0%2e1', 'clsact-eth1', 'xdp-eth1'])

    await attacher.use('newPrograms')
    const second = await attacher.use('programIds')
    await attach({ name: 'eth0.1', hook: 'tc' })
    t.deepEqual([await filters(box, 'eth0.1'), await filters(box, 'eth1')], [[second.tc], []])
    t.deepEqual(await attacher.use('pins'), ['clsact-eth0%2e1'])

    await attacher.use('detachAll')
    t.deepEqual(await filters(box, 'eth0.1'), [])
    t.deepEqual(await attacher.use('pins'), [])
  },
)

kernel('attach: no classic filter is tried when tcx fails for another reason', async (t, box) => {
  await box.veth('eth0')
  await box.attacher.use('refuseTcx', 'EPERM')
  await t.throwsAsync(box.attach({ name: 'eth0', hook: 'tc' }), {
    message: /^cannot attach to eth0 under TC: .*EPERM/,
  })
  t.deepEqual(await filters(box, 'eth0'), [])
})
