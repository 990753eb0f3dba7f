// Runs tests on Debian's Linux 6.1, the oldest kernel we support, in a virtual machine:
// `node scripts/vm/main.ts [TEST FILE]...`. Prints TAP: what ava says inside. Where the machine cannot be had, the
// whole lane is one skipped test that says why, or a failed one where SLUICE_REQUIRE names `vm`.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeImage } from './image.ts'
import { cloudKernel, Unavailable, unpack, type Kernel } from './packages.ts'
import { accelerator, emulator, emulatorInstalled, runMachine, type Accelerator, type MachineEnd } from './qemu.ts'

const root = join(import.meta.dirname, '../..')
const work = join(root, 'build/vm')

/** What `npm run test:vm` runs. */
const defaultTests = ['test/bpf/verify.test.ts', 'test/bpf/cases.test.ts', 'test/vm/story.test.ts']

const defaultSeries = '6.1'
/** The maps of the default configuration take more than 1 GiB, and the initramfs is there twice at first. */
const memoryMiB = 4096
const cpus = 2
/** Emulated, all takes three minutes on two idle cores, and as many times longer as others want them too. */
const limitSeconds: Readonly<Record<Accelerator, number>> = { kvm: 300, tcg: 1800 }
const consoleTailLines = 60

async function main(args: readonly string[]): Promise<number> {
  const title = 'the tests on an older kernel, in a virtual machine'
  console.log('TAP version 13')
  try {
    return await run(args.length > 0 ? args : defaultTests)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    const required = (process.env['SLUICE_REQUIRE'] ?? '').split(/[\s,]+/).includes('vm')
    console.log(required ? `not ok 1 - ${title} (${error.message})` : `ok 1 - ${title} (${error.message}) # SKIP`)
    console.log('1..1')
    return required ? 1 : 0
  }
}

async function run(testFiles: readonly string[]): Promise<number> {
  for (const file of testFiles) {
    if (!existsSync(join(root, file))) throw new Error(`there is no test file ${file}`)
  }
  if (process.arch !== 'x64') throw new Unavailable(`the machine is made for x86-64 only, this is ${process.arch}`)
  if (!emulatorInstalled()) throw new Unavailable(`${emulator} is missing (scripts/setup --vm)`)
  mkdirSync(work, { recursive: true })
  sweep()
  const busybox = unpack(work, 'busybox-static')
  const kernel = cloudKernel(work, process.env['SLUICE_VM_KERNEL'] ?? defaultSeries, join(busybox, 'bin/busybox'))
  return boot(testFiles, busybox, kernel)
}

/** What runs that have ended left behind: consoles for people to read, and images of runs that were killed. */
function sweep(): void {
  for (const name of readdirSync(work)) {
    const owner = /^(?:initramfs|console)\.(?<pid>\d+)/.exec(name)?.groups?.['pid']
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) rmSync(join(work, name))
  }
}

async function boot(testFiles: readonly string[], busybox: string, kernel: Kernel): Promise<number> {
  const how = accelerator()
  const initramfs = join(work, `initramfs.${process.pid}`)
  const consoleFile = join(work, `console.${process.pid}.log`)
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.abort())
  let code: number | null = null
  try {
    writeImage(initramfs, {
      root,
      busybox,
      kernel,
      testFiles,
      // What is missing inside is our mistake, never a reason to skip.
      environment: {
        SLUICE_REQUIRE: 'root,bpf,netns,xdp',
        SLUICE_VM: kernel.release,
        SLUICE_SLOWNESS: how === 'tcg' ? '20' : '1',
      },
      limitSeconds: limitSeconds[how],
    })
    console.log(`# ${kernel.release} in qemu with ${how}, ${cpus} CPUs, ${memoryMiB} MiB`)
    const started = Date.now()
    const end = await runMachine(
      {
        accelerator: how,
        kernel: kernel.image,
        initramfs,
        consoleFile,
        memoryMiB,
        cpus,
        limitSeconds: limitSeconds[how] + 10,
        signal: interrupted.signal,
      },
      (line) => {
        const ended = /^# ended (?<code>\d+)$/.exec(line)?.groups?.['code']
        if (ended === undefined) console.log(line)
        else code = Number(ended)
      },
    )
    console.log(`# the machine ran for ${Math.round((Date.now() - started) / 1000)} s`)
    if (code === 0) rmSync(consoleFile, { force: true })
    else report(end, code, how, consoleFile)
    return code ?? 1
  } finally {
    rmSync(initramfs, { force: true })
  }
}

function report(end: MachineEnd, code: number | null, how: Accelerator, consoleFile: string): void {
  const why =
    end.kind === 'too_long'
      ? `the machine was not done in ${limitSeconds[how]} s`
      : end.kind === 'failed'
        ? `qemu failed: ${end.said}`
        : code === null
          ? 'the machine went off before the tests were done'
          : `ava ended with exit code ${code} in the machine`
  const lines = existsSync(consoleFile) ? readFileSync(consoleFile, 'utf8').trimEnd().split(/\r?\n/) : []
  console.error(`${why}; the last lines of its console (all of it: ${consoleFile}):`)
  for (const line of lines.slice(-consoleTailLines)) console.error(`  ${line}`)
}

process.exitCode = await main(process.argv.slice(2))
