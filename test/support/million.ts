// A table of the default size full of flows, in the thread of a lab host: made by packets that pass the TC program, and
// freed by the daemon's own expiry, over a clock that the test moves.

import { readFileSync } from 'node:fs'

import { native } from '../../native/load.ts'
import { parse } from '../../src/config/parse.ts'
import { ExpiryProgram } from '../../src/datapath/expiry-program.ts'
import { Expiry } from '../../src/datapath/expiry.ts'
import { FlowReader } from '../../src/datapath/flow-reader.ts'
import {
  flowFlags,
  flowKeyOffsets,
  flowKeySize,
  flowOffsets,
  flowSize,
  flowStateNames,
  settingsOffsets,
  type FlowState,
} from '../../src/datapath/layout.gen.ts'
import { stepsPerWalk, timeoutTicks, writeSettings } from '../../src/datapath/settings.ts'
import { Status } from '../../src/datapath/status.ts'
import type { ServiceStatus, Verdicts } from '../../src/lb/datapath.ts'
import type { Service } from '../../src/lb/model.ts'
import { SmallMaps } from '../../src/testing/datapath/small-maps.ts'
import { buildFrame } from '../../src/testing/packets.ts'
import { skbContext } from '../../src/datapath/test-run.ts'

/** What the daemon is started with, where the file says nothing. */
const config = parse('version: 1\ninterfaces: [{ name: any }]\n')
const stepMs = 250
/** Kernel ticks a second, as SmallMaps has them. */
const ticksPerSecond = 100

/** Client n: its number stands in the lower bits of the address and in the port, which are zero in a template. */
const anyClient = '10.64.0.0:0'
/** All clients. */
export const clientPrefix = '10.64.0.0/10'
const portBits = 15
const portMask = (1 << portBits) - 1
const firstPort = 0x8000
/** Where they stand in a frame: an address by its lower half. */
const at = { ipChecksum: 24, source: 28, destination: 32, sourcePort: 34, destinationPort: 36 } as const
const transportChecksum = { tcp: 50, udp: 40 } as const

export interface Conversation {
  readonly kind: 'tcp' | 'udp'
  readonly vip: string
  readonly endpoint: string
  /** one packet each, by who sends it; of UDP the flags do not count */
  readonly packets: readonly (readonly ['client' | 'server', string])[]
}

interface Walk {
  readonly freed: number
  readonly steps: number
  readonly processorMs: number
  readonly longestStepMs: number
  /** share of a core, when the steps come as the daemon makes them */
  readonly share: number
}

export interface Million {
  /** the conversation of each client of a range that `every` divides */
  talk(conversation: Conversation, first: number, count: number, every?: number): void
  addSeconds(seconds: number): void
  /** Steps of expiry until it has come to the end of the table once more. */
  walk(): Walk
  /** client entries by service port and state: how many, and whether `every` divides all their clients' numbers */
  held(every: number): Readonly<Record<string, readonly [count: number, divided: boolean]>>
  entries(): number
  /** flows that live, as the fast path counts them */
  live(): number
  services(): readonly ServiceStatus[]
  verdicts(): Verdicts
  /** bytes of kernel memory that the table takes for each flow it has room for */
  bytesPerFlow(): number
  close(): void
}

const fold = (sum: number): number => {
  let folded = sum
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return folded
}

/** A checksum after words that were zero have become others. */
const patched = (checksum: number, added: number): number => ~fold((~checksum & 0xffff) + added) & 0xffff

class Table implements Million {
  readonly #maps: SmallMaps
  readonly #status: Status
  readonly #expiry: Expiry
  #ticks = 1_000_000

  constructor(services: readonly Service[]) {
    this.#maps = new SmallMaps({ hooks: true, sizes: { flows: config.limits.flows }, egress: () => '10.2.0.1' })
    const { loaded, memory } = this.#maps
    writeSettings(memory.settings, {
      timeouts: config.timeouts,
      portRange: config.snat.ports,
      events: false,
      ticksPerSecond,
      flowsAdmitted: 0,
      seidsAdmitted: 0,
      encapsulation: config.encapsulation,
    })
    this.addSeconds(0)
    this.#maps.add(...services)
    this.#status = new Status(loaded.fds, this.#maps.services)
    this.#expiry = new Expiry({
      flowsFd: loaded.fds.flows,
      program: new ExpiryProgram({ program: loaded.programs.expire, request: memory.expireRequest }),
      stepsPerWalk: stepsPerWalk(config.timeouts, stepMs),
      expireKeys: memory.expireKeys,
      timeoutTicks: (state, id) => timeoutTicks(memory.settings, memory.serviceIdle, state, id),
      dropEndpoints: () => new Set(),
    })
  }

  talk({ kind, vip, endpoint, packets }: Conversation, first: number, count: number, every = 1): void {
    const { programs } = this.#maps.loaded
    const frames = packets.map(([sender, flags]) => {
      const fromClient = sender === 'client'
      const ends = fromClient ? { from: anyClient, to: vip } : { from: endpoint, to: anyClient }
      const data = buildFrame(kind === 'tcp' ? { kind, ...ends, flags } : { kind, ...ends })
      const view = new DataView(data.buffer, data.byteOffset)
      const context = skbContext(native.interfaceIndex(sender))
      const [ip, transport] = [view.getUint16(at.ipChecksum), view.getUint16(transportChecksum[kind])]
      const [address, port] = fromClient ? [at.source, at.sourcePort] : [at.destination, at.destinationPort]
      return { data, view, context, ip, transport, address, port }
    })
    for (let number = Math.ceil(first / every) * every; number < first + count; number += every) {
      const [address, port] = [number >> portBits, firstPort | (number & portMask)]
      for (const frame of frames) {
        frame.view.setUint16(frame.address, address)
        frame.view.setUint16(frame.port, port)
        frame.view.setUint16(at.ipChecksum, patched(frame.ip, address))
        frame.view.setUint16(transportChecksum[kind], patched(frame.transport, address + port))
        native.testRun(programs.tc, frame)
      }
    }
  }

  addSeconds(seconds: number): void {
    this.#ticks += seconds * ticksPerSecond
    this.#maps.memory.settings.setBigUint64(settingsOffsets.replayNow, BigInt(this.#ticks), true)
  }

  walk(): Walk {
    const [walks, expired, before] = [this.#expiry.walks, this.#expiry.expired, process.threadCpuUsage()]
    let [steps, longestStepMs] = [0, 0]
    for (; this.#expiry.walks === walks; steps++) {
      const startedAt = performance.now()
      this.#expiry.step()
      longestStepMs = Math.max(longestStepMs, performance.now() - startedAt)
    }
    const { user, system } = process.threadCpuUsage(before)
    const processorMs = (user + system) / 1000
    return {
      freed: this.#expiry.expired - expired,
      steps,
      processorMs,
      longestStepMs,
      share: processorMs / (steps * stepMs),
    }
  }

  held(every: number): Readonly<Record<string, readonly [number, boolean]>> {
    const found = new Map<string, [number, boolean]>()
    for (const reader of this.#batches()) {
      for (let index = 0; index < reader.count; index++) {
        const [key, value] = [index * flowKeySize, index * flowSize]
        if ((reader.values.getUint8(value + flowOffsets.flags) & flowFlags.reverse) !== 0) continue
        const state: FlowState = flowStateNames[reader.values.getUint8(value + flowOffsets.state)] ?? 'none'
        const name = `${reader.keys.getUint16(key + flowKeyOffsets.destinationPort)} ${state}`
        const address = reader.keys.getUint16(key + flowKeyOffsets.source + 14)
        const number = (address << portBits) | (reader.keys.getUint16(key + flowKeyOffsets.sourcePort) & portMask)
        const [count, divided] = found.get(name) ?? [0, true]
        found.set(name, [count + 1, divided && number % every === 0])
      }
    }
    return Object.fromEntries([...found].toSorted(([a], [b]) => a.localeCompare(b)))
  }

  entries(): number {
    let entries = 0
    for (const { count } of this.#batches()) entries += count
    return entries
  }

  live(): number {
    const value = new Uint8Array(8)
    native.mapLookup(this.#maps.loaded.fds.live_flows, new Uint8Array(4), value)
    return Number(new BigInt64Array(value.buffer)[0])
  }

  services(): readonly ServiceStatus[] {
    return this.#status.services()
  }

  verdicts(): Verdicts {
    return this.#status.verdicts()
  }

  bytesPerFlow(): number {
    const text = readFileSync(`/proc/self/fdinfo/${this.#maps.loaded.fds.flows}`, 'utf8')
    return Number(/^memlock:\s+(\d+)$/m.exec(text)?.[1]) / config.limits.flows
  }

  close(): void {
    this.#maps.close()
  }

  *#batches(): Generator<{ readonly count: number; readonly keys: DataView; readonly values: DataView }> {
    const reader = new FlowReader(this.#maps.loaded.fds.flows)
    for (let done = false; !done;) {
      const batch = reader.next()
      yield { count: batch.count, keys: reader.keys, values: reader.values }
      done = batch.done
    }
  }
}

/** Methods that can be called without their object, as the lab does. */
export const openMillion = (services: readonly Service[]): Million => {
  const table = new Table(services)
  return {
    talk: (...args) => table.talk(...args),
    addSeconds: (seconds) => table.addSeconds(seconds),
    walk: () => table.walk(),
    held: (every) => table.held(every),
    entries: () => table.entries(),
    live: () => table.live(),
    services: () => table.services(),
    verdicts: () => table.verdicts(),
    bytesPerFlow: () => table.bytesPerFlow(),
    close: () => table.close(),
  }
}
