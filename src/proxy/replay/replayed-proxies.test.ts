// Proxies that captures are replayed to, without a kernel: what they are given, what they send, what is told of it.

import test, { type ExecutionContext } from 'ava'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCapture } from '../../captures/index.ts'
import { pfcp, readElements, typedFSeid, typedFTeid } from '../../protocols/pfcp/index.ts'
import { classicCapture } from '../../testing/capture.ts'
import { FakeDatapath } from '../../testing/fake-datapath.ts'
import { endpoint, n4Service, service } from '../../testing/services.ts'
import { seededFraction } from '../../datapath/replay/random.ts'
import { openReplayedProxies } from './replayed-proxies.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { Service } from '../../lb/model.ts'
import type { ProxyReport, ProxyStep, VipAlias } from '../../lb/replayed-proxies.ts'

const vip = '10.99.0.1'
const upfs = ['10.2.1.2', '10.2.2.2'] as const
const smf = '10.1.1.2'
const fixtures = join(import.meta.dirname, '../../../fixtures')

const behind = (port: number, addresses: readonly string[]) => addresses.map((at) => endpoint(at, { port }))

const n4 = (address: string = vip, endpoints: readonly string[] = upfs): readonly Service[] => [
  service({ name: 'n3', address, port: 2152, protocol: 'udp', select: 'n3', endpoints: behind(2152, endpoints) }),
  n4Service({ address, endpoints: behind(8805, endpoints) }, { n1: 1 }),
]

const gtpc: readonly Service[] = [
  service({
    name: 'gtpc',
    address: vip,
    port: 2123,
    protocol: 'udp',
    mode: 'proxy',
    select: 'gtpc',
    announce: 'local',
    endpoints: behind(2123, upfs),
  }),
]

const framesOf = async (fixture: string): Promise<readonly Uint8Array[]> => {
  const frames: Uint8Array[] = []
  for await (const part of readCapture(join(fixtures, fixture, 'capture.pcapng')))
    for (const { bytes } of part) frames.push(new Uint8Array(bytes))
  return frames
}

interface Outcome {
  readonly steps: readonly ProxyStep[]
  /** `Session Report Request relayed, to 10.1.1.2` */
  readonly fates: readonly string[]
  readonly report: ProxyReport
  readonly datapath: FakeDatapath
}

interface Play {
  readonly services?: readonly Service[]
  readonly aliases?: readonly VipAlias[]
  /** milliseconds between two frames, and after the last one */
  readonly betweenMs?: number
  readonly afterMs?: number
}

const ethernetBytes = 14

async function play(t: ExecutionContext, frames: readonly Uint8Array[], how: Play = {}): Promise<Outcome> {
  const { afterMs = 0, aliases = [], betweenMs = 10, services = n4() } = how
  const directory = mkdtempSync(join(tmpdir(), 'sluice-proxies-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'capture.pcap')
  writeFileSync(file, classicCapture(frames))
  const datapath = new FakeDatapath()
  const proxies = (await openReplayedProxies({ file, services, aliases, random: seededFraction(1), datapath }))!
  const steps: ProxyStep[] = []
  await proxies.start(1_700_000_000)
  for (const [index, frame] of frames.entries()) {
    await proxies.advance(index * betweenMs)
    const packet = frame.subarray(ethernetBytes)
    if (proxies.wants(packet)) await proxies.packet(packet, true)
    steps.push(...proxies.take())
  }
  await proxies.advance((frames.length - 1) * betweenMs + afterMs)
  steps.push(...proxies.take())
  const report = proxies.report()[0]!
  proxies.close()
  const fates = steps.flatMap((step) =>
    step.kind === 'message' ? [`${step.name} ${[step.fate, step.detail].filter(Boolean).join(', ')}`] : [],
  )
  return { steps, fates, report, datapath }
}

const sentTo = ({ steps }: Outcome, address: string, name: string): readonly Uint8Array[] =>
  steps.flatMap((step) =>
    step.kind === 'datagram' && step.to.address === address && step.name === name ? [step.payload] : [],
  )

const elementsOf = (bytes: Uint8Array): readonly PfcpElement[] => readElements(pfcp.decode(bytes).body)

function valueOf(elements: readonly PfcpElement[], ...types: readonly number[]): Uint8Array {
  const [type, ...inner] = types
  const { value } = elements.find((element) => element.type === type)!
  return value instanceof Uint8Array ? value : valueOf(value, ...inner)
}

/** The same frame with other bytes in the place of these, which stand there once. */
function patched(frame: Uint8Array, before: string, after: string): Uint8Array {
  const hex = Buffer.from(frame).toString('hex')
  const at = hex.indexOf(before)
  if (at < 0 || at % 2 !== 0) throw new Error(`the frame has no ${before}`)
  const changed = Buffer.from(hex.slice(0, at) + after + hex.slice(at + before.length), 'hex')
  // Of UDP over IPv4, 0 says that there is no checksum.
  changed.writeUInt16BE(0, ethernetBytes + 20 + 6)
  return new Uint8Array(changed)
}

test('replay: a captured session is made on an endpoint, and the answer of its UPF comes from the VIP', async (t) => {
  const found = await play(t, await framesOf('pfcp-session'))
  const [request] = sentTo(found, upfs[0], 'Session Establishment Request')
  const asked = typedFSeid.read(valueOf(elementsOf(request!), 57))
  t.deepEqual([...asked.ipv4!], [10, 99, 0, 1])
  const [answer] = sentTo(found, smf, 'Session Establishment Response')
  const { seid, sequence } = pfcp.decode(answer!)
  t.is(seid, 0x1000000000000001n)
  t.is(sequence, 4)
  const elements = elementsOf(answer!)
  t.is(typedFSeid.read(valueOf(elements, 57)).seid, asked.seid)
  const tunnel = typedFTeid.read(valueOf(elements, 8, 21))
  t.like(tunnel, { kind: 'given', teid: 0x00010001 })
  t.deepEqual(tunnel.kind === 'given' && [...tunnel.ipv4!], [10, 99, 0, 1])
})

test('replay: a tunnel that the captured UPF chose is steered to its endpoint', async (t) => {
  const { datapath } = await play(t, await framesOf('pfcp-session'))
  const [installed] = datapath.hints.applies.flat().filter(({ action }) => action === 'install')
  t.like(installed, { service: 'n3', kind: 'teid', endpoint: upfs[0], identifier: null })
  t.deepEqual([...installed!.key], [0, 1, 0, 1])
})

test('replay: each message of a session has its fate, in the order of the capture', async (t) => {
  const { fates, report } = await play(t, await framesOf('pfcp-session'))
  t.deepEqual(fates, [
    'Association Setup Request answered, cause 1 Request accepted',
    'Association Setup Response superseded',
    'Heartbeat Request answered',
    'Heartbeat Response superseded',
    'Heartbeat Request answered',
    'Heartbeat Response superseded',
    'Session Establishment Request relayed, to 10.2.1.2',
    'Session Establishment Response relayed, to 10.1.1.2, cause 1 Request accepted',
    'Session Report Request relayed, to 10.1.1.2',
    'Session Report Response relayed, to 10.2.1.2, cause 1 Request accepted',
    'Session Modification Request relayed, to 10.2.1.2',
    'Session Modification Response relayed, to 10.1.1.2, cause 1 Request accepted',
    'Session Deletion Request relayed, to 10.2.1.2',
    'Session Deletion Response relayed, to 10.1.1.2, cause 1 Request accepted',
    'Session Modification Request refused, cause 65 Session context not found',
    'Session Modification Response superseded',
    'Association Release Request answered, cause 1 Request accepted',
    'Association Release Response superseded',
  ])
  t.deepEqual(report.messages['Session Modification Request'], { refused: 1, relayed: 1 })
  t.deepEqual(report.own, { 'Association Setup Request': upfs.length })
})

test('replay: a report of the captured UPF reaches the SMF with the SEID that the SMF has chosen', async (t) => {
  const found = await play(t, await framesOf('pfcp-session'))
  const [report] = sentTo(found, smf, 'Session Report Request')
  t.is(pfcp.decode(report!).seid, 0x1000000000000001n)
  const [answer] = sentTo(found, upfs[0], 'Session Report Response')
  t.is(pfcp.decode(answer!).seid, 0x2000000000000001n)
})

test('replay: a request that comes twice is a retransmission, and makes one session', async (t) => {
  const frames = await framesOf('pfcp-session')
  const { fates, report } = await play(
    t,
    frames.slice(0, 8).flatMap((frame) => [frame, frame]),
  )
  t.deepEqual(fates.slice(12), [
    'Session Establishment Request relayed, to 10.2.1.2',
    'Session Establishment Request retransmission, retransmissions',
    'Session Establishment Response relayed, to 10.1.1.2, cause 1 Request accepted',
    'Session Establishment Response superseded',
  ])
  t.is(report.sessions, 1)
})

test('replay: what a captured UPF has no room for is asked of another endpoint too', async (t) => {
  const frames = [...(await framesOf('pfcp-session'))]
  frames[7] = patched(frames[7]!, '0013000101', '001300014b')
  const found = await play(t, frames.slice(0, 8))
  t.is(found.fates.at(-1), 'Session Establishment Response relayed, to 10.1.1.2, cause 75 No resources available')
  for (const upf of upfs) t.is(sentTo(found, upf, 'Session Establishment Request').length, 1, upf)
  t.is(found.report.sessions, 0)
})

test('replay: what the capture does not answer is asked again and elsewhere, and refused at last', async (t) => {
  const frames = (await framesOf('pfcp-session')).slice(0, 7)
  const found = await play(t, frames, { afterMs: 30_000 })
  for (const upf of upfs) t.is(sentTo(found, upf, 'Session Establishment Request').length, 2, upf)
  const [answer] = sentTo(found, smf, 'Session Establishment Response')
  t.deepEqual([...valueOf(elementsOf(answer!), 19)], [77])
  t.is(found.report.counters['establishment-unanswered'], 2)
})

test('replay: an SMF that had its association before the capture began is made known to the proxy', async (t) => {
  const frames = (await framesOf('pfcp-session')).slice(6)
  const { fates, report } = await play(t, frames)
  t.is(fates[0], 'Session Establishment Request relayed, to 10.2.1.2')
  t.true(report.events.some((event) => event.includes(`${smf} speaks of sessions`)))
})

test('replay: frames to a captured UPF that is an endpoint now may come in for the VIP', async (t) => {
  const captured = upfs[0]
  const frames = (await framesOf('pfcp-session')).map((frame, index) =>
    index % 2 === 0 && index !== 4 && index !== 8 ? patched(frame, '0a630001', '0a020102') : frame,
  )
  const services = n4('192.0.2.1', [captured])
  const past = await play(t, frames.slice(0, 4), { services })
  t.deepEqual(past.report.advice, [
    `2 datagrams went to the endpoint ${captured}, past the VIP: ` +
      `to have them come to n4, say --vip ${captured}=192.0.2.1`,
  ])
  const { fates } = await play(t, frames.slice(0, 4), { services, aliases: [{ captured, vip: '192.0.2.1' }] })
  t.is(fates[0], 'Association Setup Request answered, cause 1 Request accepted')
})

test('replay: a capture that has nothing for the VIP is told of with what it has', async (t) => {
  const { report } = await play(t, await framesOf('pfcp-session'), { services: n4('192.0.2.1', ['192.0.2.2']) })
  t.deepEqual(report.messages, {})
  t.true(report.advice.some((advice) => advice.includes(`--vip ${vip}=192.0.2.1`)))
})

test('replay: datagrams that a kernel would drop for their checksum do not reach the proxy', async (t) => {
  const frames = [...(await framesOf('pfcp-session'))].slice(0, 2)
  frames[0] = frames[0]!.slice()
  frames[0][ethernetBytes + 26]! ^= 1
  const { fates } = await play(t, frames)
  t.regex(fates[0]!, /^datagram dropped, wrong UDP checksum.*--rewrite-checksums/)
})

test('replay: years without a frame pass at once', async (t) => {
  const tenYears = 10 * 365 * 86_400_000
  const { report } = await play(t, (await framesOf('pfcp-session')).slice(0, 8), { afterMs: tenYears })
  t.is(report.sessions, 1)
  t.true(report.own['Heartbeat Request']! < 200)
})

test('replay: GTP-C of both versions reaches a gateway, with TEIDs of the proxy on both sides', async (t) => {
  const { fates, report } = await play(t, await framesOf('gtpc-sessions'), { services: gtpc })
  t.deepEqual(
    fates.filter((fate) => fate.includes('Request relayed')),
    [
      'Create Session Request relayed, to 10.2.1.2',
      'Modify Bearer Request relayed, to 10.2.1.2',
      'Delete Session Request relayed, to 10.2.1.2',
      'Create PDP Context Request relayed, to 10.2.1.2',
      'Delete PDP Context Request relayed, to 10.2.1.2',
    ],
  )
  t.is(report.sessions, 0)
})

const numberFrom = (seed: number): ((below: number) => number) => {
  const random = seededFraction(seed)
  return (below) => Math.floor(random() * below)
}

for (const [fixture, services] of [
  ['pfcp-session', n4()],
  ['gtpc-sessions', gtpc],
] as const)
  test(`replay: whatever stands in the messages of ${fixture}, a replay goes on to its end`, async (t) => {
    t.timeout(120_000)
    const frames = await framesOf(fixture)
    for (let seed = 1; seed <= 60; seed++) {
      const pick = numberFrom(seed)
      const broken = frames.map((frame) => {
        const changed = frame.slice()
        changed.set([0, 0], ethernetBytes + 26)
        for (let changes = pick(3); changes > 0; changes--) {
          const at = ethernetBytes + 28 + pick(changed.length - ethernetBytes - 28)
          changed[at] = pick(256)
        }
        return changed
      })
      await t.notThrowsAsync(play(t, broken, { services, afterMs: 5000 }), `seed ${seed}`)
    }
  })
