// The name of a lab on this machine and who owns it: one process at a time, and never one that has gone.

import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'

import { isInstanceName } from '../src/lb/paths.ts'
import type { Hook } from './topology.ts'

const labDirectory = '/run/sluice-lab'
const namespaceDirectory = '/run/netns'

export interface Ownership {
  readonly instance: string
  readonly pid: number
  /** start time of the process in ticks since boot: tells the owner from a later process with its number */
  readonly started: string
  readonly createdAtMs: number
  readonly hook: Hook
  readonly hosts: readonly string[]
}

/** A lab that is there: running, or left behind by a process that has gone. */
export interface LabEntry extends Ownership {
  readonly live: boolean
}

export class LabBusyError extends Error {
  readonly code = 'conflict'
  readonly instance: string
  readonly pid: number | null
  constructor(instance: string, pid: number | null) {
    super(
      `lab ${instance} is in use by ${pid === null ? 'another process' : `process ${pid}`}: ` +
        `end it there (q or Ctrl-C${pid === null ? '' : `, or kill ${pid}`}), or choose another --instance`,
    )
    this.name = 'LabBusyError'
    this.instance = instance
    this.pid = pid
  }
}

/** Host names have no dash, so the last dash tells instance and host apart. */
export const namespaceName = (instance: string, host: string): string => `sluice-${instance}-${host}`
export const namespacePath = (instance: string, host: string): string =>
  join(namespaceDirectory, namespaceName(instance, host))

/** A directory for this instance's configuration, log and state. */
export const instanceDirectory = (instance: string): string => {
  if (isInstanceName(instance)) return join(labDirectory, instance)
  throw new RangeError(`"${instance}" is no name for a lab: use 1 to 32 of the characters a to z, 0 to 9 and "-"`)
}
export const ownershipFile = (instance: string): string => `${instanceDirectory(instance)}.json`

/** The start time of a process, or null when there is none with this number. */
const startTime = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name stands in parentheses and may hold spaces; the start time is field 22, 19 behind them.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

const readOwnership = (instance: string): Ownership | null => {
  try {
    return JSON.parse(readFileSync(ownershipFile(instance), 'utf8')) as Ownership
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

const isLive = (owner: Ownership): boolean => startTime(owner.pid) === owner.started

const listDirectory = (path: string): readonly string[] => {
  try {
    return readdirSync(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

/** The hosts of an instance whose namespaces are there. */
export const namespaceHosts = (instance: string): readonly string[] =>
  listDirectory(namespaceDirectory)
    .filter((name) => name.slice(0, name.lastIndexOf('-') + 1) === namespaceName(instance, ''))
    .map((name) => name.slice(name.lastIndexOf('-') + 1))

export const listLabs = (): readonly LabEntry[] =>
  listDirectory(labDirectory)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .flatMap((name) => {
      const owner = readOwnership(name.slice(0, -'.json'.length))
      return owner === null ? [] : [{ ...owner, live: isLive(owner) }]
    })

/**
 * A socket in the abstract name space: only one process can have the name, and the kernel gives it back however the
 * process ends. It decides who may touch an instance; the ownership file only says who that is.
 */
const takeLock = (instance: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new LabBusyError(instance, readOwnership(instance)?.pid ?? null) : error)
    })
    server.listen(`\0sluice-lab-${instance}`, () => {
      server.unref()
      resolve(server)
    })
  })

/** Says who owns a lab that this process has locked. */
export const writeOwnership = (lab: Pick<Ownership, 'instance' | 'createdAtMs' | 'hook' | 'hosts'>): void => {
  // Anyone may see which labs there are; what the daemon writes in one is not for everybody.
  mkdirSync(labDirectory, { recursive: true, mode: 0o755 })
  mkdirSync(instanceDirectory(lab.instance), { mode: 0o700 })
  const owner: Ownership = { ...lab, pid: process.pid, started: startTime(process.pid) ?? '' }
  const file = ownershipFile(lab.instance)
  writeFileSync(`${file}.new`, `${JSON.stringify(owner)}\n`)
  renameSync(`${file}.new`, file)
}

/** Takes a name for this process, until the returned function is called. Throws LabBusyError while another has it. */
export const lockInstance = async (instance: string): Promise<() => void> => {
  const lock = await takeLock(instance)
  const owner = readOwnership(instance)
  // The lock's name belongs to a network namespace: from inside a lab host it looks free. The owner's number does not.
  if (owner !== null && owner.pid !== process.pid && isLive(owner)) {
    lock.close()
    throw new LabBusyError(instance, owner.pid)
  }
  return () => {
    lock.close()
  }
}
