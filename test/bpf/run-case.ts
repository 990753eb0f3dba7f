// Runs a case under one hook and compares every frame with what the oracle says.

import type { ExecutionContext } from 'ava'
import { Buffer } from 'node:buffer'
import type { Hook, Verdict } from '../../src/datapath/layout.gen.ts'
import { translateFrame } from '../../src/testing/oracle.ts'
import { buildFrame, parseSocket, type Packet } from '../../src/testing/packets.ts'
import type { Bed, FlowEntry } from './bed.ts'
import { expect, type Case, type PacketStep, type Step } from './case.ts'
import { deviceMac, pathTo, type DeviceName } from './network.ts'

/** What a program returns, by what becomes of the packet. */
const actions = {
  xdp: { drop: 1, pass: 2, redirect: 4 },
  tc: { drop: 2, pass: -1, redirect: 7 },
} as const

interface Run {
  readonly t: ExecutionContext
  readonly bed: Bed
  readonly hook: Hook
  /** ports that names stand for */
  readonly ports: Map<string, number>
  /** frames that were translated, for others to check */
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
  const frame = step.packet instanceof Uint8Array ? step.packet : frameOf(run, step.packet, device)
  const verdict = typeof step.verdict === 'string' ? step.verdict : step.verdict[hook]
  const forwarded = verdict === 'forward'
  const { segments, segmentPayload } = step
  const outcome = await bed.run(hook, frame, {
    device,
    ...(hook === 'tc' && segments !== undefined ? { segments } : {}),
    ...(hook === 'tc' && segmentPayload !== undefined ? { segmentPayload } : {}),
  })
  expect(outcome.verdicts, [{ hook, verdict }], 'verdict')
  const expected = forwarded && step.becomes ? await translated(run, step, frame) : null
  expect(outcome.action, actionFor(hook, verdict), 'action')
  const from = forwarded && step.ignoreMac === true ? 12 : 0
  expect(hex(outcome.frame.subarray(from)), hex((expected?.frame ?? frame).subarray(from)), 'frame out')
  if (forwarded) run.translated.push(outcome.frame)
  // What XDP passes on, TC must finish.
  if (verdict.startsWith('to_tc_')) await performPacket(run, step, 'tc')
  t.pass()
}

function actionFor(hook: Hook, verdict: Verdict): number {
  if (verdict === 'forward') return actions[hook].redirect
  return verdict.startsWith('drop_') ? actions[hook].drop : actions[hook].pass
}

async function translated(
  run: Run,
  step: PacketStep,
  frame: Uint8Array,
): Promise<{ readonly frame: Uint8Array; readonly device: DeviceName }> {
  const { from, to } = step.becomes ?? { from: '', to: '' }
  await bindPort(run, from, frame)
  const path = pathTo(to)
  return {
    device: path.device,
    frame: translateFrame(frame, { from: resolve(run, from), to: resolve(run, to), ...path }),
  }
}

/** Gives a port name that is met for the first time its meaning: what the flow of this packet got. */
async function bindPort(run: Run, socket: string, frame: Uint8Array): Promise<void> {
  const { name, address } = portName(socket)
  if (name === null || run.ports.has(name)) return
  const flow = (await run.bed.flows()).find((entry) => !entry.reverse && isOf(entry, frame))
  if (flow === undefined) throw new Error(`no flow has been made that could say what port ?${name} is`)
  const found = parseSocket(flow.newFrom)
  expect(found.address, address, 'new source')
  if ([...run.ports.values()].includes(found.port)) throw new Error(`port ${found.port} has been given out twice`)
  run.ports.set(name, found.port)
}

/** A client's flow, by the source port or identifier of a frame without IP options. */
function isOf(flow: FlowEntry, frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset)
  const address = `${view.getUint8(26)}.${view.getUint8(27)}.${view.getUint8(28)}.${view.getUint8(29)}`
  const port = view.getUint16(flow.protocol === 1 ? 38 : 34)
  return flow.from === `${address}:${port}`
}

function portName(socket: string): { readonly name: string | null; readonly address: string } {
  const at = socket.indexOf(':?')
  return at < 0 ? { name: null, address: socket } : { name: socket.slice(at + 2), address: socket.slice(0, at) }
}

function resolve(run: Run, socket: string): string {
  const { name, address } = portName(socket)
  if (name === null) return socket
  const port = run.ports.get(name)
  if (port === undefined) throw new Error(`port ?${name} is not known yet`)
  return `${address}:${port}`
}

function frameOf(run: Run, packet: Packet, device: DeviceName): Uint8Array {
  const resolved = { ...packet, from: resolve(run, packet.from), to: resolve(run, packet.to) }
  return buildFrame({ ethernetDestination: deviceMac(device), ...resolved })
}

/** Where the network would bring a packet in, by its source. */
function ingressOf(packet: Packet | Uint8Array): DeviceName {
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
