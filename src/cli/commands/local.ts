// Commands that need no daemon: check, doctor, version, and the plan of `run --dry-run`.

import type { Status } from '../../api/schemas.ts'
import type { Service } from '../../lb/model.ts'
import type { NamedUserSession } from '../../lb/user-session-registry.ts'
import { NotFoundError } from '../../lb/errors.ts'
import { apiSocket, defaultInstance } from '../../lb/paths.ts'
import { connectTo } from '../client.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { CliError, usage } from '../errors.ts'
import type { Io } from '../io.ts'
import { printData, printTable } from '../output.ts'
import { resolveInstance } from '../target.ts'
import { readVersion } from '../version.ts'

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

export const check = async (io: Io, file: string | undefined, options: { readonly schema?: true }): Promise<void> => {
  if (options.schema === true) {
    if (file !== undefined) throw usage('--schema prints the schema of every file: leave the name out')
    const { jsonSchema } = await import('../../config/schema.ts')
    io.out(`${JSON.stringify(jsonSchema(), null, 2)}\n`)
    return
  }
  if (file === undefined) throw usage('which file? sluice check FILE')
  const { readConfig } = await import('../../config/parse.ts')
  const { interfaces, services } = await readConfig(file)
  io.say(`${file} is valid: ${plural(interfaces.length, 'interface')}, ${plural(services.length, 'service')}`)
}

export const doctor = async (io: Io, options: GlobalOptions & { readonly config?: string }): Promise<void> => {
  const { readConfig } = await import('../../config/parse.ts')
  const { examine } = await import('../../datapath/doctor.ts')
  const config = options.config === undefined ? undefined : await readConfig(options.config)
  const findings = await examine(config?.interfaces)
  const wrong = findings.filter((finding) => !finding.ok)
  if (!(await printData(io, { findings }, options.output))) {
    const rows = findings.map(({ ok, what, found }) => [
      ok ? io.style('out', 'green', 'ok') : io.style('out', 'red', 'missing'),
      what,
      found,
    ])
    printTable(io, { headers: ['State', 'What', 'Found'], rows, empty: 'nothing to look at' }, options)
  }
  for (const { what, mend } of wrong) io.say(`${what}: ${mend}`)
  if (wrong.length > 0) throw new CliError(`${plural(wrong.length, 'thing')} to mend before a datapath can run`, 1)
}

/** Ours, and the server's where one answers. */
export const showVersion = async (io: Io, options: GlobalOptions): Promise<void> => {
  let server: Status | undefined
  try {
    server = (await (await connect(io, options)).get('/sluice/v1/status')).body
  } catch (error) {
    if (!(error instanceof CliError)) throw error
  }
  const data = { client: readVersion(), node: process.version, server: server?.version ?? null }
  if (await printData(io, data, options.output)) return
  io.out(`client: ${data.client}\n`)
  if (server === undefined) io.say('server: none answers')
  else io.out(`server: ${server.version}\n`)
}

interface OfFile {
  readonly services: readonly Service[]
  readonly sessions: readonly NamedUserSession[]
}

/** What runs now under that name, of the file's; nothing when no daemon runs. */
const currentOfFile = async (instance: string, io: Io, timeoutMs: number): Promise<OfFile> => {
  try {
    const client = connectTo({ kind: 'unix', path: apiSocket(instance, io.env) }, timeoutMs)
    const { body } = await client.get('/sluice/v1/services')
    const { body: users } = await client.get('/sluice/v1/user-sessions', { limit: 65_536 })
    return {
      services: body.services.filter(({ owner }) => owner === 'file'),
      sessions: users.sessions.flatMap(({ counters: _, owner, ...session }) =>
        owner === 'file' ? [{ ...session, owner }] : [],
      ),
    }
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== 5) throw error
    io.say(`no daemon runs as ${instance}: the plan starts from nothing`)
    return { services: [], sessions: [] }
  }
}

const byName = (sessions: readonly NamedUserSession[]): ReadonlyMap<string, NamedUserSession> =>
  new Map(sessions.map((session) => [session.name, session]))

export interface RunFlags extends GlobalOptions {
  readonly config: string
  readonly state?: string
  readonly fresh?: true
  readonly dryRun?: true
}

const dryRun = async (io: Io, instance: string, options: RunFlags): Promise<void> => {
  const { readConfig } = await import('../../config/parse.ts')
  const { describe, plan } = await import('../../config/plan.ts')
  const { describeSessions, planSessions } = await import('../../config/user-sessions.ts')
  const { services, sessions } = await readConfig(options.config)
  const current = await currentOfFile(instance, io, options.timeout * 1000)
  const changes = plan(current.services, services)
  const ofSessions = planSessions(byName(current.sessions), byName(sessions))
  for (const line of [...describe(changes), ...describeSessions(ofSessions)]) io.out(`${line}\n`)
  const parts = [
    ...(changes.length === 0 ? [] : [plural(changes.length, 'service')]),
    ...(ofSessions.length === 0 ? [] : [plural(ofSessions.length, 'session')]),
  ]
  io.say(parts.length === 0 ? 'nothing to change' : `${parts.join(', ')} would change (dry run)`)
}

export const run = async (io: Io, options: RunFlags): Promise<void> => {
  const instance = resolveInstance(options, io.env) ?? defaultInstance
  if (options.dryRun === true) return dryRun(io, instance, options)
  const { run: runDaemon } = await import('../../main.ts')
  await runDaemon({
    config: options.config,
    instance,
    version: readVersion(),
    fresh: options.fresh ?? false,
    ...(options.state !== undefined && { state: options.state }),
  })
}

export const unload = async (io: Io, options: GlobalOptions): Promise<void> => {
  const instance = resolveInstance(options, io.env) ?? defaultInstance
  const { unloadInstance } = await import('../../main.ts')
  if (await unloadInstance(instance)) io.say(`unloaded ${instance}`)
  else throw new NotFoundError(`nothing of an instance ${instance} is loaded`)
}
