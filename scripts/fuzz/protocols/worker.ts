// The thread that fuzzes one subject. Before each input it is put where the main thread sees it: whatever becomes of
// this thread, what it was at is known.

import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { drawFrom, pick, type Draw } from '../../../test/bpf/random/draw.ts'
import { mutate, shortest } from './mutate.ts'
import { Board } from './board.ts'
import { Broken, mustHold, type Subject } from './subject.ts'
import { subjectOf } from './subjects.ts'

export interface Task {
  readonly subject: string
  readonly seed: number
  /** Whichever comes first; null: the inputs alone decide, so that a run can be repeated. */
  readonly seconds: number | null
  readonly inputs: number
  readonly board: SharedArrayBuffer
}

export type Report =
  | { readonly kind: 'done'; readonly inputs: number; readonly accepted: number; readonly ways: number }
  | { readonly kind: 'finding'; readonly problem: string; readonly input: Uint8Array; readonly inputs: number }

/** Inputs that are read in a new way are kept, up to so many. */
const mostKept = 5000
const mostKeptBytes = 8192
/** milliseconds for the longest input, on a machine that does other things too: the quickest of some tries counts */
const slowMs = 150
const tries = 4
const mostBufferBytes = 512 << 20
const inputsBetweenLooks = 2048

/** What is wrong with an input, or how it is read. */
function verdict(
  subject: Subject,
  bytes: Uint8Array,
  draw: Draw,
): { readonly problem: string | null; readonly way: string } {
  try {
    const started = performance.now()
    const way = subject.check(bytes, draw)
    if (performance.now() - started > slowMs) checkSpeed(subject, bytes, draw)
    return { problem: null, way }
  } catch (error) {
    if (error instanceof Broken) return { problem: error.message, way: '' }
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error), way: '' }
  }
}

function checkSpeed(subject: Subject, bytes: Uint8Array, draw: Draw): void {
  let best = Infinity
  for (let i = 0; i < tries; i++) {
    const started = performance.now()
    subject.check(bytes, draw)
    best = Math.min(best, performance.now() - started)
  }
  mustHold(best <= slowMs, `${bytes.length} bytes take ${Math.round(best)} ms`)
}

function fuzz(subject: Subject, { board: memory, inputs, seconds, seed }: Task): Report {
  const board = new Board(memory)
  const draw = drawFrom(seed)
  const corpus = [...subject.seeds]
  const ways = new Set<string>()
  const end = seconds === null ? Infinity : performance.now() + seconds * 1000
  let count = 0
  let accepted = 0
  const next = (): Uint8Array => {
    const seedInput = subject.seeds[count]
    if (seedInput !== undefined) return seedInput
    const bytes = mutate(draw, pick(draw, corpus), corpus)
    if (draw(2) === 0) subject.mend?.(bytes)
    return bytes
  }
  for (; count < Math.max(inputs, subject.seeds.length) && performance.now() < end; count++) {
    const bytes = next()
    board.show(bytes, count + 1)
    const found = (problem: string, input: Uint8Array): Report => ({
      kind: 'finding',
      problem,
      input,
      inputs: count + 1,
    })
    const { problem, way } = verdict(subject, bytes, draw)
    if (problem !== null) return found(problem, shortestOf(subject, bytes, problem))
    if (!way.startsWith('!')) accepted++
    if (ways.size < mostKept && !ways.has(way)) {
      ways.add(way)
      if (bytes.length <= mostKeptBytes) corpus.push(bytes)
    }
    if (count % inputsBetweenLooks === 0 && process.memoryUsage().arrayBuffers > mostBufferBytes)
      return found(`byte strings of more than ${mostBufferBytes} bytes are held`, bytes)
  }
  return { kind: 'done', inputs: count, accepted, ways: ways.size }
}

/** A problem is the same when its first words are: the rest has bytes and places. */
const gist = (problem: string): string => problem.slice(0, 24)

function shortestOf(subject: Subject, bytes: Uint8Array, problem: string): Uint8Array {
  const draw = drawFrom(1)
  return shortest(bytes, (shorter) => {
    const { problem: other } = verdict(subject, shorter, draw)
    return other !== null && gist(other) === gist(problem)
  })
}

if (parentPort !== null) {
  const task = workerData as Task
  const subject = await subjectOf(task.subject)
  parentPort.postMessage(fuzz(subject, task))
}
