// `replay`: a capture through the real programs and the real slow path, and what came of it.

import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig } from '../../config/parse.ts'
import { CannotReplayError, goldenText, reportText, startReplay } from '../../datapath/replay/index.ts'
import { isProxied } from '../../lb/proxied.ts'
import { CliError, usage } from '../errors.ts'
import { lineDifference } from '../line-difference.ts'
import { printData } from '../output.ts'
import { Progress } from '../progress.ts'
import type { Config } from '../../config/schema.ts'
import type { Replaying, ReplayOptions, Report } from '../../datapath/replay/index.ts'
import type { GlobalOptions } from '../context.ts'
import type { Io } from '../io.ts'
import type { ReplayFlags } from '../replay-flags.ts'

type Options = GlobalOptions & ReplayFlags

const thread = new URL('../../replay-thread.ts', import.meta.url)
const objects = join(import.meta.dirname, '../../../build')
const interruptedExitCode = 130
/** In a capture each frame has a header of 16 bytes, and no shorter one is replayed. */
const shortestRecord = 16 + 15
const gzipMagic = 0x1f8b

interface Capture {
  readonly path: string
  /** bytes of the file; 0: nobody knows */
  readonly size: number
  readonly mostFrames: number
  /** False: it can be read once. */
  readonly isFile: boolean
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

const look = async (path: string): Promise<Capture> => {
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw usage(`${path} is a directory`)
    if (!found.isFile()) return { path, size: 0, mostFrames: Infinity, isFile: false }
    const mostFrames = (await isPacked(path)) ? Infinity : Math.ceil(found.size / shortestRecord)
    return { path, size: found.size, mostFrames, isFile: true }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw usage(`there is no file ${path}`)
    throw error
  }
}

const isPacked = async (path: string): Promise<boolean> => {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer.readUInt16BE() === gzipMagic
  } finally {
    await file.close()
  }
}

const refuseFlags = ({ frames, golden, output, update }: Options): void => {
  if (update !== undefined && golden === undefined) throw usage('--update writes the file of --golden: name it')
  if (frames !== undefined && ['json', 'yaml'].includes(output))
    throw usage('--frames is text: leave -o out, or write the frames by --write')
}

/** What peers say of themselves late in a capture, proxies must hear from its start. */
const refuseOnceOnly = ({ isFile }: Capture, { services }: Config): void => {
  const proxied = services.find(isProxied)
  if (proxied !== undefined && !isFile)
    throw usage(`service ${proxied.name} is of mode proxy, for which a capture is read twice: write it to a file`)
}

/** Throws for an address that is no VIP. */
const aliasesOf = ({ vip = [] }: Options, { services }: Config): ReplayOptions['aliases'] => {
  const vips = new Set(services.flatMap(({ address, secondary }) => [address, ...secondary]))
  for (const { vip: wanted } of vip)
    if (!vips.has(wanted))
      throw usage(`--vip: ${wanted} is no VIP of the configuration, which has ${[...vips].join(', ') || 'none'}`)
  return vip
}

const optionsOf = (capture: Capture, config: Config, options: Options, write: string | null): ReplayOptions => ({
  objects,
  file: capture.path,
  mostFrames: capture.mostFrames,
  config: {
    services: config.services,
    sizes: config.limits,
    timeouts: config.timeouts,
    portRange: config.snat.ports,
    encapsulation: config.encapsulation,
    seed: config.selection.seed,
  },
  hook: options.hook,
  seed: options.seed,
  addresses: options.address ?? [],
  mtu: options.mtu,
  rewriteChecksums: options.rewriteChecksums ?? false,
  aliases: aliasesOf(options, config),
  write,
  lines: options.frames ?? options.golden !== undefined,
})

export const replay = async (io: Io, file: string, options: Options): Promise<void> => {
  refuseFlags(options)
  const config = await readConfig(options.config)
  const capture = await look(file === '-' ? '/dev/stdin' : file)
  refuseOnceOnly(capture, config)
  const golden = options.golden === undefined || options.update ? null : await readGolden(options.golden)
  // Whoever interrupts us finds the file as it was before.
  const unfinished = options.write === undefined ? null : `${options.write}.${process.pid}.part`
  const lines: string[] = []
  const report = await run(capture, optionsOf(capture, config, options, unfinished), (more) => {
    if (options.frames) io.out(more.map((line) => `${line}\n`).join(''))
    if (options.golden !== undefined) lines.push(...more)
  }).catch(async (error: unknown) => {
    if (unfinished !== null) await rm(unfinished, { force: true })
    throw error
  })
  if (unfinished !== null && options.write !== undefined) await rename(unfinished, options.write)
  if (!(await printData(io, report, options.output))) io.out(reportText(report))
  if (options.golden !== undefined) {
    const text = goldenText(report, lines)
    if (golden === null) await writeFile(options.golden, text)
    else compare(io, options.golden, golden, text)
  }
  if (report.problem !== null) throw new CliError(`${file}: ${report.problem}`, 1)
}

const readGolden = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw usage(`there is no file ${path}: --update writes it`)
    throw error
  }
}

const run = async (
  capture: Capture,
  options: ReplayOptions,
  onLines: (lines: readonly string[]) => void,
): Promise<Report> => {
  const progress = new Progress({ stream: process.stderr, total: capture.size, now: Date.now })
  let readBytes = 0
  const replaying = startReplay(thread, options, {
    progress: (bytes, frames) => {
      progress.add(bytes - readBytes)
      readBytes = bytes
      progress.show(`${frames} frames`)
    },
    lines: (lines) => {
      progress.clear()
      onLines(lines)
    },
  })
  try {
    return await untilInterrupted(replaying)
  } catch (error) {
    if (!(error instanceof CannotReplayError)) throw error
    const hint =
      process.geteuid?.() === 0 ? '' : '\nreplay runs real BPF programs in a network of its own: run it as root'
    throw new CliError(`${error.message}${hint}`, 2, { cause: error })
  } finally {
    progress.clear()
  }
}

const untilInterrupted = async (replaying: Replaying): Promise<Report> => {
  let interrupted = false
  const stop = (): void => {
    interrupted = true
    void replaying.stop()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  try {
    return await replaying.report
  } catch (error) {
    throw interrupted ? new CliError('interrupted: nothing was written', interruptedExitCode, { cause: error }) : error
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop)
  }
}

const compare = (io: Io, path: string, golden: string, text: string): void => {
  const difference = lineDifference(golden, text)
  if (difference.length === 0) return
  io.out(`\n--- ${path}\n+++ this replay\n`)
  for (const line of difference) {
    const style = line.startsWith('-') ? 'red' : line.startsWith('+') ? 'green' : null
    io.out(`${style === null ? line : io.style('out', style, line)}\n`)
  }
  throw new CliError(`the replay differs from ${path}; --update takes it over`, 1)
}
