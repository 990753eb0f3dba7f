// Commands that need no daemon: check, doctor, version, and the plan of `run --dry-run`.

import type { Status } from '../../api/schemas.ts'
import type { Service } from '../../lb/model.ts'
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

/** What runs now under that name, of the file's services; nothing when no daemon runs. */
const currentServices = async (instance: string, io: Io, timeoutMs: number): Promise<readonly Service[]> => {
  try {
    const client = connectTo({ kind: 'unix', path: apiSocket(instance, io.env) }, timeoutMs)
    const { body } = await client.get('/sluice/v1/services')
    return body.services.filter((service) => service.owner === 'file')
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== 5) throw error
    io.say(`no daemon runs as ${instance}: the plan starts from nothing`)
    return []
  }
}

export interface RunFlags extends GlobalOptions {
  readonly config: string
  readonly state?: string
  readonly fresh?: true
  readonly dryRun?: true
}

const dryRun = async (io: Io, instance: string, options: RunFlags): Promise<void> => {
  const { readConfig } = await import('../../config/parse.ts')
  const { describe, plan } = await import('../../config/plan.ts')
  const { services } = await readConfig(options.config)
  const changes = plan(await currentServices(instance, io, options.timeout * 1000), services)
  for (const line of describe(changes)) io.out(`${line}\n`)
  io.say(changes.length === 0 ? 'nothing to change' : `${plural(changes.length, 'service')} would change (dry run)`)
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
