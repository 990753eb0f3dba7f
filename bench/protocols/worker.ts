// The process that measures one decoder: `worker.ts ROW ROUNDS MILLISECONDS`. Prints messages a second of each round. A
// process of its own, so that what the compiler has learned from other rows does not count.

import { performance } from 'node:perf_hooks'
import { decoderRows } from './decoders.ts'

/** So many messages, each in a buffer of its own, one after the other: more than the nearest cache holds. */
const messagesOfRun = 1024
const warmUpMs = 500

async function measure(name: string, rounds: number, roundMs: number): Promise<readonly number[]> {
  const row = decoderRows.find((each) => each.name === name)
  if (row === undefined) throw new Error(`there is no row ${name}`)
  const kinds = await row.messages()
  const messages = Array.from({ length: messagesOfRun }, (_, at) => new Uint8Array(kinds[at % kinds.length]!))
  let sum = 0
  const runFor = (milliseconds: number): number => {
    const started = performance.now()
    let count = 0
    let elapsed = 0
    while ((elapsed = performance.now() - started) < milliseconds) {
      sum += row.run(messages)
      count += messages.length
    }
    return (count * 1000) / elapsed
  }
  runFor(warmUpMs)
  const perSecond = Array.from({ length: rounds }, () => Math.round(runFor(roundMs)))
  if (!Number.isFinite(sum)) throw new Error('nothing was measured')
  return perSecond
}

const [name = '', rounds = '5', roundMs = '1000'] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await measure(name, Number(rounds), Number(roundMs)))}\n`)
