// An SMF and a UPF whose bytes are scapy's, on either side of the N4 proxy: what it sends is read and written again by
// a codec that is not ours, and means what it should.

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import type { ExecutionContext } from 'ava'

import type { Lab } from '../lab/lab.ts'
import { hooks, threeServers, type Hook, type ThreeServers } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { drops, startStory, storyConfig, storyNeeds, until } from './support/story.ts'

const script = fileURLToPath(new URL('support/scapy_pfcp.py', import.meta.url))

/** A message as scapy has read it. */
interface Got {
  readonly role: 'smf' | 'upf'
  readonly sender: string
  readonly type: number
  readonly sequence: number
  readonly seid: string | null
  readonly bytes: number
  readonly cause: number | null
  readonly node: string | null
  /** SEID and address */
  readonly fSeid: readonly [string, string] | null
  readonly recovery: number | null
  /** FTUP */
  readonly allocates: boolean | null
  /** TEIDs and addresses */
  readonly fTeids: readonly (readonly [number, string])[]
  readonly faults: readonly string[]
}

interface Peer {
  readonly got: readonly Got[]
  /** of other lines: what it says of itself */
  readonly says: readonly Readonly<Record<string, unknown>>[]
  /** resolves with its exit code and what it has complained of */
  ended: Promise<readonly [number | null, string]>
}

const n4Services = ({ servers, vip }: ThreeServers): object => {
  const endpoints = [{ address: servers[0]!.address }]
  return {
    services: [
      { name: 'n3', vip, port: 2152, protocol: 'udp', select: 'n3', miss: 'drop', endpoints },
      {
        name: 'n4',
        vip,
        port: 8805,
        protocol: 'udp',
        mode: 'proxy',
        select: 'n4',
        n4: { tunnels: 'n3', heartbeat: 1 },
        endpoints,
      },
    ],
  }
}

/** Starts a peer; it is up when this resolves, and ends with the test. */
async function startPeer(t: ExecutionContext, lab: Lab, host: string, args: readonly string[]): Promise<Peer> {
  const child = lab.host(host).spawn('/usr/bin/python3', [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  t.teardown(() => {
    child.kill('SIGKILL')
    if (!t.passed && complaints !== '') t.log(`${host}: ${complaints}`)
  })
  const got: Got[] = []
  const says: Record<string, unknown>[] = []
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const ended = once(child, 'close').then(([code]) => [code as number | null, complaints] as const)
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const what = JSON.parse(line) as Got
    if ('type' in what) got.push(what)
    else says.push(what)
  })
  await until(`scapy is up: ${complaints}`, async () => says.length > 0 || child.exitCode !== null)
  return { got, says, ended }
}

const seid = '0x1111222233334444'
const largeSeid = '0x5555'
const firstTeid = 0x8000_0001
const firstSeid = 0x0102030405060708n
const largeRules = 100
const linkBytes = 1500

async function story(t: ExecutionContext, hook: Hook): Promise<void> {
  const topology = threeServers({ hook })
  const { vip } = topology
  const { daemon, lab } = await startStory(t, topology, storyConfig(topology, [], n4Services(topology)))
  const [upfHost, smfHost] = [topology.servers[0]!, topology.clients[0]!]
  const upf = await startPeer(t, lab, upfHost.name, ['upf', upfHost.address])
  await until('the proxy has sent a heartbeat to the UPF', async () => upf.got.some(({ type }) => type === 1))
  const smf = await startPeer(t, lab, smfHost.name, ['smf', smfHost.address, vip])
  t.deepEqual(await smf.ended, [0, ''])

  for (const { faults, role, sender, type } of [...smf.got, ...upf.got]) {
    t.deepEqual(faults, [], `${role}, type ${type}`)
    t.is(sender, `${vip}:8805`)
  }
  readBySmf(t, smf, vip)
  readByUpf(t, upf, vip)
  // Both ways there were messages longer than a packet: the fast path left them to the kernel.
  const longest = ({ got }: Peer): number => Math.max(...got.map(({ bytes }) => bytes))
  t.true(longest(smf) > linkBytes && longest(upf) > linkBytes)
  t.deepEqual(await drops(daemon), {})
}

function readBySmf(t: ExecutionContext, { got, says }: Peer, vip: string): void {
  t.deepEqual(
    got.map(({ cause, seid: to, type }) => [type, to, cause]),
    [
      [2, null, null],
      [6, null, 1],
      [51, seid, 1],
      [51, seid, 1],
      [53, seid, 1],
      [56, seid, null],
      [51, largeSeid, 1],
      [55, largeSeid, 1],
      [55, seid, 1],
      [55, '0x0', 65],
      [10, null, 1],
    ],
  )
  t.true(
    says.some(({ same }) => same === true),
    'a retransmission gets the same bytes',
  )
  const [heartbeat, association, first, again, modified, , large] = got
  t.is(association?.recovery, heartbeat?.recovery)
  t.true(association?.allocates)
  t.is(association?.node, vip)
  t.is(first?.node, vip)
  t.is(first?.fSeid?.[1], vip)
  t.deepEqual(again, first)
  const tunnels = (...teids: readonly number[]): Got['fTeids'] => teids.map((teid) => [teid, vip] as const)
  t.deepEqual(first?.fTeids, tunnels(firstTeid, firstTeid, firstTeid + 1))
  t.deepEqual(modified?.fTeids, tunnels(firstTeid + 2))
  t.deepEqual(large?.fTeids, tunnels(...Array.from({ length: largeRules }, (_, i) => firstTeid + 3 + i)))
}

function readByUpf(t: ExecutionContext, { got }: Peer, vip: string): void {
  const [first] = got
  t.like(first, { type: 5, seid: null, node: vip })
  t.is(got.find(({ type }) => type === 1)?.recovery, first?.recovery)
  const about = got.filter(({ type }) => type >= 50)
  const [own, ownLarge] = [0n, 1n].map((i) => `0x${(firstSeid + i).toString(16)}`)
  // The second establishment and the last deletion of the SMF have not come here.
  t.deepEqual(
    about.map(({ cause, seid: to, type }) => [type, to, cause]),
    [
      [50, '0x0', null],
      [52, own, null],
      [57, own, 1],
      [50, '0x0', null],
      [54, ownLarge, null],
      [54, own, null],
    ],
  )
  for (const { fSeid, node, type } of about.filter((message) => message.type === 50)) {
    t.is(node, vip, `type ${type}`)
    t.is(fSeid?.[1], vip)
  }
  t.not(about[0]?.fSeid?.[0], seid)
}

for (const hook of hooks) {
  testWith(
    [...storyNeeds, 'scapy'],
    `n4: scapy's SMF and UPF understand the proxy, also where messages come in fragments, under ${hook} (N4.18)`,
    async (t) => {
      t.timeout(60_000)
      await story(t, hook)
    },
  )
}
