// Runs a case under one hook and compares every frame with what the oracle says.

import type { ExecutionContext } from 'ava'
import { Buffer } from 'node:buffer'
import type { Hook, Verdict } from '../../src/datapath/layout.gen.ts'
import { checksumError, translateFragments, translateFrame, withRightChecksum } from '../../src/testing/oracle.ts'
import { translateError } from '../../src/testing/oracle/errors.ts'
import { ipPartsOf } from '../../src/testing/packets/parts.ts'
import { tunnelFrame } from '../../src/testing/oracle/tunnels.ts'
import { buildFrame, buildPacket, type Packet } from '../../src/testing/packets.ts'
import { concat } from '../../src/testing/packets/bytes.ts'
import { protocols } from '../../src/testing/packets/ip.ts'
import { fragmentFrame } from '../../src/testing/packets/fragments.ts'
import { familyOf, parseSocket, socketOf, type Socket } from '../../src/testing/packets/socket.ts'
import { tunnels, type Bed, type FlowEntry, type Outcome } from './bed.ts'
import { expect, type Becomes, type Case, type ErrorAbout, type PacketStep, type Step } from './case.ts'
import { deviceMac, mtuTo, pathTo, type DeviceName } from './network.ts'

/** What a program returns, by what becomes of the packet. */
const actions = {
  xdp: { drop: 1, pass: 2, redirect: 4 },
  tc: { drop: 2, pass: -1, redirect: 7 },
} as const

interface Run {
  readonly t: ExecutionContext
  readonly bed: Bed
  readonly hook: Hook
  /** ports that names stand for, and whose they are: two flows of a protocol have different ones towards an endpoint */
  readonly ports: Map<string, { readonly port: number; readonly owner: string }>
  /** frames that were translated and came in with right checksums, for others to check */
  readonly translated: Uint8Array[]
}

/** Returns the translated frames. */
export async function runCase(
  t: ExecutionContext,
  bed: Bed,
  hook: Hook,
  testCase: Case,
): Promise<readonly Uint8Array[]> {
  const run: Run = { t, bed, hook, ports: new Map(), translated: [] }
  await bed.reset(testCase.setup)
  for (const [index, step] of testCase.steps.entries()) {
    try {
      await performStep(run, step)
    } catch (error) {
      throw new Error(`step ${index + 1} of "${testCase.name}" under ${hook}: ${messageOf(error)}`, { cause: error })
    }
  }
  return run.translated
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function performStep(run: Run, step: Step): Promise<void> {
  const { t, bed } = run
  switch (step.kind) {
    case 'packet':
      return performPacket(run, step, run.hook)
    case 'wait':
      return bed.addTime(step.ticks)
    case 'change':
      return bed.apply(step.changes)
    case 'hint':
      return bed.hint(step.hint)
    case 'check':
      return step.check(t, bed, run.hook)
    case 'expire':
      expect(await bed.expire(step.which), step.freed, 'flows freed')
      return
    case 'flows': {
      const flows = (await bed.flows()).filter(({ reverse }) => !reverse)
      const found = Object.fromEntries(flows.map((flow) => [`${flow.from} -> ${flow.to}`, flow.state]))
      expect(inOrder(found), inOrder(step.states), 'states of the flows')
      return
    }
    default:
      return step satisfies never
  }
}

function inOrder(record: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  return Object.entries(record).toSorted(([a], [b]) => a.localeCompare(b))
}

async function performPacket(run: Run, step: PacketStep, hook: Hook): Promise<void> {
  const { t, bed } = run
  const device = step.device ?? ingressOf(step.packet)
  const whole = step.packet instanceof Uint8Array ? step.packet : frameOf(run, step.packet, device)
  const frame = step.part === undefined ? whole : partOf(whole, step.part)
  const verdict = typeof step.verdict === 'string' ? step.verdict : step.verdict[hook]
  const { segments, segmentPayload, mark, metadataTag } = step
  const outcome = await bed.run(hook, frame, {
    device,
    ...(hook === 'tc' && segments !== undefined ? { segments } : {}),
    ...(hook === 'tc' && segmentPayload !== undefined ? { segmentPayload } : {}),
    ...(hook === 'tc' && mark !== undefined ? { mark } : {}),
    ...(metadataTag === true ? { metadataTag } : {}),
  })
  expect(outcome.verdicts, [{ hook, verdict }], 'verdict')
  checkPunt(outcome, verdict, step, frame)
  const forwarded = verdict === 'forward'
  const becomes = forwarded && step.becomes ? await resolved(run, step.becomes, step.packet) : null
  // What is found out to be untranslatable half-way is dropped as it is by then.
  const half = verdict === 'drop_not_translatable' ? outcome.frame : frame
  const expected = becomes ? translated(step, whole, becomes, outcome.frame) : half
  expect(outcome.action, actionFor(hook, verdict), 'action')
  const from = forwarded && step.ignoreMac === true ? 12 : 0
  expectFrame(outcome.frame.subarray(from), expected.subarray(from))
  if (forwarded && hasRightChecksums(whole)) run.translated.push(outcome.frame)
  // What XDP passes on, TC must finish.
  if (verdict.startsWith('to_tc_')) await performPacket(run, step, 'tc')
  t.pass()
}

function hasRightChecksums(frame: Uint8Array): boolean {
  const { protocol, fragment } = ipPartsOf(frame)
  const isKnown = Object.values(protocols).some((known) => known === protocol)
  return isKnown && fragment === null && (checksumError(frame) ?? 0) === 0
}

function actionFor(hook: Hook, verdict: Verdict): number {
  if (verdict === 'forward') return actions[hook].redirect
  return verdict.startsWith('drop_') || verdict === 'punt' ? actions[hook].drop : actions[hook].pass
}

/** User space gets what was punted, whole, and nothing else. */
function checkPunt({ punts }: Outcome, verdict: Verdict, { reason }: PacketStep, frame: Uint8Array): void {
  const found = punts.map((punt) => [punt.reason, hex(punt.frame)])
  expect(found, verdict === 'punt' ? [[reason, hex(frame)]] : [], 'what user space got')
}

function partOf(whole: Uint8Array, { sizes, index, identification }: NonNullable<PacketStep['part']>): Uint8Array {
  return fragmentFrame(whole, sizes, identification)[index] ?? concat()
}

function expectFrame(found: Uint8Array, wanted: Uint8Array): void {
  const at = wanted.findIndex((byte, i) => byte !== found[i])
  if (at < 0 && found.length === wanted.length) return
  const where = at < 0 ? `length ${found.length} instead of ${wanted.length}` : `first difference at byte ${at}`
  throw new Error(`frame out, ${where}:\n  found    ${hex(found)}\n  expected ${hex(wanted)}`)
}

/** What the frame must be; the sockets have no names in them any more. */
function translated(step: PacketStep, whole: Uint8Array, becomes: Becomes, found: Uint8Array): Uint8Array {
  const { part } = step
  if (becomes.kind === 'answer') return buildFrame({ ...pathTo(becomes.packet.to), ...becomes.packet })
  const path = pathTo(becomes.to)
  switch (becomes.kind) {
    case 'nat': {
      const translation = { ...path, from: becomes.from, to: becomes.to, mtu: mtuTo(becomes.to), found }
      if (part === undefined) return translateFrame(withPayload(whole, becomes.payload), translation)
      const { sizes, index, identification } = part
      return translateFragments(whole, translation, sizes, identification)[index] ?? concat()
    }
    case 'l2':
    case 'ip':
    case 'gue': {
      const { from } = becomes
      const inside = from === undefined ? whole : translateFrame(whole, { ...path, from, to: receiverOf(step.packet) })
      const frame = part === undefined ? inside : partOf(inside, part)
      const outer = { source: tunnels[familyOf(becomes.to)], destination: becomes.to, guePort: tunnels.guePort }
      return tunnelFrame(frame, { ...path, kind: becomes.kind, ...outer, hops: from === undefined ? 1 : 0 }, found)
    }
    case 'error':
      return translateError(whole, { ...path, ...becomes })
    default:
      return becomes satisfies never
  }
}

function receiverOf(packet: PacketStep['packet']): Socket {
  if (packet instanceof Uint8Array) throw new Error('only of a packet in words it is known whom it is for')
  return packet.to
}

/** The same with another payload of the same length, for which the checksum is right too. */
function withPayload(frame: Uint8Array, payload: Uint8Array | undefined): Uint8Array {
  if (payload === undefined) return frame
  const changed = frame.slice()
  changed.set(payload, frame.length - payload.length)
  return withRightChecksum(changed)
}

async function resolved(run: Run, becomes: Becomes, packet: PacketStep['packet']): Promise<Becomes> {
  switch (becomes.kind) {
    case 'nat':
      await bindPort(run, becomes.from, packet)
      return { ...becomes, from: resolve(run, becomes.from), to: resolve(run, becomes.to) }
    case 'error':
      return {
        ...becomes,
        insideFrom: resolve(run, becomes.insideFrom),
        insideTo: resolve(run, becomes.insideTo),
      }
    case 'answer':
    case 'l2':
    case 'ip':
    case 'gue':
      return becomes
    default:
      return becomes satisfies never
  }
}

/** Gives a port name that is met for the first time its meaning: what the flow of this packet got. */
async function bindPort(run: Run, socket: Socket, packet: PacketStep['packet']): Promise<void> {
  const { name, address } = portName(socket)
  if (name === null || run.ports.has(name)) return
  if (packet instanceof Uint8Array || packet.kind === 'error-about')
    throw new Error('only a packet of the flow can give a port its name')
  const flow = (await run.bed.flows()).find((entry) => isOf(entry, packet))
  if (flow === undefined) throw new Error(`no flow has been made that could say what port ?${name} is`)
  const found = parseSocket(flow.newFrom)
  expect(found.address, address, 'new source')
  const owner = `${flow.protocol} ${flow.newTo}`
  const others = [...run.ports.values()].filter((other) => other.owner === owner)
  if (others.some(({ port }) => port === found.port)) throw new Error(`port ${found.port} has been given out twice`)
  run.ports.set(name, { port: found.port, owner })
}

/** A client's flow, by its socket. */
function isOf({ protocol, reverse, from, to }: FlowEntry, packet: Packet): boolean {
  const [source, destination] = [parseSocket(packet.from), parseSocket(packet.to)]
  return (
    !reverse &&
    protocol === protocolOf(packet) &&
    from === socketOf(source.address, source.port) &&
    (packet.kind === 'icmp' || to === socketOf(destination.address, destination.port))
  )
}

function protocolOf({ kind }: Packet): number {
  return kind === 'other' || kind === 'icmp-error' ? 0 : protocols[kind]
}

function portName(socket: Socket): { readonly name: string | null; readonly address: string } {
  const at = socket.lastIndexOf(':?')
  return at < 0
    ? { name: null, address: socket }
    : { name: socket.slice(at + 2), address: parseSocket(socket.slice(0, at)).address }
}

function resolve(run: Run, socket: Socket): Socket {
  const { name, address } = portName(socket)
  if (name === null) return socket
  const known = run.ports.get(name)
  if (known === undefined) throw new Error(`port ?${name} is not known yet`)
  return socketOf(address, known.port)
}

function frameOf(run: Run, packet: Packet | ErrorAbout, device: DeviceName): Uint8Array {
  const addressed = { ethernetDestination: deviceMac(device) }
  if (packet.kind !== 'error-about') return buildFrame({ ...addressed, ...withPorts(run, packet) })
  const { about, most, kind: _kind, ...error } = packet
  const inside = buildPacket(withPorts(run, about)).subarray(0, most)
  return buildFrame({ ...addressed, ...error, kind: 'icmp-error', inside })
}

function withPorts(run: Run, packet: Packet): Packet {
  return { ...packet, from: resolve(run, packet.from), to: resolve(run, packet.to) }
}

/** Where the network would bring a packet in, by its source. */
function ingressOf(packet: PacketStep['packet']): DeviceName {
  if (packet instanceof Uint8Array) return 'client'
  try {
    return pathTo(packet.from).device
  } catch {
    return 'client'
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
