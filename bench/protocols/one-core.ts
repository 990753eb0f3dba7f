// Programs on one core, and how long they take.

import { spawn, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'

export interface Ended {
  readonly code: number
  readonly seconds: number
  readonly out: string
  readonly err: string
}

const mostKept = 1 << 20

/** Runs a program bound to the last CPU. Of what it prints the beginning is kept, or nothing. */
export function onOneCore(command: readonly string[], wanted: 'output' | 'time'): Promise<Ended> {
  const started = performance.now()
  const child = spawn('taskset', ['-c', String(availableParallelism() - 1), ...command], {
    stdio: ['ignore', wanted === 'output' ? 'pipe' : 'ignore', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    if (out.length < mostKept) out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (err.length < mostKept) err += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, seconds: (performance.now() - started) / 1000, out, err }))
  })
}

/** What tshark needs to read a file and print one field; null where tshark is missing. */
export async function tsharkSeconds(path: string, field: string): Promise<number | null> {
  if (spawnSync('tshark', ['--version']).status !== 0) return null
  const { code, err, seconds } = await onOneCore(['tshark', '-n', '-r', path, '-T', 'fields', '-e', field], 'time')
  if (code !== 0) throw new Error(`tshark ended with ${code}: ${err}`)
  return seconds
}
