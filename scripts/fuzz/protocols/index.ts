// The readers of protocols and captures, with inputs that nobody thought of. Each subject has a thread of its own: one
// that does not end, or takes too much memory, is ended and reported with the input it was at.

import { createHash, randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Worker } from 'node:worker_threads'
import { drawFrom } from '../../../test/bpf/random/draw.ts'
import { readCount, readOptions, UsageError, type Target } from '../target.ts'
import { Board } from './board.ts'
import { subjectNames, subjectOf } from './subjects.ts'
import type { Report, Task } from './worker.ts'

const root = join(import.meta.dirname, '../../..')
const findings = join(root, 'build/fuzz/findings')

/** on one input, on a machine that does other things too */
const defaultHangMs = 20_000
const lookMs = 250
const heapMegabytes = 768

export const protocolPlugins: Target = {
  usage: '[--seconds N] [--only NAME] [--seed N] [--input FILE --only NAME]',
  run: async (args) => {
    const { input, only, seconds, seed } = readOptions(args, ['seconds', 'only', 'seed', 'input'])
    const names = subjectNames.filter((name) => only === null || name === only)
    if (names.length === 0) throw new UsageError(`there is no subject ${only}; there are ${subjectNames.join(', ')}`)
    if (input !== null) {
      if (names.length !== 1) throw new UsageError('--input needs --only: whose input is it?')
      return runAgain(names[0]!, input)
    }
    const each = Math.max(1, Math.round(readCount(seconds ?? '60') / names.length))
    const start = seed === null ? randomInt(2 ** 31) : readCount(seed)
    console.log(`seed ${start}`)
    let code = 0
    for (const name of names) {
      const report = await fuzzSubject(name, { seconds: each, inputs: Infinity, seed: start })
      console.log(`${name}: ${textOf(report)}`)
      if (report.kind === 'done') continue
      console.error(kept(name, report.input))
      code = 1
    }
    return code
  },
}

function textOf(report: Report): string {
  if (report.kind === 'finding') return `FOUND after ${report.inputs} inputs: ${report.problem}`
  const { accepted, inputs, ways } = report
  return `${inputs} inputs, ${Math.round((accepted / inputs) * 100)} % of them accepted, read in ${ways} ways`
}

/** Writes an input down, and says how to run it again. */
function kept(name: string, input: Uint8Array): string {
  mkdirSync(findings, { recursive: true })
  const digest = createHash('sha256').update(input).digest('hex').slice(0, 12)
  const file = join(findings, `${name}-${digest}.hex`)
  writeFileSync(
    file,
    `${(
      Buffer.from(input)
        .toString('hex')
        .match(/.{1,80}/g) ?? []
    ).join('\n')}\n`,
  )
  const path = relative(root, file)
  return `found: ${path}\nto run it again: npm run fuzz -- protocols --only ${name} --input ${path}`
}

async function runAgain(name: string, file: string): Promise<number> {
  const bytes = Buffer.from(readFileSync(file, 'utf8').replaceAll(/\s/g, ''), 'hex')
  const subject = await subjectOf(name)
  const way = subject.check(bytes, drawFrom(1))
  console.log(`${bytes.length} bytes, read as ${way}`)
  return 0
}

/** Fuzzes in a thread of its own, which this one watches. */
export function fuzzSubject(
  subject: string,
  how: Omit<Task, 'subject' | 'board'>,
  hangMs = defaultHangMs,
): Promise<Report> {
  const memory = Board.memory()
  const board = new Board(memory)
  const workerData: Task = { ...how, subject, board: memory }
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
  })
  return new Promise((resolve, reject) => {
    let [last, since] = [0, Date.now()]
    const finding = (problem: string): void =>
      resolve({ kind: 'finding', problem, input: board.input, inputs: board.count })
    const watch = setInterval(() => {
      const { count } = board
      if (count !== last || count === 0) [last, since] = [count, Date.now()]
      else if (Date.now() - since > hangMs) {
        finding(`does not end: ${hangMs} ms on one input`)
        void worker.terminate()
      }
    }, lookMs)
    worker.on('message', resolve)
    worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') finding(`takes more than ${heapMegabytes} MB`)
      else reject(error)
    })
    worker.on('exit', (code) => {
      clearInterval(watch)
      reject(new Error(`the thread of ${subject} ended with ${code} and no report`))
    })
  })
}
