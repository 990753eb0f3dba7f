// Random packets, both hooks, one oracle. What goes in is drawn from a seed, which a failure names:
// `SLUICE_SEED=... npx ava test/bpf/random.test.ts` draws the same again. The frames that come out are also given to
// scapy, which shares no code with us.

import test from 'ava'
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import type { Hook, Verdict } from '../../src/datapath/layout.gen.ts'
import type { Service } from '../../src/lb/model.ts'
import { testWith } from '../../src/testing/needs.ts'
import { checksumError, translateFrame } from '../../src/testing/oracle.ts'
import { ipPartsOf } from '../../src/testing/packets/parts.ts'
import { buildFrame, concat, ethernetBytes, parseSocket, protocols, type Packet } from '../../src/testing/packets.ts'
import { openBed, type Bed, type FlowEntry } from './bed.ts'
import { expect, bytes, service, vip } from './case.ts'
import { deviceAddress, deviceMac, pathTo, type DeviceName } from './network.ts'

const packetCount = 2500
const seed = Number(process.env['SLUICE_SEED'] ?? randomInt(2 ** 31))

const clients = ['10.0.1.2', '10.0.1.3', '198.51.100.7', '198.51.100.200']
const servers = ['10.0.2.10', '10.0.2.11', '10.0.1.20']

const modes = ['dnat', 'onearm', 'fullnat'] as const

const services: readonly Service[] = modes.flatMap((mode, i) =>
  (['tcp', 'udp', 'icmp'] as const).map((protocol) =>
    service({
      mode,
      protocol,
      vip: `192.0.2.${i + 1}`,
      select: i % 2 === 0 ? 'hash' : 'rr',
      endpoints: servers.map((address, weight) => ({
        address,
        port: protocol === 'icmp' ? 0 : 8080,
        weight: weight + 1,
      })),
    }),
  ),
)

interface Sent {
  readonly frame: Uint8Array
  readonly verdict: Verdict
  readonly out: Uint8Array
}

/** Numbers 0 to count - 1 (mulberry32). */
type Draw = (count: number) => number

function drawFrom(start: number): Draw {
  let state = start >>> 0
  return (count) => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * count)
  }
}

function pick<T>(draw: Draw, list: readonly T[]): T {
  const found = list[draw(list.length)]
  if (found === undefined) throw new Error('nothing to draw from')
  return found
}

/** A client's packet to a service, or an endpoint's to the client of a flow; at times with something wrong. */
function drawFrame(
  draw: Draw,
  flows: readonly FlowEntry[],
): { readonly frame: Uint8Array; readonly device: DeviceName } {
  const known = flows.length > 0 && draw(3) > 0 ? pick(draw, flows) : null
  const target = pick(draw, services)
  const from = known?.from ?? `${pick(draw, clients)}:${1024 + draw(64)}`
  const to = known?.to ?? `${target.address}:${target.port}`
  const protocol = known?.protocol ?? protocols[target.protocol]
  const device = pathTo(from).device
  const more = {
    ethernetDestination: deviceMac(device),
    ttl: draw(20) === 0 ? draw(3) : 1 + draw(255),
    tos: draw(256) & 0xfc,
    identification: draw(0x10000),
    dontFragment: draw(2) === 0,
    ipOptions: draw(4) === 0 ? new Uint8Array(4 * draw(11)).fill(1) : new Uint8Array(),
    payload: bytes(draw(1400)).subarray(draw(3)),
    trailer: draw(4) === 0 ? bytes(draw(20)) : new Uint8Array(),
    checksumError: draw(10) === 0 ? 1 + draw(0xfffe) : 0,
    ipChecksumError: draw(30) === 0 ? 1 + draw(0xfffe) : 0,
  }
  const frame = buildFrame(drawTransport(draw, protocol, from, to, more, known?.reverse ?? false))
  return { frame: draw(8) === 0 ? damage(draw, frame) : frame, device }
}

function drawTransport(
  draw: Draw,
  protocol: number,
  from: string,
  to: string,
  more: Partial<Packet>,
  reverse: boolean,
): Packet {
  switch (protocol) {
    case protocols.tcp: {
      const flags = pick(draw, reverse ? ['SA', 'A', 'PA', 'FA', 'RA'] : ['S', 'S', 'A', 'PA', 'FA', 'R'])
      return { kind: 'tcp', tcpOptions: bytes(4 * draw(11)), ...more, from, to, flags } as Packet
    }
    case protocols.udp:
      return { kind: 'udp', noChecksum: draw(5) === 0, ...more, from, to } as Packet
    default:
      return { kind: 'icmp', ...more, from, to, type: reverse ? 0 : 8 } as Packet
  }
}

/** One byte of the headers changed, or the end cut off. */
function damage(draw: Draw, frame: Uint8Array): Uint8Array {
  if (draw(2) === 0) return frame.slice(0, ethernetBytes + 20 + draw(frame.length - ethernetBytes - 20))
  const damaged = frame.slice()
  const at = ethernetBytes + draw(40)
  damaged[at] = (damaged[at] ?? 0) ^ (1 << draw(8))
  return damaged
}

/** The addresses and ports of a frame that the programs have forwarded, read without their help. */
function tupleOf(frame: Uint8Array): { readonly protocol: number; readonly from: string; readonly to: string } {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const address = (at: number): string => frame.subarray(at, at + 4).join('.')
  const protocol = view.getUint8(23)
  const l4 = ethernetBytes + (view.getUint8(14) & 15) * 4
  const reply = protocol === protocols.icmp && view.getUint8(l4) === 0
  const identifier = protocol === protocols.icmp ? view.getUint16(l4 + 4) : null
  const source = identifier === null ? view.getUint16(l4) : reply ? 0 : identifier
  const destination = identifier === null ? view.getUint16(l4 + 2) : reply ? identifier : 0
  return { protocol, from: `${address(26)}:${source}`, to: `${address(30)}:${destination}` }
}

/** What a flow may look like: an endpoint of its service, and the source that the mode says. */
function checkFlow(flow: FlowEntry): void {
  const [to, newFrom, newTo] = [flow.to, flow.newFrom, flow.newTo].map(parseSocket)
  const target = services.find(
    ({ address, port, protocol }) =>
      address === to?.address && port === to.port && protocols[protocol] === flow.protocol,
  )
  if (target === undefined || newTo === undefined || newFrom === undefined) throw new Error(`no service for ${flow.to}`)
  const endpoint = target.endpoints.find(({ address, port }) => address === newTo.address && port === newTo.port)
  if (endpoint === undefined) throw new Error(`${flow.newTo} is no endpoint of ${target.name}`)
  const source = parseSocket(flow.from)
  const expected = {
    dnat: source.address,
    onearm: deviceAddress(pathTo(endpoint.address).device),
    fullnat: target.address,
  }[target.mode as (typeof modes)[number]]
  expect(newFrom.address, expected, `new source of ${flow.from} -> ${flow.to}`)
  if (target.mode === 'dnat') expect(newFrom.port, source.port, 'port that is kept')
  else if (newFrom.port < 32_768 || newFrom.port > 61_000) throw new Error(`port ${newFrom.port} is out of the range`)
}

async function sendAll(bed: Bed, hook: Hook): Promise<readonly Sent[]> {
  const draw = drawFrom(seed)
  await bed.reset({ services })
  const sent: Sent[] = []
  let flows: readonly FlowEntry[] = []
  for (let i = 0; i < packetCount; i++) {
    if (i % 200 === 0) flows = await bed.flows()
    const { frame, device } = drawFrame(draw, flows)
    const outcome = await bed.run(hook, frame, { device })
    const verdict = outcome.verdicts[0]?.verdict ?? 'continue'
    const where = `packet ${i} (${Buffer.from(frame).toString('hex')})`
    expect(outcome.verdicts, [{ hook, verdict }], `verdicts on ${where}`)
    expect(
      Buffer.from(outcome.frame).toString('hex'),
      Buffer.from(verdict === 'forward' ? await expected(bed, frame, outcome.frame) : frame).toString('hex'),
      `frame out of ${where}`,
    )
    sent.push({ frame, verdict, out: outcome.frame })
  }
  return sent
}

async function expected(bed: Bed, frame: Uint8Array, found: Uint8Array): Promise<Uint8Array> {
  if (ipPartsOf(frame).fragment !== null) return found // cases look at those
  const { protocol, from, to } = tupleOf(frame)
  const flow = await bed.flow(protocol, from, to)
  if (flow === null) throw new Error(`${from} -> ${to} was forwarded without a flow`)
  const partner = await bed.flow(protocol, flow.newTo, flow.newFrom)
  expect([partner?.newFrom, partner?.newTo], [flow.to, flow.from], 'way back')
  const client = flow.reverse ? partner : flow
  if (client) checkFlow(client)
  return translateFrame(frame, { from: flow.newFrom, to: flow.newTo, ...pathTo(flow.newTo) })
}

let opened: Promise<Bed> | undefined
let results: Promise<Readonly<Record<Hook, readonly Sent[]>>> | undefined

/** Sent once, looked at by every test. */
function allSent(): Promise<Readonly<Record<Hook, readonly Sent[]>>> {
  opened ??= openBed({ flows: 4096 })
  results ??= opened.then(async (bed) => ({ xdp: await sendAll(bed, 'xdp'), tc: await sendAll(bed, 'tc') }))
  return results
}

test.after.always(async () => {
  await (await opened)?.close()
})

const needs = ['root', 'bpf', 'netns'] as const

testWith(needs, 'bpf: random packets become what the oracle says, or stay as they are', async (t) => {
  t.log(`SLUICE_SEED=${seed}`)
  const { xdp } = await allSent()
  const counts = Map.groupBy(xdp, ({ verdict }) => verdict)
  t.log([...counts].map(([verdict, list]) => `${verdict} ${list.length}`).join(', '))
  const forwarded = xdp.filter(({ verdict }) => verdict === 'forward').length
  t.true(forwarded > packetCount / 3, `${forwarded} forwarded`)
  t.true(new Set(xdp.map(({ verdict }) => verdict)).size >= 6)
})

testWith(needs, 'bpf: both hooks make the same of random packets', async (t) => {
  t.log(`SLUICE_SEED=${seed}`)
  const { xdp, tc } = await allSent()
  for (const [i, sent] of xdp.entries()) {
    // What XDP leaves to TC, such as fragments and what is too long for the next link, TC decides alone.
    if (sent.verdict.startsWith('to_tc_')) continue
    expect(tc[i]?.verdict, sent.verdict, `verdict of TC on packet ${i}`)
    expect(Buffer.from(tc[i]?.out ?? []).toString('hex'), Buffer.from(sent.out).toString('hex'), `frame ${i} of TC`)
  }
  t.pass()
})

// Prints the numbers of the lines whose frame has a wrong checksum.
const scapyScript = `
import sys
from scapy.utils import checksum
from scapy.layers.inet import Ether, IP, in4_chksum
for number, line in enumerate(sys.stdin):
    frame = bytes.fromhex(line)
    ip = Ether(frame)[IP]
    packet = frame[14:14 + ip.len]
    header, transport = packet[:ip.ihl * 4], packet[ip.ihl * 4:]
    right = checksum(transport) == 0 if ip.proto == 1 else in4_chksum(ip.proto, ip, transport) == 0
    if ip.proto == 17 and transport[6:8] == b'\\0\\0':
        right = True
    if checksum(header) != 0 or not right:
        print(number)
`

testWith([...needs, 'scapy'], 'bpf: scapy finds every checksum of translated packets right', async (t) => {
  t.log(`SLUICE_SEED=${seed}`)
  const { xdp, tc } = await allSent()
  const frames = [...xdp, ...tc]
    .filter(({ verdict, frame }) => verdict === 'forward' && (checksumError(frame) ?? 0) === 0)
    .map(({ out }) => Buffer.from(out).toString('hex'))
  t.true(frames.length > packetCount / 3)
  const run = spawnSync('/usr/bin/python3', ['-c', scapyScript], { input: frames.join('\n'), encoding: 'utf8' })
  t.is(run.status, 0, run.stderr)
  const wrong = run.stdout.split('\n').filter((line) => line !== '')
  t.deepEqual(
    wrong.map((line) => frames[Number(line)]),
    [],
  )
})

testWith(needs, 'bpf: a UDP checksum that comes out as zero is written as all ones', async (t) => {
  const bed = await (opened ??= openBed({ flows: 4096 }))
  await allSent()
  const udp = { kind: 'udp', from: '10.0.1.2:5000', to: `${vip}:80`, ethernetDestination: deviceMac('client') } as const
  const path = pathTo('10.0.2.10')
  const translation = { from: udp.from, to: '10.0.2.10:8080', ...path }
  // Among 65,536 values of two bytes there is one that makes the sum of a packet zero, before or after the translation.
  const frames = Array.from({ length: 0x10000 }, (_, i) =>
    buildFrame({ ...udp, payload: Uint8Array.of(i >> 8, i & 0xff) }),
  )
  const isOnes = (frame: Uint8Array): boolean => frame[40] === 0xff && frame[41] === 0xff
  const before = frames.find(isOnes)
  const after = frames.find((frame) => isOnes(translateFrame(frame, translation)))
  t.truthy(before)
  t.truthy(after)
  const only = service({ protocol: 'udp' })
  for (const hook of ['xdp', 'tc'] as const) {
    await bed.reset({ services: [only] })
    for (const frame of [before ?? concat(), after ?? concat()]) {
      const outcome = await bed.run(hook, frame)
      t.deepEqual(
        Buffer.from(outcome.frame).toString('hex'),
        Buffer.from(translateFrame(frame, translation)).toString('hex'),
      )
    }
  }
})
