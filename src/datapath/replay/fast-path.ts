// The real programs, one frame at a time, and what they told of it. They were loaded with `explain`, as by `sluice
// explain`, so that they tell each packet's steps into memory that is shared with us.
//
// Under the hook `xdp` a frame that XDP passes on meets the TC program next, unchanged, as it does in the kernel: what
// that says is what becomes of it.

import { isNativeError, native } from '../../../native/load.ts'
import {
  flowKeySize,
  flowOffsets,
  flowSize,
  hintKeyOffsets,
  traceOffsets,
  traceSize,
  traceStep,
  verdict as verdicts,
} from '../layout.gen.ts'
import { setFrameBytes, skbContext, xdpContext } from '../test-run.ts'
import type { Hook } from '../layout.gen.ts'
import type { Loaded } from '../maps.ts'

/** What encapsulation puts in front, and more. */
const roomForHeaders = 256
const xdpPass = 2

/** One and the same object for all frames. */
export interface Outcome {
  /** number of the verdict of the program that finished the frame */
  verdict: number
  /** number of XDP's verdict on what it has handed on; 0: TC alone, or XDP alone has had it */
  handedOn: number
  /** ids; 0: not known, or none */
  service: number
  endpoint: number
  newFlow: boolean
  /** as it leaves; valid until the next run. Null: it does not */
  out: Uint8Array | null
}

interface Stage {
  readonly program: number
  /** map trace_steps */
  readonly steps: DataView
  /** map trace_count */
  readonly count: Uint32Array
  /** One and the same for all frames: a hundred thousand a second would each make one. */
  readonly run: { data: Uint8Array; readonly dataOut: Uint8Array; readonly context: Uint8Array; readonly repeat: 1 }
}

export interface FastPathOptions {
  /** loaded with `explain` */
  readonly loaded: Loaded
  readonly hook: Hook
  readonly ifindex: number
  /** bytes of the longest frame */
  readonly longest: number
}

export class FastPath {
  readonly #options: FastPathOptions
  readonly #stages: Readonly<Record<Hook, Stage>>
  readonly #out: Uint8Array
  /** without a look into the addon for each frame */
  readonly #testRun = native.testRun
  readonly #flow = new Uint8Array(flowSize)
  readonly #outcome: Outcome = { verdict: 0, handedOn: 0, service: 0, endpoint: 0, newFlow: false, out: null }
  /** The flow that was found, of which the steps do not say whose it is. */
  readonly #found = new Uint8Array(flowKeySize)

  constructor(options: FastPathOptions) {
    const { ifindex, loaded, longest } = options
    this.#options = options
    const dataOut = new Uint8Array(longest + roomForHeaders)
    const stage = (hook: Hook, context: Uint8Array): Stage => {
      const maps = loaded.traces![hook]
      return {
        program: loaded.programs[hook],
        steps: new DataView(native.mapMemory(maps.steps)),
        count: new Uint32Array(native.mapMemory(maps.count)),
        run: { data: dataOut, dataOut, context, repeat: 1 },
      }
    }
    this.#stages = { xdp: stage('xdp', xdpContext(ifindex, 0)), tc: stage('tc', skbContext(ifindex)) }
    this.#out = dataOut
  }

  /** Null: the kernel refuses to run a program on such a frame. */
  run(frame: Uint8Array): Outcome | null {
    try {
      return this.#runBoth(frame)
    } catch (error) {
      if (isNativeError(error) && error.code === 'EINVAL') return null
      throw error
    }
  }

  #runBoth(frame: Uint8Array): Outcome {
    const outcome = this.#outcome
    outcome.handedOn = 0
    if (this.#options.hook === 'xdp') {
      setFrameBytes(this.#stages.xdp.run.context, frame.length)
      if (this.#run('xdp', frame) !== xdpPass) return outcome
      outcome.handedOn = outcome.verdict
    }
    this.#run('tc', frame)
    return outcome
  }

  /** Returns the program's action. */
  #run(hook: Hook, data: Uint8Array): number {
    const stage = this.#stages[hook]
    stage.count[0] = 0
    stage.run.data = data
    const { dataSize, result } = this.#testRun(stage.program, stage.run)
    this.#read(stage)
    const outcome = this.#outcome
    outcome.out = outcome.verdict === verdicts.forward ? this.#out.subarray(0, dataSize) : null
    return result
  }

  #read({ count, steps }: Stage): void {
    const outcome = this.#outcome
    outcome.verdict = verdicts.drop_internal
    outcome.service = 0
    outcome.endpoint = 0
    outcome.newFlow = false
    let foundAt = -1
    const told = count[0]!
    for (let step = 0, at = 0; step < told; step++, at += traceSize) {
      const found = steps.getUint8(at + traceOffsets.found) !== 0
      const value = steps.getUint32(at + traceOffsets.value, true)
      switch (steps.getUint8(at + traceOffsets.step)) {
        case traceStep.flow:
          if (found) foundAt = at + traceOffsets.data
          break
        case traceStep.service:
          if (found) outcome.service = value
          foundAt = -1
          break
        case traceStep.session:
          outcome.service = steps.getUint32(at + traceOffsets.data + hintKeyOffsets.service, true)
          break
        case traceStep.selected:
          if (found) outcome.endpoint = value
          break
        case traceStep.inserted:
          outcome.newFlow = !found
          break
        case traceStep.translated:
          outcome.service = steps.getUint32(at + traceOffsets.service, true)
          outcome.endpoint = steps.getUint32(at + traceOffsets.endpoint, true)
          foundAt = -1
          break
        case traceStep.verdict:
          outcome.verdict = value
          break
        default:
      }
    }
    if (foundAt >= 0) this.#ask(steps, foundAt)
  }

  /** Whose the flow is whose packet was not translated: dropped, or left to user space. */
  #ask(steps: DataView, at: number): void {
    const { fds } = this.#options.loaded
    this.#found.set(new Uint8Array(steps.buffer, at, flowKeySize))
    if (!native.mapLookup(fds.flows, this.#found, this.#flow)) return
    const view = new DataView(this.#flow.buffer)
    this.#outcome.service = view.getUint32(flowOffsets.service, true)
    this.#outcome.endpoint = view.getUint32(flowOffsets.endpoint, true)
  }
}
