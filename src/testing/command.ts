// The command line as people start it: a child process, against a real API over a datapath without a kernel.

import test from 'ava'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { serveForTest } from './served-api.ts'
import type { ExecutionContext } from 'ava'
import type { ServedApi, ServedOptions } from './served-api.ts'

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface RunOptions {
  readonly env?: Record<string, string>
  readonly input?: string
}

/** It starts in half the time of main.ts, whose compiled code it keeps. */
export const launcher = join(import.meta.dirname, '../../bin/sluice')

export const sluice = (args: readonly string[], { env = {}, input }: RunOptions = {}): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(launcher, args, {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: 'pipe',
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (part: Buffer) => (out += part.toString()))
    child.stderr.on('data', (part: Buffer) => (err += part.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
    child.stdin.end(input)
  })

type Sluice = (...args: readonly string[]) => Promise<Ended>

export const withDaemon = (
  title: string,
  run: (t: ExecutionContext, sluice: Sluice, served: ServedApi) => Promise<void>,
  options: ServedOptions = {},
): void => {
  test(title, async (t) => {
    const served = await serveForTest(options)
    try {
      await run(t, (...args) => sluice(args, { env: { SLUICE_RUN_DIR: served.runRoot } }), served)
    } finally {
      await served.close()
    }
  })
}
