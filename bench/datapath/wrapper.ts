// The wrapper programs of bench/bpf: they put the packet back before each run, give it the next flow of an order, and
// call the program under test.

import { join } from 'node:path'
import { native } from '../../native/load.ts'
import type { ReferenceMaps } from './reference.ts'
import type { Hook } from '../../src/datapath/layout.gen.ts'

export const frameBytes = 64
/** XDP_REDIRECT and TC_ACT_REDIRECT */
const redirected = { xdp: 4, tc: 7 } as const

/** Whose place in the frame takes the flow's number: `enum bench_client`. `teid`: that of the tunnel. */
const clients = { none: 0, source: 1, destination: 2, teid: 3 } as const
/** Bytes that are put back in a frame with longer headers. */
export const longFrameBytes = 96
const offsets = { client: 96, flows: 100, next: 104, length: 108 } as const

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

export interface Traffic {
  readonly frame: Uint8Array
  readonly client: keyof typeof clients
  /** flow numbers in the order of their packets; unused where the client is `none` */
  readonly order: Uint32Array
}

export interface Round {
  readonly durationNs: number
  readonly redirected: boolean
  /** the packet after the last run */
  readonly frame: Uint8Array
}

/** Programs and maps of the yardsticks, which run under XDP only. */
export interface Reference {
  /** with one flow, with many, and for the first packet of a flow */
  readonly programs: { readonly one: number; readonly many: number; readonly first: number }
  readonly maps: ReferenceMaps
}

interface HookPrograms {
  readonly wrapper: number
  readonly longWrapper: number
  readonly floor: number
  readonly target: number
}

export class Wrapper {
  readonly #objects: ReturnType<typeof native.objectOpen>[] = []
  readonly #hooks: Readonly<Record<Hook, HookPrograms>>
  readonly #state: DataView
  readonly #order: Uint32Array
  #frame: Uint8Array = new Uint8Array(frameBytes)
  readonly reference: Reference

  constructor(directory: string) {
    const xdp = this.#load(join(directory, 'bench.xdp.o'), new Map())
    const shared = new Map(['bench', 'bench_order'].map((name) => [name, xdp.maps.get(name)!]))
    const tc = this.#load(join(directory, 'bench.tc.o'), shared)
    this.#hooks = { xdp: xdp.hook, tc: tc.hook }
    this.reference = {
      programs: {
        one: xdp.programs.get('bench_reference')!,
        many: xdp.programs.get('bench_reference_many')!,
        first: xdp.programs.get('bench_reference_new')!,
      },
      maps: {
        template: xdp.maps.get('reference_template')!,
        one: xdp.maps.get('reference_one')!,
        many: xdp.maps.get('reference_many')!,
      },
    }
    this.#state = new DataView(native.mapMemory(xdp.maps.get('bench')!))
    this.#order = new Uint32Array(native.mapMemory(xdp.maps.get('bench_order')!))
  }

  floor(hook: Hook): number {
    return this.#hooks[hook].floor
  }

  /** What the next runs are made with. */
  prepare({ frame, client, order }: Traffic): void {
    if (frame.length < frameBytes) throw new Error(`the frame has ${frame.length} bytes, fewer than ${frameBytes}`)
    this.#frame = frame
    new Uint8Array(this.#state.buffer).set(frame.subarray(0, longFrameBytes))
    this.#state.setUint32(offsets.length, frame.length, true)
    this.#state.setUint32(offsets.client, clients[client], true)
    this.#state.setUint32(offsets.flows, order.length, true)
    this.#order.set(order)
    this.rewind()
  }

  /** The next run starts with the first flow of the order. */
  rewind(): void {
    this.#state.setUint32(offsets.next, 0, true)
  }

  run(hook: Hook, program: number, repeat: number, ifindex: number, headers: 'short' | 'long' = 'short'): Round {
    const { wrapper, longWrapper, target } = this.#hooks[hook]
    native.mapUpdate(target, u32(0), u32(program))
    const dataOut = new Uint8Array(4096)
    const { result, dataSize, durationNs } = native.testRun(headers === 'long' ? longWrapper : wrapper, {
      data: this.#frame,
      dataOut,
      context: contexts[hook](ifindex, this.#frame.length),
      repeat,
    })
    return { durationNs, redirected: result === redirected[hook], frame: dataOut.subarray(0, dataSize) }
  }

  close(): void {
    for (const object of this.#objects) native.objectClose(object)
  }

  #load(path: string, shared: ReadonlyMap<string, number>): Opened {
    const object = native.objectOpen(path)
    this.#objects.push(object)
    for (const [name, fd] of shared) native.objectReuseMap(object, name, fd)
    native.objectLoad(object)
    const maps = new Map(native.objectMaps(object).map(({ name, fd }) => [name, fd]))
    const programs = new Map(native.objectPrograms(object).map(({ name, fd }) => [name, fd]))
    const hook = {
      wrapper: programs.get('bench_wrapper')!,
      longWrapper: programs.get('bench_wrapper_long')!,
      floor: programs.get('bench_floor')!,
      target: maps.get('bench_target')!,
    }
    return { maps, programs, hook }
  }
}

interface Opened {
  readonly maps: ReadonlyMap<string, number>
  readonly programs: ReadonlyMap<string, number>
  readonly hook: HookPrograms
}

/** The program's context: where the packet came in. */
const contexts: Readonly<Record<Hook, (ifindex: number, bytes: number) => Uint8Array>> = {
  // struct xdp_md: data_end at 4, ingress_ifindex at 12
  xdp: (ifindex, bytes) => new Uint8Array(Uint32Array.of(0, bytes, 0, ifindex, 0, 0).buffer),
  // struct __sk_buff: ingress_ifindex at 36, ifindex at 40
  tc: (ifindex) => new Uint8Array(Uint32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, ifindex, ifindex, 0).buffer),
}
