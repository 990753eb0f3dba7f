// A real API over a real controller and a datapath without a kernel, in directories of its own: what the tests of the
// API and of the command line talk to.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '../api/serve.ts'
import type { RunningApi } from '../api/serve.ts'
import { Controller } from '../config/controller.ts'
import { describe } from '../config/plan.ts'
import { describeSessions } from '../config/user-sessions.ts'
import type { Log } from '../lb/log.ts'
import { apiSocket } from '../lb/paths.ts'
import { FakeDatapath } from './fake-datapath.ts'

export interface ServedApi {
  readonly datapath: FakeDatapath
  readonly controller: Controller
  readonly api: RunningApi
  readonly socketPath: string
  /** for SLUICE_RUN_DIR */
  readonly runRoot: string
  /** holds what `configText` was; null without one */
  readonly configFile: string | null
  /** messages of warnings and errors */
  readonly warnings: readonly string[]
  close(): Promise<void>
}

export interface ServedOptions {
  readonly instance?: string
  readonly configText?: string
  /** also on loopback TCP, at this port; 0: any free one */
  readonly tcp?: number
  /** the run directory of an instance that is served already */
  readonly runRoot?: string
}

export const serveForTest = async (options: ServedOptions = {}): Promise<ServedApi> => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-api-'))
  const runRoot = options.runRoot ?? join(directory, 'run')
  const instance = options.instance ?? 'default'
  const configFile = options.configText === undefined ? null : join(directory, 'sluice.yaml')
  if (configFile !== null && options.configText !== undefined) await writeFile(configFile, options.configText)
  const warnings: string[] = []
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields, message) => void warnings.push(message),
    error: (_fields, message) => void warnings.push(message),
  }
  const datapath = new FakeDatapath()
  const controller = await Controller.open({
    datapath,
    stateDirectory: join(directory, 'state'),
    configFile,
    limits: { services: 100, endpoints: 1000 },
    log,
    now: () => 0,
  })
  const socketPath = apiSocket(instance, { SLUICE_RUN_DIR: runRoot })
  const serving = serve({
    instance,
    version: '1.2.3',
    registry: controller,
    datapath,
    describe,
    describeSessions,
    log,
    socketPath,
    listen: options.tcp === undefined ? null : { host: '127.0.0.1', port: options.tcp },
  })
  const api = await serving.catch(async (error: unknown) => {
    await rm(directory, { recursive: true, force: true })
    throw error
  })
  const close = async (): Promise<void> => {
    await api.close()
    await controller.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { datapath, controller, api, socketPath, runRoot, configFile, warnings, close }
}
