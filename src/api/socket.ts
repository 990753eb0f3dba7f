// The instance's unix socket. Only its owner may use it, from the first moment on, and a daemon that died is no
// obstacle.

import { chmod, lstat, mkdir, rename, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Server } from 'node:net'
import { dirname } from 'node:path'
import { UnavailableError } from '../lb/errors.ts'

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** True when somebody answers there. */
const isLive = (path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => {
      const code = codeOf(error)
      if (code === 'ENOENT' || code === 'ECONNREFUSED') resolve(false)
      else reject(error)
    })
  })

const refuseTaken = async (path: string): Promise<void> => {
  const there = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (there === undefined) return
  if (!there.isSocket()) throw new UnavailableError(`${path} exists and is not a socket: remove it, then start again`)
  if (await isLive(path)) {
    throw new UnavailableError(
      `another daemon answers at ${path}: stop it first, or start this one under another name with --instance NAME`,
    )
  }
}

export const listenOn = (server: Server, where: { path: string } | { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })

/**
 * Listens under a name of its own and moves the socket into place when its mode is right: nobody else can connect in
 * between, and a socket left behind by a dead daemon is replaced in one step. Returns what removes it again.
 */
export const listenOnSocket = async (server: Server, path: string): Promise<() => Promise<void>> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await refuseTaken(path)
  const temporary = `${path}.${process.pid}`
  await rm(temporary, { force: true })
  await listenOn(server, { path: temporary })
  await chmod(temporary, 0o600)
  await rename(temporary, path)
  const mine = (await lstat(path)).ino
  return async () => {
    const there = await lstat(path).catch(() => undefined)
    if (there?.ino === mine) await rm(path, { force: true })
  }
}
