// The fast path's maps, as answers change them and handlers look into them.

import { isNativeError, native } from '../../../native/load.ts'
import { ResourceError } from '../../lb/datapath.ts'
import { keyTag } from '../../lb/selection/flow-hash.ts'
import * as layout from '../layout.gen.ts'
import { MapChangeError } from './dispatch.ts'
import { flowKeyBytes, flowPair } from './flow-pair.ts'
import type { Encapsulation } from './deliver.ts'
import type { Entry } from './flow-pair.ts'
import type { Expectation } from '../expectations.ts'
import type { Hints } from '../hints.ts'
import type { Lookups, MapChange, NewFlow, NewHint } from './handler.ts'
import type { Flow, FlowKey, Fragment, FragmentKey, HintKey } from '../layout.gen.ts'

export interface KernelMapsOptions {
  readonly fds: Readonly<Record<'flows' | 'fragments' | 'active_flows' | 'live_flows' | 'embryonic', number>>
  /** map settings */
  readonly settings: DataView
  readonly hints: Pick<Hints, 'install' | 'remove'>
  /** Frees a flow as expiry does, whatever its age; given the bytes of its client's key. */
  readonly freeFlow: (client: Uint8Array) => void
  /** Lets an announced connection in; returns why not, in few words. */
  readonly expect?: (expectation: Expectation) => string | null
  /** the kernel's time */
  readonly ticks: () => number
}

const onlyNew = 1

export class KernelMaps implements Lookups {
  readonly #options: KernelMapsOptions
  readonly #activeFlows: BigInt64Array
  readonly #liveFlows: BigInt64Array
  readonly #embryonic: BigInt64Array
  readonly #flow = new Uint8Array(layout.flowSize)
  readonly #fragment = new Uint8Array(layout.fragmentSize)

  constructor(options: KernelMapsOptions) {
    this.#options = options
    const { active_flows: active, embryonic, live_flows: live } = options.fds
    this.#activeFlows = new BigInt64Array(native.mapMemory(active))
    this.#liveFlows = new BigInt64Array(native.mapMemory(live))
    this.#embryonic = new BigInt64Array(native.mapMemory(embryonic))
  }

  /** A freed element is at once used for another key, so the tag is compared. */
  flow(key: FlowKey): Flow | null {
    const bytes = flowKeyBytes(key)
    if (!native.mapLookup(this.#options.fds.flows, bytes, this.#flow)) return null
    const flow = layout.readFlow(new DataView(this.#flow.buffer.slice(0)), 0)
    return flow.tag === keyTag(bytes) ? flow : null
  }

  fragment(key: FragmentKey): Fragment | null {
    return native.mapLookup(this.#options.fds.fragments, fragmentKeyBytes(key), this.#fragment)
      ? layout.readFragment(new DataView(this.#fragment.buffer), 0)
      : null
  }

  encapsulation(): Encapsulation {
    return layout.readSettings(this.#options.settings, 0)
  }

  /** In order. Throws MapChangeError at the first one that a map refuses; those before it stand. */
  change(changes: readonly MapChange[]): void {
    for (const each of changes) this.#one(each)
  }

  #one(change: MapChange): void {
    const { fds, freeFlow, ticks } = this.#options
    switch (change.kind) {
      case 'hint':
        return this.#hint(change.key, change.hint)
      case 'forget-hint':
        this.#options.hints.remove(change.key)
        return
      case 'flow':
        return this.#newFlow(change.client, change.flow)
      case 'forget-flow':
        return freeFlow(flowKeyBytes(change.client))
      case 'fragment': {
        const value = new Uint8Array(layout.fragmentSize)
        layout.writeFragment(new DataView(value.buffer), 0, { ...change.fragment, seen: ticks() })
        return update(fds.fragments, fragmentKeyBytes(change.key), value, 'fragments')
      }
      case 'expect':
        return this.#expect(change.expectation)
      default:
        return change satisfies never
    }
  }

  #expect(expectation: Expectation): void {
    const { expect } = this.#options
    const refusal = expect === undefined ? 'nobody to ask' : expect(expectation)
    if (refusal !== null) throw new MapChangeError(`expectations: ${refusal}`)
  }

  #hint(key: HintKey, hint: NewHint): void {
    try {
      this.#options.hints.install(key, hint)
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error
      throw new MapChangeError('hints: full', { cause: error })
    }
  }

  /** The endpoint's side first, as the fast path does: no answer can come before it. */
  #newFlow(client: FlowKey, flow: NewFlow): void {
    const pair = flowPair(client, flow, this.#options.ticks())
    if (pair.endpointSide !== null) this.#insert(pair.endpointSide)
    try {
      this.#insert(pair.client)
    } catch (error) {
      if (pair.endpointSide !== null) native.mapDelete(this.#options.fds.flows, flowKeyBytes(pair.endpointSide.key))
      throw error
    }
    count(this.#liveFlows, 0)
    count(this.#activeFlows, flow.endpoint)
    const connects = client.protocol === 6 || client.protocol === 132
    if (connects && (flow.state === 'syn_sent' || flow.state === 'syn_received')) count(this.#embryonic, flow.service)
  }

  #insert({ flow, key }: Entry): void {
    const value = new Uint8Array(layout.flowSize)
    layout.writeFlow(new DataView(value.buffer), 0, flow)
    update(this.#options.fds.flows, flowKeyBytes(key), value, 'flows', onlyNew)
  }
}

/** The programs count at the same time. */
const count = (counts: BigInt64Array, at: number): void => {
  if (at < counts.length) Atomics.add(counts, at, 1n)
}

function update(fd: number, key: Uint8Array, value: Uint8Array, map: string, flags = 0): void {
  try {
    native.mapUpdate(fd, key, value, flags)
  } catch (error) {
    if (!isNativeError(error)) throw error
    const reasons: Readonly<Record<string, string>> = { E2BIG: 'full', ENOMEM: 'full', EEXIST: 'taken' }
    throw new MapChangeError(`${map}: ${reasons[error.code] ?? error.code}`, { cause: error })
  }
}

function fragmentKeyBytes(key: FragmentKey): Uint8Array {
  const bytes = new Uint8Array(layout.fragmentKeySize)
  layout.writeFragmentKey(new DataView(bytes.buffer), 0, key)
  return bytes
}
