// The `lab` commands of the command line.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'

import { type Command, InvalidArgumentError, Option } from 'commander'

import { NotFoundError } from '../src/lb/errors.ts'
import type { Mode } from '../src/lb/model.ts'
import { isInstanceName } from '../src/lb/paths.ts'
import { runDemo } from './demo.ts'
import { demoModes } from './demo-services.ts'
import { commandInside } from './host.ts'
import { mostSessions, runN4Lab } from './n4.ts'
import { LabBusyError, listLabs, namespaceHosts } from './instance.ts'
import { removeDeadLab } from './removal.ts'
import { type Hook, hooks } from './topology.ts'

const defaultConnections = 300
const connectionsLimit = 20_000
const packetRateLimit = 200_000
const usageExitCode = 2

interface LabFlags {
  readonly once?: true
  readonly json?: true
  readonly connections?: number
  readonly hook: Hook
  readonly mode: Mode
  readonly instance?: string
}

export const register = (program: Command): void => {
  const lab = program
    .command('lab')
    .description('a client, the balancer and three servers on this machine, with real traffic')
    .option('--once', 'make a bounded number of connections, print a summary and end')
    .option('--json', 'with --once: the summary as JSON')
    .option('--connections <n>', `with --once: how many in all (default: ${defaultConnections})`, connectionCount)
    .addOption(new Option('--hook <hook>', 'where the programs sit').choices(hooks).default('tc'))
    .addOption(new Option('--mode <mode>', 'how packets are translated').choices(demoModes).default('dnat'))
    .option('--instance <name>', 'name of the lab (default: the first free one of lab, lab2, ...)')
    .action(async (_flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<LabFlags>()
      if (flags.once === undefined && (flags.json !== undefined || flags.connections !== undefined)) {
        command.error('error: --json and --connections need --once', { exitCode: usageExitCode })
      }
      checkName(command, flags.instance)
      process.exitCode = await runDemo({
        instance: flags.instance ?? null,
        hook: flags.hook,
        mode: flags.mode,
        once:
          flags.once === undefined
            ? null
            : { connections: flags.connections ?? defaultConnections, json: flags.json ?? false },
      })
    })

  lab
    .command('n4')
    .description('two SMFs, the balancer and three UPFs: sessions, their packets, and a UPF that dies')
    .option('--once', 'end when all has been shown')
    .option('--json', 'with --once: the summary as JSON')
    .option('--sessions <n>', 'how many', sessionCount, 10_000)
    .option('--packet-rate <n>', 'uplink packets a second', packetRate, 10_000)
    .action(async (_flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<LabFlags & { readonly sessions: number; readonly packetRate: number }>()
      if (flags.once === undefined && flags.json !== undefined)
        command.error('error: --json needs --once', { exitCode: usageExitCode })
      checkName(command, flags.instance)
      process.exitCode = await runN4Lab({
        instance: flags.instance ?? null,
        hook: flags.hook,
        sessions: flags.sessions,
        packetsPerSecond: flags.packetRate,
        once: flags.once ?? false,
        json: flags.json ?? false,
      })
    })

  lab
    .command('exec')
    .description('run a command on a lab host')
    .argument('<host>', 'client, balancer, server1, server2 or server3')
    .argument('<command...>', 'the command, after --')
    .option('--instance <name>', 'name of the lab (default: lab, or the only one there is)')
    .action(async (host: string, words: readonly string[], _flags: unknown, command: Command) => {
      process.exitCode = await execute(command.optsWithGlobals<{ instance?: string }>().instance, host, words)
    })

  lab
    .command('list')
    .description('the labs on this machine')
    .action(() => {
      const rows = listLabs().map((one) => [
        one.instance,
        one.live ? `process ${one.pid}` : 'left behind',
        one.hook,
        one.hosts.join(' '),
      ])
      for (const row of [['INSTANCE', 'OWNER', 'HOOK', 'HOSTS'], ...rows]) {
        const [instance = '', owner = '', hook = '', hosts = ''] = row
        process.stdout.write(`${instance.padEnd(20)} ${owner.padEnd(16)} ${hook.padEnd(5)} ${hosts}\n`)
      }
    })

  lab
    .command('down')
    .description('remove a lab that its process left behind')
    .argument('[instance]', 'name of the lab (default: lab)')
    .option('--all', 'all that were left behind')
    .action(async (name: string | undefined, _flags: unknown, command: Command) => {
      const { all, instance } = command.optsWithGlobals<{ readonly all?: true; readonly instance?: string }>()
      checkName(command, name ?? instance)
      await (all === true ? removeAllDead() : remove(name ?? instance ?? 'lab'))
    })
}

const connectionCount = (text: string): number => {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= connectionsLimit) return count
  throw new InvalidArgumentError(`give a number from 1 to ${connectionsLimit}`)
}

const sessionCount = (text: string): number => {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= mostSessions) return count
  throw new InvalidArgumentError(`give a number from 1 to ${mostSessions}, as many as the daemon lists at once`)
}

const packetRate = (text: string): number => {
  const rate = Number(text)
  if (Number.isInteger(rate) && rate >= 1 && rate <= packetRateLimit) return rate
  throw new InvalidArgumentError(`give a number from 1 to ${packetRateLimit}`)
}

const checkName = (command: Command, instance: string | undefined): void => {
  if (instance === undefined || isInstanceName(instance)) return
  const problem = `error: "${instance}" is no name for a lab: use 1 to 32 of the characters a to z, 0 to 9 and "-"`
  command.error(problem, { exitCode: usageExitCode })
}

/** The lab that is meant: the named one, else the one called `lab`, else the only one. */
const chooseLab = (name: string | undefined): string => {
  const labs = listLabs().map((lab) => lab.instance)
  const only = labs.length === 1 ? labs[0] : undefined
  const chosen = name ?? (labs.includes('lab') ? 'lab' : only)
  if (chosen !== undefined && labs.includes(chosen)) return chosen
  if (labs.length === 0) throw new NotFoundError('no lab is up: start one with npm start')
  const wanted = name === undefined ? 'say which lab with --instance' : `there is no lab ${name}`
  throw new NotFoundError(`${wanted}; up are ${labs.join(', ')}`)
}

const execute = async (name: string | undefined, host: string, words: readonly string[]): Promise<number> => {
  const instance = chooseLab(name)
  const hosts = namespaceHosts(instance)
  if (!hosts.includes(host)) {
    throw new NotFoundError(`lab ${instance} has no host ${host}; it has ${hosts.toSorted().join(', ')}`)
  }
  const [program = '', ...args] = commandInside(instance, host, words)
  const child = spawn(program, args, { stdio: 'inherit' })
  // The terminal sends Ctrl-C to the command too; what it does with it decides how this ends.
  const ignore = (): void => undefined
  process.on('SIGINT', ignore)
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  process.off('SIGINT', ignore)
  return code ?? 128 + constants.signals[signal ?? 'SIGKILL']
}

const remove = async (instance: string): Promise<void> => {
  if (!(await removeDeadLab(instance))) throw new NotFoundError(`there is no lab ${instance}`)
  process.stderr.write(`lab: removed ${instance}\n`)
}

/** Those that live are left alone, and said. */
const removeAllDead = async (): Promise<void> => {
  for (const { instance } of listLabs()) {
    try {
      await remove(instance)
    } catch (error) {
      if (!(error instanceof LabBusyError)) throw error
      process.stderr.write(`lab: ${error.message}\n`)
    }
  }
}
