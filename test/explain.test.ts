// `sluice explain` on a real daemon: what it says of packets, and that nobody can tell afterwards that it was asked.

import { createHash } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { ExecutionContext } from 'ava'

import { instanceDirectory } from '../lab/instance.ts'
import { threeServers } from '../lab/topology.ts'
import { native } from '../native/load.ts'
import { verdictCount, verdictNames } from '../src/datapath/layout.gen.ts'
import { mapNames } from '../src/datapath/sizes.ts'
import { pinDirectory } from '../src/lb/paths.ts'
import { testWith } from '../src/testing/needs.ts'
import { classicCapture } from '../src/testing/capture.ts'
import { buildFrame, buildPacket } from '../src/testing/packets.ts'
import { macAddress, oneFromEachOn, streamClientOn, streamServerOn } from './support/on-host.ts'
import {
  end,
  endpointsOf,
  flowsOf,
  launcher,
  sluice,
  startStory,
  storyConfig,
  storyNeeds,
  until,
  type Story,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'
import type { Lab } from '../lab/lab.ts'

interface Explained {
  readonly interface: { readonly name: string }
  readonly steps: readonly ({ readonly kind: string; readonly hook: string } & Readonly<Record<string, unknown>>)[]
  readonly verdict: { readonly name: string; readonly hook: string; readonly advice: string | null }
  readonly forwarded: boolean
  readonly egress: { readonly device: string; readonly destinationMac: string | null } | null
  readonly frameOut: string
}

/** Programs are verified anew each time, and other tests run beside. */
const timeoutMs = 120_000

const runOn = (lab: Lab, line: string) =>
  lab.host('balancer').run(launcher, ['--instance', lab.instance, ...line.split(' ')], { timeoutMs })

const explained = async (lab: Lab, line: string): Promise<Explained> => {
  const { stdout, stderr } = await runOn(lab, `explain ${line} -o json`)
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Explained
}

/** What the daemon or the kernel changes by itself: heartbeat, route generation, what expiry works with. */
const restless: ReadonlySet<string> = new Set(['settings', 'expire_keys', 'expire_request', 'events', 'punts'])
/** BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LPM_TRIE, BPF_MAP_TYPE_QUEUE */
const types = { perCpu: 6, trie: 11, queue: 22 } as const

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** All bytes of a map, entry by entry. */
const entriesOf = (fd: number): readonly string[] => {
  const { type, keySize, valueSize } = native.mapInfo(fd)
  if (type === types.queue || type === types.trie) return []
  const value = new Uint8Array(type === types.perCpu ? ((valueSize + 7) & ~7) * native.possibleCpus() : valueSize)
  const entries: string[] = []
  let key: Uint8Array | null = null
  for (;;) {
    const next = new Uint8Array(keySize)
    if (!native.mapNextKey(fd, key, next)) return entries.toSorted()
    if (native.mapLookup(fd, next, value)) entries.push(`${hexOf(next)} ${digestOf(value)}`)
    key = next
  }
}

const digestOf = (value: Uint8Array): string =>
  value.length <= 256 ? hexOf(value) : createHash('sha256').update(value).digest('hex')

/** Counters of packets that the kernel's own chatter (ARP, neighbour discovery) may raise at any time. */
const isChatter = (name: string, entry: string): boolean => {
  if (name !== 'verdicts') return false
  const index = Buffer.from(entry.slice(0, 8), 'hex').readUInt32LE()
  return (verdictNames[index % verdictCount] ?? '').startsWith('pass_')
}

const stateOf = ({ lab }: Story): Readonly<Record<string, readonly string[]>> => {
  const pins = pinDirectory(lab.instance)
  const state: Record<string, readonly string[]> = {
    pins: readdirSync(pins, { recursive: true }).map(String).toSorted(),
  }
  for (const name of mapNames) {
    if (restless.has(name)) continue
    const fd = native.pinGet(join(pins, name))
    state[name] = entriesOf(fd).filter((entry) => !isChatter(name, entry))
    native.fdClose(fd)
  }
  return state
}

const kindsOf = ({ steps }: Explained): readonly string[] => steps.map(({ hook, kind }) => `${hook} ${kind}`)

const step = ({ steps }: Explained, kind: string) => steps.find((each) => each.kind === kind)

const start = async (t: ExecutionContext, hook: 'tc' | 'xdp') => {
  const topology = threeServers({ hook })
  const endpoints = endpointsOf(topology, streamPort)
  const drained = endpoints.map((endpoint) => ({ ...endpoint, drained: true }))
  const services = [
    { name: 'streams', port: 70, protocol: 'tcp', mode: 'fullnat', endpoints },
    { name: 'plain', port: 71, protocol: 'udp', select: 'hash', endpoints: endpointsOf(topology, 53) },
    { name: 'drained', port: 72, protocol: 'tcp', endpoints: drained },
    { name: 'ping', protocol: 'icmp', endpoints: endpointsOf(topology) },
    { name: 'members', port: 73, protocol: 'tcp', allowedSources: ['10.1.1.128/25'], endpoints },
  ] as const
  const story = await startStory(t, topology, storyConfig(topology, services))
  return { story, topology, ...topology }
}

for (const hook of ['tc', 'xdp'] as const)
  testWith(
    storyNeeds,
    `explain: tells the way of new and known flows under ${hook}, and changes nothing`,
    async (t) => {
      const { story, vip, servers } = await start(t, hook)
      const { lab } = story
      for (const { name, address } of servers) await streamServerOn(lab.host(name), address)
      const connection = await streamClientOn(lab.host('client'))
      await connection.use('openEchoes', { address: vip, port: 70, count: 1, everyMs: null })
      const port = await until('the connection is established', async () => {
        const [flow, ...others] = await flowsOf(story.daemon)
        t.deepEqual(others, [])
        return flow?.state === 'established' && flow.client.port
      })

      const before = stateOf(story)
      const fresh = await explained(lab, `--proto tcp --from 10.1.1.2:999 --to ${vip}:70`)
      t.like(fresh, { forwarded: true, interface: { name: 'client' } })
      t.is(fresh.verdict.name, 'forward')
      t.like(step(fresh, 'service'), { service: { name: 'streams' } })
      t.regex(fresh.egress?.device ?? '', /^server\d$/)
      const chosen = step(fresh, 'selected')?.['endpoint'] as { readonly address: string }
      t.true(servers.some(({ address }) => address === chosen.address))
      t.true(kindsOf(fresh).includes(`${fresh.verdict.hook} inserted`))
      t.is(Buffer.from(fresh.frameOut, 'hex').subarray(30, 34).join('.'), chosen.address)

      const known = await explained(lab, `--proto tcp --from 10.1.1.2:${port} --to ${vip}:70 --flags A`)
      t.true(known.forwarded)
      t.like(step(known, 'flow'), { flow: { side: 'client', state: 'established' } })
      t.deepEqual(
        known.steps.filter(({ kind }) => kind === 'service' || kind === 'inserted'),
        [],
      )
      t.regex(known.egress?.destinationMac ?? '', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)

      // Steps of a FIN change the state of a flow: that of a copy.
      const more = await Promise.all(
        [
          `--proto tcp --from 10.1.1.2:${port} --to ${vip}:70 --flags FA`,
          `--proto tcp --from 10.1.1.2:${port} --to ${vip}:70 --flags R`,
          `--proto udp --from 10.1.1.2:999 --to ${vip}:71`,
          `--proto icmp --from 10.1.1.2:7 --to ${vip}`,
        ].map((line) => explained(lab, line)),
      )
      t.true(more.every(({ forwarded }) => forwarded))
      t.deepEqual(stateOf(story), before)
      t.true(story.daemon.running)
    },
  )

testWith(storyNeeds, 'explain: what XDP hands on is explained under TC as well', async (t) => {
  const { story, vip } = await start(t, 'xdp')
  const handed = await explained(story.lab, `--proto tcp --from 10.1.1.2:999 --to ${vip}:70 --hook xdp`)
  t.true(handed.forwarded)
  if (handed.verdict.hook === 'tc')
    t.true(kindsOf(handed).indexOf('xdp verdict') < kindsOf(handed).indexOf('tc parsed'))
  const marked = await explained(story.lab, `--proto tcp --from 10.1.1.2:999 --to ${vip}:70 --hook tc`)
  t.true(kindsOf(marked).every((kind) => kind.startsWith('tc ')))
})

testWith(storyNeeds, 'explain: says why a packet is not forwarded and what to do, and exits with 1', async (t) => {
  const { story, vip } = await start(t, 'tc')
  const { lab } = story
  const ask = (line: string) => runOn(lab, `explain ${line}`)
  const no = await ask(`--proto tcp --from 10.1.1.2:999 --to ${vip}:72`)
  t.is(no.code, 1)
  t.regex(no.stdout, /^HOOK +STEP +FOUND\n/)
  t.regex(no.stdout, /tc +service +drained \(id \d+\) at 10\.99\.0\.1:72\/tcp/)
  t.regex(no.stdout, /no endpoint that takes new flows\n.*sluice undrain/)
  t.regex(no.stderr, /not forwarded: drop_no_endpoint/)
  const verdicts = [
    [`--proto tcp --from 10.1.1.2:9 --to ${vip}:73`, 'drop_source'],
    [`--proto tcp --from 10.1.1.200:9 --to ${vip}:73`, 'forward'],
    [`--proto tcp --from 10.1.1.2:9 --to ${vip}:70 --flags A`, 'drop_no_flow'],
    [`--proto sctp --from 10.1.1.2:9 --to ${vip}:70`, 'pass_not_service'],
  ] as const
  await Promise.all(verdicts.map(async ([line, name]) => t.is((await explained(lab, line)).verdict.name, name, line)))
  const pass = await explained(lab, `--proto tcp --from 10.1.1.2:9 --to ${vip}:99`)
  t.is(pass.verdict.name, 'pass_not_service')
  t.regex(pass.verdict.advice ?? '', /sluice get lb/)

  const outside = await sluice(lab, `explain --proto tcp --from 10.1.1.2:9 --to ${vip}:70`)
  t.is(outside.code, 1)
  t.regex(outside.stderr, /another network namespace: nsenter --net=/)

  // The maps outlive the daemon; only names are not to be had without it.
  await end(story.daemon, 'SIGKILL')
  const without = await explained(lab, `--proto tcp --from 10.1.1.2:9 --to ${vip}:70`)
  t.is(without.verdict.name, 'forward')
  t.like(step(without, 'service'), { service: { name: null } })
})

testWith(storyNeeds, 'explain: takes a frame of a capture, and refuses what comes from nowhere', async (t) => {
  const { story, vip } = await start(t, 'tc')
  const { lab } = story
  const directory = instanceDirectory(lab.instance)
  const from = { from: '10.1.1.2:999', ethernetDestination: await macAddress(lab.balancer, 'client') } as const
  const frames = [
    buildFrame({ kind: 'tcp', ...from, to: `${vip}:72`, flags: 'S' }),
    buildFrame({ kind: 'udp', ...from, to: `${vip}:71`, payload: Uint8Array.of(1, 2, 3) }),
    buildFrame({ kind: 'udp', ...from, to: `${vip}:71`, ethernetDestination: '02:00:00:00:00:99' }),
  ]
  const file = join(directory, 'trouble.pcap')
  writeFileSync(file, classicCapture(frames))
  t.is((await explained(lab, `--pcap ${file} --frame 1`)).verdict.name, 'drop_no_endpoint')
  t.is((await explained(lab, `--pcap ${file} --frame 2`)).verdict.name, 'forward')
  t.is((await explained(lab, `--pcap ${file} --frame 3 --in client`)).verdict.name, 'pass_other_host')

  const refused: readonly (readonly [string, RegExp])[] = [
    [`--proto tcp --from 10.1.1.2:1 --to ${vip}:70 --in eth7`, /there is no interface eth7/],
    [`--proto tcp --from 203.0.113.1:1 --to ${vip}:70`, /no route leads to 203\.0\.113\.1/],
  ]
  await Promise.all(
    refused.map(async ([line, why]) => {
      const { code, stderr, stdout } = await runOn(lab, `explain ${line}`)
      t.deepEqual([code, stdout], [2, ''], line)
      t.regex(stderr, why, line)
    }),
  )
})

testWith(
  storyNeeds,
  'explain: knows what a client had before, what an error is about, and that the table is full',
  async (t) => {
    const topology = threeServers({ hook: 'tc' })
    const { vip, servers } = topology
    const endpoints = endpointsOf(topology, streamPort)
    const services = [
      { name: 'sticky', port: 70, protocol: 'tcp', select: 'persist', endpoints },
      { name: 'many', port: 71, protocol: 'udp', select: 'hash', endpoints: endpointsOf(topology, 53) },
    ] as const
    const limits = { flows: 1_024, flowsReserve: 0, services: 64, endpoints: 512, slotPages: 256 }
    const { lab, daemon } = await startStory(t, topology, storyConfig(topology, services, { limits }))
    for (const { name, address } of servers) await streamServerOn(lab.host(name), address)
    const client = lab.host('client')
    const chosen = async (line: string) => {
      const answer = await explained(lab, line)
      return (step(answer, 'selected')?.['endpoint'] as { readonly address: string } | null)?.address
    }

    const first = await streamClientOn(client)
    await first.use('openEchoes', { address: vip, port: 70, count: 1, everyMs: null })
    const had = (await flowsOf(daemon))[0]
    t.is(await chosen(`--proto tcp --from 10.1.1.2:9 --to ${vip}:70`), had?.endpoint.address)

    // An error about a packet that the client has sent: it goes to the client with the VIP as what it was about.
    const quoted = { from: `10.1.1.2:${had?.client.port}`, to: `${had?.endpoint.address}:${streamPort}` } as const
    const error = buildFrame({
      kind: 'icmp-error',
      from: '10.2.1.77',
      to: '10.1.1.2',
      type: 3,
      code: 1,
      inside: buildPacket({ kind: 'tcp', ...quoted, flags: 'A' }),
      ethernetDestination: await macAddress(lab.balancer, 'server1'),
    })
    const file = join(instanceDirectory(lab.instance), 'error.pcap')
    writeFileSync(file, classicCapture([error]))
    const told = await explained(lab, `--pcap ${file} --frame 1 --in server1`)
    t.is(told.verdict.name, 'forward')
    t.true(told.frameOut.includes(Buffer.from(vip.split('.').map(Number)).toString('hex')))

    await oneFromEachOn(client, vip, 71, 1_100, 500)
    t.is((await flowsOf(daemon)).length, limits.flows)
    const full = await explained(lab, `--proto udp --from 10.1.1.2:9 --to ${vip}:71`)
    t.is(full.verdict.name, 'drop_flows_full')
    t.true(full.steps.some((each) => each.kind === 'inserted' && each['result'] === 'no room'))
  },
)

testWith(storyNeeds, 'explain: knows who has asked a UPF for a session', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { vip, servers } = topology
  const [upf] = servers
  const [client, port] = ['10.1.1.2', 8805]
  const endpoints = endpointsOf(topology, port).slice(0, 1)
  const n4 = { name: 'n4', port, protocol: 'udp', mode: 'dnat', select: 'hint', endpoints } as const
  const { lab } = await startStory(t, topology, storyConfig(topology, [n4]))
  const answer = (sequence: number): Uint8Array =>
    buildFrame({
      kind: 'udp',
      from: `${upf?.address}:${port}`,
      to: `${client}:${port}`,
      payload: Buffer.from(`2133001e${'0'.repeat(15)}100000${sequence}00${cause}${fSeid}`, 'hex'),
      ethernetDestination: upfMac,
    })
  const upfMac = await macAddress(lab.balancer, 'server1')
  const file = join(instanceDirectory(lab.instance), 'pfcp.pcap')
  writeFileSync(file, classicCapture([answer(1), answer(2)]))
  const verdictOf = async (frame: number) =>
    (await explained(lab, `--pcap ${file} --frame ${frame} --in server1`)).verdict.name

  t.is(await verdictOf(1), 'drop_seid_unasked')
  const request = `2132000c${'0'.repeat(16)}00000100`
  const send = `const s = require('dgram').createSocket('udp4').bind(${port}, '${client}', () =>
    s.send(Buffer.from('${request}', 'hex'), ${port}, '${vip}', () => s.close()))`
  await lab.host('client').run(process.execPath, ['-e', send])
  t.is(await verdictOf(1), 'forward')
  t.is(await verdictOf(2), 'drop_seid_unasked')
})

/** Elements of PFCP: the request is accepted, and the session has SEID 7. */
const cause = '0013000101'
const fSeid = `0039000d02${'0'.repeat(15)}70a020102`
