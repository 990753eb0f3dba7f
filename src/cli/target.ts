// Which daemon a command talks to: the one named by --server or --instance, else `default`, else the only one running.

import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { apiSocket, defaultInstance, isInstanceName, runRoot } from '../lb/paths.ts'
import { CliError, unreachable, usage } from './errors.ts'
import type { Io } from './io.ts'

export type Target =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

export interface TargetOptions {
  readonly server?: string | undefined
  readonly instance?: string | undefined
}

export const showTarget = (target: Target): string =>
  target.kind === 'unix' ? target.path : `http://${target.host}:${target.port}`

const probeTimeoutMs = 1000

/** True when somebody listens there, also when we may not talk to them. */
const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    const end = (live: boolean): void => {
      socket.destroy()
      resolve(live)
    }
    socket.setTimeout(probeTimeoutMs, () => end(true))
    socket.once('connect', () => end(true))
    socket.once('error', (error) => end('code' in error && error.code === 'EACCES'))
  })

/** Names of the instances that run. */
export const runningInstances = async (env: Io['env']): Promise<readonly string[]> => {
  const names = await readdir(runRoot(env)).catch(() => [] as string[])
  const live = await Promise.all(
    names.filter(isInstanceName).map(async (name) => ((await answers(apiSocket(name, env))) ? [name] : [])),
  )
  return live.flat().toSorted()
}

const parseServer = (server: string): Target => {
  if (server.startsWith('unix:')) {
    const path = server.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
    if (path !== '') return { kind: 'unix', path }
  } else if (URL.canParse(server)) {
    const url = new URL(server)
    if (url.protocol === 'http:' && url.hostname !== '' && (url.pathname === '/' || url.pathname === '')) {
      return { kind: 'tcp', host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || 80) }
    }
  }
  throw usage(`"${server}" is not a server: give unix:/PATH/OF/api.sock or http://127.0.0.1:PORT`)
}

export const startHint = 'start one with `sluice run --config FILE`, or choose one with --instance NAME or --server'

export const resolveInstance = (options: TargetOptions, env: Io['env']): string | undefined => {
  const name = options.instance ?? (env['SLUICE_INSTANCE'] || undefined)
  if (name !== undefined && !isInstanceName(name)) {
    throw usage(`"${name}" is not an instance name: use 1 to 32 of the characters a to z, 0 to 9 and "-"`)
  }
  return name
}

export const resolveTarget = async (options: TargetOptions, env: Io['env']): Promise<Target> => {
  // A flag is nearer than the environment, whichever of the two it is.
  const server = options.server ?? (options.instance === undefined ? env['SLUICE_SERVER'] || undefined : undefined)
  if (server !== undefined) return parseServer(server)
  const named = resolveInstance(options, env)
  if (named !== undefined) return { kind: 'unix', path: apiSocket(named, env) }
  const path = apiSocket(defaultInstance, env)
  if (existsSync(path)) return { kind: 'unix', path }
  const [only, ...others] = await runningInstances(env)
  if (only === undefined) throw unreachable(`no sluice daemon answers under ${runRoot(env)}: ${startHint}`)
  if (others.length === 0) return { kind: 'unix', path: apiSocket(only, env) }
  throw new CliError(
    `several instances run here: ${[only, ...others].join(', ')}: choose one with --instance NAME or SLUICE_INSTANCE`,
    2,
  )
}
