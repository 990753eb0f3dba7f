// What the addon's tests do inside a network namespace. Each returns plain data, which the test judges.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { BpfObject, Socket } from '../index.d.ts'
import { native } from '../load.ts'
import { until } from './until.ts'

const AF_UNIX = 1
const AF_INET = 2
const AF_NETLINK = 16
const AF_PACKET = 17
const SOCK_DGRAM = 2
const SOCK_RAW = 3
/** The first ethertype for local experiments: the kernel sends none of these by itself. */
const ETHERTYPE = 0x88b5
const FRAME_BYTES = 60

export type Scenarios = typeof scenarios

export const scenarios = { xdp, tcx, clsact, packets, netlink, names, pin, detach }

/** How many of five frames arrive, and what the link says, at each stage of an XDP link's life. */
async function xdp(objectPath: string) {
  const stages: Record<string, number> = {}
  const object = native.objectOpen(objectPath)
  native.objectLoad(object)
  const right = native.interfaceIndex('right')
  stages['before'] = await deliver()
  for (const mode of ['native', 'generic'] as const) {
    const link = native.linkXdp(programFd(object, 'drop'), right, mode)
    stages[`${mode} drop`] = await deliver()
    native.linkUpdate(link, programFd(object, 'pass'))
    stages[`${mode} updated to pass`] = await deliver()
    native.linkUpdate(link, programFd(object, 'drop'))
    stages[`${mode} updated to drop`] = await deliver()
    native.linkDetach(link)
    stages[`${mode} detached`] = await deliver()
    native.fdClose(link)
  }
  const link = native.linkXdp(programFd(object, 'pass'), right, 'native')
  const there = native.linkInfo(link)
  const busy = failure(() => native.linkXdp(programFd(object, 'pass'), right, 'native'))
  execFileSync('ip', ['link', 'delete', 'left'])
  const gone = native.linkInfo(link)
  const program = native.programInfo(programFd(object, 'pass')).id
  native.objectClose(object)
  return { stages, right, program, there, busy, gone }
}

async function tcx(objectPath: string) {
  const stages: Record<string, number> = {}
  const object = native.objectOpen(objectPath)
  native.objectLoad(object)
  const [left, right] = [native.interfaceIndex('left'), native.interfaceIndex('right')]
  for (const [direction, ifindex] of [
    ['ingress', right],
    ['egress', left],
  ] as const) {
    const link = native.linkTcx(programFd(object, 'shoot'), ifindex, direction)
    stages[`${direction} shoot`] = await deliver()
    native.linkUpdate(link, programFd(object, 'accept'))
    stages[`${direction} updated to accept`] = await deliver()
    native.linkDetach(link)
    stages[`${direction} detached`] = await deliver()
    native.fdClose(link)
  }
  const info = native.linkInfo(native.linkTcx(programFd(object, 'shoot'), right, 'ingress'))
  const wrongType = failure(() => native.linkTcx(programFd(object, 'pass'), right, 'ingress'))
  native.objectClose(object)
  return { stages, right, info, wrongType }
}

async function clsact(objectPath: string) {
  const stages: Record<string, number> = {}
  const object = native.objectOpen(objectPath)
  native.objectLoad(object)
  const right = native.interfaceIndex('right')
  native.clsactAttach(programFd(object, 'shoot'), right, 'ingress', 1, 10)
  stages['shoot'] = await deliver()
  native.clsactAttach(programFd(object, 'accept'), right, 'ingress', 1, 10)
  stages['replaced by accept'] = await deliver()
  native.clsactAttach(programFd(object, 'shoot'), right, 'ingress', 1, 10)
  native.objectClose(object)
  stages['shoot, object closed'] = await deliver()
  native.clsactDetach(right, 'ingress', 1, 10)
  stages['detached'] = await deliver()
  return { stages, again: failure(() => native.clsactDetach(right, 'ingress', 1, 10)) }
}

/** 100 numbered frames from one end of the pair to the other, in one sendmmsg. */
async function packets() {
  const seen: { length: number; number: number; address: Uint8Array }[] = []
  const receiver = openPacket('right')
  const arena = new Uint8Array(32 * 64)
  const batches: number[] = []
  native.socketReceive(receiver, arena, 64, (count, lengths, addresses) => {
    batches.push(count)
    for (let i = 0; i < count; i++) {
      const address = addresses.slice(i * 28, i * 28 + 28)
      seen.push({ length: lengths[i] ?? -1, number: arena[i * 64 + 14] ?? -1, address })
    }
  })
  const sender = openPacket('left')
  const sent = native.socketSend(
    sender,
    Array.from({ length: 100 }, (_, i) => ({ data: frame(i, i === 99 ? 200 : FRAME_BYTES) })),
  )
  await until(() => seen.length >= 100)
  native.socketClose(sender)
  native.socketClose(receiver)
  return { sent, seen, batches, left: native.interfaceIndex('left'), right: native.interfaceIndex('right') }
}

/** Hears of an address (a multicast group of rtnetlink) that another process adds, and survives an overrun. */
async function netlink() {
  const address = new Uint8Array(12)
  const view = new DataView(address.buffer)
  view.setUint16(0, AF_NETLINK, true)
  view.setUint32(8, 0x10, true) // RTMGRP_IPV4_IFADDR
  const socket = native.socketOpen({
    domain: AF_NETLINK,
    type: SOCK_RAW,
    protocol: 0,
    address,
    options: [{ level: 1, name: 8, value: Uint8Array.of(1, 0, 0, 0) }], // SO_RCVBUF, the smallest there is
  })
  const types: number[] = []
  const errors: string[] = []
  const arena = new Uint8Array(8 * 4096)
  native.socketReceive(socket, arena, 4096, (count, lengths, _addresses, error) => {
    if (error !== null) errors.push(error)
    for (let i = 0; i < count; i++)
      if ((lengths[i] ?? 0) >= 16) types.push(new DataView(arena.buffer, i * 4096).getUint16(4, true))
  })
  const add = (n: number): unknown => execFileSync('ip', ['address', 'add', `192.0.2.${n}/32`, 'dev', 'left'])
  add(1)
  await until(() => types.length > 0)
  const first = [...types]
  // The event loop does not run meanwhile, so the smallest buffer overruns.
  for (let n = 2; n < 22; n++) add(n)
  await until(() => errors.length > 0)
  const before = types.length
  add(100)
  await until(() => types.length > before)
  native.socketClose(socket)
  return { first, errors, heardAfterOverrun: types.length > before }
}

async function names() {
  const right = native.interfaceIndex('right')
  return { right, name: native.interfaceName(right), driver: native.interfaceDriver('right') }
}

/** The CPUs that the thread may run on. */
async function pin() {
  native.pinToCpu(0)
  return readFileSync('/proc/thread-self/status', 'utf8')
}

/** Never answers: the worker ends with the error of a socket whose memory was taken away. */
async function detach(): Promise<never> {
  const address = Uint8Array.of(1, 0, 0, ...Buffer.from(`sluice-native-${process.pid}-detach`))
  const socket = native.socketOpen({ domain: AF_UNIX, type: SOCK_DGRAM, protocol: 0, address })
  const arena = new Uint8Array(100)
  native.socketReceive(socket, arena, 100, () => {
    structuredClone(arena.buffer, { transfer: [arena.buffer] })
  })
  for (;;) {
    native.socketSend(socket, [{ data: new Uint8Array(100), address }])
    await delay(1)
  }
}

/** How many of five frames sent at `left` arrive at `right`. */
async function deliver(): Promise<number> {
  const receiver = openPacket('right')
  let seen = 0
  native.socketReceive(receiver, new Uint8Array(16 * 64), 64, (count) => {
    seen += count
  })
  const sender = openPacket('left')
  native.socketSend(
    sender,
    Array.from({ length: 5 }, (_, i) => ({ data: frame(i, FRAME_BYTES) })),
  )
  await until(() => seen >= 5, 30)
  native.socketClose(sender)
  native.socketClose(receiver)
  return seen
}

function openPacket(device: string): Socket {
  const address = new Uint8Array(20)
  const view = new DataView(address.buffer)
  view.setUint16(0, AF_PACKET, true)
  view.setUint16(2, ETHERTYPE)
  view.setInt32(4, native.interfaceIndex(device), true)
  return native.socketOpen({ domain: AF_PACKET, type: SOCK_RAW, protocol: ETHERTYPE, address })
}

/** To everybody; the number stands first in the payload. */
function frame(number: number, bytes: number): Uint8Array {
  const data = new Uint8Array(bytes)
  data.fill(0xff, 0, 6)
  data.set([2, 0, 0, 0, 0, 1], 6)
  new DataView(data.buffer).setUint16(12, ETHERTYPE)
  data[14] = number
  return data
}

function programFd(object: BpfObject, name: string): number {
  return native.objectPrograms(object).find((program) => program.name === name)?.fd ?? -1
}

function failure(call: () => unknown): string {
  try {
    call()
    return 'no failure'
  } catch (error) {
    return String(error)
  }
}

/** A UDP socket of 127.0.0.1, for tests that need no namespace. */
export function openUdp(): Socket {
  const address = Uint8Array.of(AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
  return native.socketOpen({ domain: AF_INET, type: SOCK_DGRAM, protocol: 0, address })
}
