// Takes a lab away: processes, namespaces, pins, directories. Works from what the kernel and the file system show, not
// from memory, so that it also clears away what a killed lab left behind. Everything here is synchronous, because the
// last chance to clean up is the `exit` event, which waits for nothing.

import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

import { pinDirectory, runDirectory } from '../src/lb/paths.ts'
import {
  instanceDirectory,
  LabBusyError,
  listLabs,
  lockInstance,
  namespaceHosts,
  namespaceName,
  ownershipFile,
} from './instance.ts'

const killWaitMs = 3_000
const killPollMs = 10
/** A dead lab is left alone this long before others sweep it away: whoever killed it may still look at it. */
const sweepAfterMs = 60_000

/** What the daemon of an instance leaves outside its lab: its socket, and its pinned maps and links. */
const daemonDirectories = (instance: string): readonly string[] => [runDirectory(instance), pinDirectory(instance)]

/** Processes whose main thread is in the namespace. Our own does not count: only its workers are inside. */
const processesIn = (namespace: string): readonly number[] =>
  spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line !== '')
    .map(Number)

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const killProcesses = (namespaces: readonly string[]): void => {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (let waitedMs = 0; waitedMs < killWaitMs; waitedMs += killPollMs) {
    const pids = namespaces.flatMap(processesIn)
    if (pids.length === 0) return
    pids.forEach(kill)
    Atomics.wait(sleeper, 0, 0, killPollMs)
  }
  throw new Error(`processes in ${namespaces.join(', ')} did not end in ${killWaitMs} ms after SIGKILL`)
}

/** Removes all there is of an instance. Only for whoever has locked it. */
export const removeLab = (instance: string): void => {
  const namespaces = namespaceHosts(instance).map((host) => namespaceName(instance, host))
  killProcesses(namespaces)
  for (const directory of daemonDirectories(instance)) rmSync(directory, { recursive: true, force: true })
  if (namespaces.length > 0) {
    const batch = namespaces.map((name) => `netns delete ${name}\n`).join('')
    const deleted = spawnSync('ip', ['-force', '-batch', '-'], { input: batch, encoding: 'utf8' })
    if (namespaceHosts(instance).length > 0) {
      throw new Error(`lab ${instance}: cannot delete its namespaces: ${deleted.stderr.trim()}`)
    }
  }
  rmSync(instanceDirectory(instance), { recursive: true, force: true })
  rmSync(ownershipFile(instance), { force: true })
}

/** Removes a lab whose owner is dead. Throws LabBusyError when it lives. False when there was nothing of it. */
export const removeDeadLab = async (instance: string): Promise<boolean> => {
  const unlock = await lockInstance(instance)
  try {
    const found = listLabs().some((lab) => lab.instance === instance) || namespaceHosts(instance).length > 0
    removeLab(instance)
    return found
  } finally {
    unlock()
  }
}

/** Removes labs that died some time ago, for example with a test run that was interrupted. */
export const sweepDeadLabs = async (nowMs: number): Promise<void> => {
  for (const lab of listLabs()) {
    if (lab.live || nowMs - lab.createdAtMs < sweepAfterMs) continue
    try {
      await removeDeadLab(lab.instance)
    } catch (error) {
      // Somebody else sweeps it or has just taken its name.
      if (!(error instanceof LabBusyError)) throw error
    }
  }
}
