// Runs the virtual machine: the command line of qemu, what it says on its second serial line, and its end.

import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

export const emulator = 'qemu-system-x86_64'

export type Accelerator = 'kvm' | 'tcg'

export interface MachineOptions {
  readonly accelerator: Accelerator
  readonly kernel: string
  readonly initramfs: string
  /** what the kernel and its first process say goes to this file */
  readonly consoleFile: string
  readonly memoryMiB: number
  readonly cpus: number
  readonly limitSeconds: number
  /** ends the machine */
  readonly signal: AbortSignal
}

/**
 * KVM where the processor has it. The device alone proves nothing: a machine in a cloud may have /dev/kvm and no
 * virtualization to offer, and a guest then never gets to its first instruction.
 */
export function accelerator(): Accelerator {
  if (!/^flags\s*:.*\b(?:vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))) return 'tcg'
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return 'kvm'
  } catch {
    return 'tcg'
  }
}

export function emulatorInstalled(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, emulator)))
}

/**
 * Where qemu 7.2 emulates several processors in as many threads, Node ends with SIGSEGV in every second run, with any
 * processor model; in one thread it does not. To be tried again when Debian 12 is dropped. The model is a plain one,
 * since instructions for vectors are what an emulator is slowest at.
 */
const processors: Readonly<Record<Accelerator, readonly (readonly string[])[]>> = {
  kvm: [
    ['-accel', 'kvm'],
    ['-cpu', 'host'],
  ],
  tcg: [
    ['-accel', 'tcg,thread=single'],
    ['-cpu', 'Nehalem'],
  ],
}

export function commandLine(options: Omit<MachineOptions, 'signal' | 'limitSeconds'>): readonly string[] {
  const switches = ['-nodefaults', '-no-reboot']
  const pairs = [
    ...processors[options.accelerator],
    ['-m', String(options.memoryMiB)],
    ['-smp', String(options.cpus)],
    ['-display', 'none'],
    ['-chardev', `file,id=console,path=${options.consoleFile}`],
    ['-serial', 'chardev:console'],
    ['-chardev', 'stdio,id=results,signal=off'],
    ['-serial', 'chardev:results'],
    ['-kernel', options.kernel],
    ['-initrd', options.initramfs],
    // A machine for tests has nothing to protect from itself; a panic ends it.
    ['-append', 'console=ttyS0 panic=-1 oops=panic mitigations=off'],
  ]
  return [...switches, ...pairs.flat()]
}

export type MachineEnd =
  { readonly kind: 'off' } | { readonly kind: 'failed'; readonly said: string } | { readonly kind: 'too_long' }

/** Calls `onLine` for each line of the second serial line, until the machine is off. */
export async function runMachine(options: MachineOptions, onLine: (line: string) => void): Promise<MachineEnd> {
  const child = spawn(emulator, commandLine(options), { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      said += error.message
      resolve(null)
    })
    child.on('exit', (code) => {
      resolve(code)
    })
  })
  let tooLong = false
  const timer = setTimeout(() => {
    tooLong = true
    child.kill('SIGKILL')
  }, options.limitSeconds * 1000)
  const end = (): void => {
    child.kill('SIGKILL')
  }
  options.signal.addEventListener('abort', end)
  process.once('exit', end)
  try {
    for await (const line of createInterface({ input: child.stdout })) onLine(line)
    const code = await ended
    if (tooLong) return { kind: 'too_long' }
    return code === 0 ? { kind: 'off' } : { kind: 'failed', said: said.trim() }
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', end)
    process.removeListener('exit', end)
  }
}
