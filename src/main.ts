// Builds the parts of a running daemon and owns its signals. Holds no logic of its own.

import { execFile } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { native } from '../native/load.ts'
import { serve } from './api/serve.ts'
import { Controller } from './config/controller.ts'
import { readConfig } from './config/parse.ts'
import { describe } from './config/plan.ts'
import { describeSessions } from './config/user-sessions.ts'
import { BpfDatapath, unload } from './datapath/datapath.ts'
import { examine } from './datapath/doctor.ts'
import { Network } from './datapath/network/index.ts'
import { ConflictError, UnavailableError } from './lb/errors.ts'
import { apiSocket, pinDirectory, runDirectory, stateDirectory } from './lb/paths.ts'
import { ProxyingDatapath } from './proxy/proxying-datapath.ts'
import { realSurroundings } from './sockets/udp-socket.ts'
import { textLines } from './text-log.ts'
import type { Log } from './lb/log.ts'
import type { Config } from './config/schema.ts'

export interface RunOptions {
  /** the configuration file */
  readonly config: string
  readonly instance: string
  readonly version: string
  /** drop what is pinned: all flows are lost */
  readonly fresh: boolean
  /** state directory, if not the usual one */
  readonly state?: string
}

/** Milliseconds, and not moved by whoever sets the clock: drain deadlines depend on it. */
const monotonic = (): number => Math.trunc(performance.now())

const bpfFileSystem = '/sys/fs/bpf'
const bpfMagic = 0xcafe4a11
const objects = join(import.meta.dirname, '../build')

/** Most distributions mount it at boot; a container or a small system does not. */
const mountBpfFileSystem = async (): Promise<void> => {
  const { type } = await statfs(bpfFileSystem).catch(() => ({ type: bpfMagic }))
  if (type !== bpfMagic) await promisify(execFile)('mount', ['-t', 'bpf', 'bpf', bpfFileSystem]).catch(() => {})
}

const answers = (path: string): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(path)
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })

/** Refuses with the whole list of what is missing. */
const checkMachine = async (config: Config): Promise<void> => {
  const missing = (await examine(config.interfaces)).filter(({ ok }) => !ok)
  if (missing.length === 0) return
  const lines = missing.map(({ what, found, mend }) => `  ${what}: ${found}; ${mend}`)
  throw new UnavailableError(`this machine cannot run the datapath yet:\n${lines.join('\n')}`)
}

const openLog = ({ level, format }: Config['log']): Log =>
  format === 'text'
    ? pino({ level }, textLines(process.stderr))
    : pino({ level, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }))

/** Takes an instance's programs off their devices and its VIPs off the host; false when there was nothing. */
export const unloadInstance = async (instance: string): Promise<boolean> => {
  if (await answers(apiSocket(instance)))
    throw new ConflictError(`a daemon runs as instance ${instance}: stop it first`)
  const log = openLog({ level: 'warn', format: 'text' })
  const network = await Network.open({ log, instance, onRoutesChanged: () => {}, onSettled: () => {} })
  const vips = await network.announced()
  if (vips.length > 0) await network.withdraw(vips)
  await network.close()
  return unload(pinDirectory(instance), log) || vips.length > 0
}

interface Signals {
  /** the next one */
  wait(): Promise<NodeJS.Signals>
}

const nextSignal = (): Signals => {
  const waiting: NodeJS.Signals[] = []
  let wake: (() => void) | null = null
  for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      waiting.push(signal)
      wake?.()
    })
  return {
    async wait() {
      while (waiting.length === 0) await new Promise<void>((done) => (wake = done))
      return waiting.shift()!
    },
  }
}

const reload = async (controller: Controller, configFile: string, log: Log): Promise<void> => {
  native.sdNotify('RELOADING=1')
  try {
    const { services, sessions } = await controller.reload()
    const more = sessions.length === 0 ? '' : `, ${sessions.length} sessions`
    log.info(
      { changes: [...describe(services), ...describeSessions(sessions)] },
      `reloaded ${configFile}: ${services.length} services changed${more}`,
    )
  } catch (error) {
    const errors = (error instanceof Error ? error.message : String(error)).split('\n')
    log.error({ errors }, `${configFile} was not taken over; what ran before runs on`)
  }
  native.sdNotify('READY=1')
}

/** Serves until SIGTERM or SIGINT. */
const stay = async (signals: Signals, controller: Controller, configFile: string, log: Log): Promise<void> => {
  for (;;) {
    const signal = await signals.wait()
    if (signal !== 'SIGHUP') {
      log.info({ signal }, 'stopping; established and new flows are served on by the fast path')
      return
    }
    await reload(controller, configFile, log)
  }
}

/** Runs until SIGTERM or SIGINT. The fast path goes on without us. */
export const run = async (options: RunOptions): Promise<void> => {
  const { instance, version } = options
  const configFile = resolve(options.config)
  const state = options.state ?? stateDirectory(instance)
  const config = await readConfig(configFile)
  const log = openLog(config.log)
  const signals = nextSignal()
  if (await answers(apiSocket(instance)))
    throw new ConflictError(
      `a daemon runs already as instance ${instance}; stop it, or give this one another --instance`,
    )
  await mountBpfFileSystem()
  await checkMachine(config)
  await mkdir(runDirectory(instance), { recursive: true, mode: 0o755 })
  await mkdir(state, { recursive: true, mode: 0o700 })

  const open: { close(): Promise<void> }[] = []
  let ready = false
  const datapath = await BpfDatapath.open({
    instance,
    objects,
    pins: pinDirectory(instance),
    interfaces: config.interfaces,
    sizes: config.limits,
    timeouts: config.timeouts,
    portRange: config.snat.ports,
    seed: config.selection.seed,
    events: config.events,
    encapsulation: config.encapsulation,
    fresh: options.fresh,
    log,
    now: monotonic,
  })
  const proxying = new ProxyingDatapath(datapath, { stateDirectory: state, surroundings: realSurroundings, log })
  open.push({
    async close() {
      await proxying.quiet()
      proxying.close()
    },
  })
  try {
    const controller = await Controller.open({
      datapath: proxying,
      stateDirectory: state,
      configFile,
      config,
      limits: config.limits,
      log,
      now: monotonic,
    })
    open.push(controller)
    const api = await serve({
      instance,
      version,
      registry: controller,
      datapath: proxying,
      describe,
      describeSessions,
      log,
      socketPath: apiSocket(instance),
      listen: config.api.listen,
    })
    open.push(api)
    ready = true
    native.sdNotify('READY=1')
    log.info({ instance, version, pid: process.pid, services: controller.services().length }, 'ready')
    await stay(signals, controller, configFile, log)
    native.sdNotify('STOPPING=1')
  } finally {
    for (const part of open.toReversed()) await part.close()
    if (ready) await datapath.close()
    else await datapath.abandon()
  }
}
