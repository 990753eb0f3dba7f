// The grammar of the command line. Commands are described here and loaded when they are called, so that `sluice get lb`
// starts neither the API nor the datapath.

import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { errorCode, errorCodes } from '../lb/errors.ts'
import { wholeNumber } from './arguments.ts'
import { CliError } from './errors.ts'
import { addExplain } from './explain-flags.ts'
import { addInspect } from './inspect-flags.ts'
import type { Io } from './io.ts'
import { addCreateFlags, addListeners, addRefusedFlags, refuseFlags } from './lb-flags.ts'
import { formats } from './output.ts'
import { addReplay } from './replay-flags.ts'
import { addCreateSessions, addDeleteSessions, addGetSessions } from './session-flags.ts'
import { addSim } from './sim-flags.ts'
import { readVersion } from './version.ts'

const seconds = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= 3600) return value
  throw new InvalidArgumentError('It is a number of seconds, above 0 and up to 3600.')
}

const addGet = (program: Command, io: Io): void => {
  const get = program.command('get').description('show what the daemon holds')
  const view = (
    name: string,
    aliases: readonly string[],
    description: string,
    call: 'getGtpc' | 'getN4' | 'getSessions' | keyof typeof import('./commands/get.ts'),
  ) => {
    const command = get
      .command(name)
      .aliases(aliases)
      .description(description)
      .action(async (_flags: unknown, self: Command) => {
        const commands = {
          ...(await import('./commands/get.ts')),
          ...(await import('./commands/get-n4.ts')),
          ...(await import('./commands/get-gtpc.ts')),
        }
        await commands[call](io, self.optsWithGlobals())
      })
    return command
  }
  const servName = ['--servName <name>', 'only of the service of this name'] as const
  view('lb', ['loadbalancer', 'loadbalancers', 'lbs'], 'services', 'getLb').option(...servName)
  view('ct', ['conntrack', 'conntracks'], 'flows, a line for each direction', 'getCt').option(...servName)
  view('ep', ['endpoint', 'endpoints', 'eps'], 'hosts that are endpoints', 'getEp')
  view('verdicts', ['verdict'], 'why packets left the pipeline; -o wide: also those that never happened', 'getVerdicts')
  view('sessions', [], "PFCP sessions; -o wide: with both sides' identifiers", 'getSessions').option(
    '--limit <number>',
    'at most so many (default: 1000)',
    wholeNumber,
  )
  view('n4', [], 'services of select n4: SMFs, UPFs and counters; -o wide: also those that are 0', 'getN4')
  view('gtpc', [], 'services of select gtpc: clients, gateways and counters; -o wide: also those that are 0', 'getGtpc')
    .option('--sessions', "sessions instead; -o wide: with both sides' TEIDs")
    .option('--imsi <digits>', 'only sessions of this user')
    .option('--limit <number>', 'at most so many sessions (default: 1000)', wholeNumber)
  addGetSessions(get, io)
  view('status', [], 'the instance, its interfaces and its verdicts', 'getStatus')
  view('lbversion', [], 'version of the daemon', 'getLbVersion')
}

const addCreate = (program: Command, io: Io): void => {
  const create = program.command('create').description('make a service or session, or change the one there is')
  const lb = create
    .command('lb')
    .alias('loadbalancer')
    .description('make or change a service')
    .argument('<vip>', 'virtual address')
  addCreateFlags(addListeners(lb, ':targetPort'))
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  sluice create lb 20.20.20.1 --tcp=2020:8080 --endpoints=31.31.31.1:1,32.32.32.1:2 --mode=fullnat\n' +
        '  sluice create lb 2001:db8::1 --udp=8000-8100 --endpoints=31.31.31.1 --select=persist --persist-timeout=60',
    )
    .action(async (vip: string, _flags: unknown, self: Command) => {
      refuseFlags(self)
      const { createLb } = await import('./commands/create.ts')
      await createLb(io, vip, self.optsWithGlobals())
    })
  addRefusedFlags(lb)
  addCreateSessions(create, io)
}

const addDelete = (program: Command, io: Io): void => {
  const remove = program.command('delete').description('remove a service or session')
  const lb = remove
    .command('lb')
    .alias('loadbalancer')
    .description('remove a service that the API made')
    .argument('[vip]', 'virtual address')
  addListeners(lb, '')
    .option('--name <name>', 'all services of this name')
    .option('--all', 'all services that the API made')
    .action(async (vip: string | undefined, _flags: unknown, self: Command) => {
      refuseFlags(self)
      const { deleteLb } = await import('./commands/delete.ts')
      await deleteLb(io, vip, self.optsWithGlobals())
    })
  addRefusedFlags(lb)
  addDeleteSessions(remove, io)
}

/** What is done to one endpoint of a service. */
const addOrders = (program: Command, io: Io): void => {
  const onEndpoint = (verb: string, description: string): Command =>
    program
      .command(verb)
      .description(description)
      .argument('<service>', 'name, or ADDRESS:PORT/PROTOCOL')
      .argument('<endpoint>', 'ADDRESS:PORT, or the address where it says which one is meant')
  for (const [verb, description] of [
    ['drain', 'an endpoint takes no new flows and keeps those it has'],
    ['undrain', 'an endpoint takes new flows again'],
    ['block', 'an endpoint takes no packet, and its flows are dropped'],
    ['unblock', 'an endpoint takes packets again'],
  ] as const) {
    onEndpoint(verb, description).action(async (service: string, endpoint: string, _flags: unknown, self: Command) => {
      const { order } = await import('./commands/change.ts')
      await order(io, verb, service, endpoint, self.optsWithGlobals())
    })
  }
  onEndpoint('attach', 'a service of the API gets one endpoint more, or another weight for one it has')
    .option('--weight <weight>', 'share of new flows', wholeNumber)
    .option('--priority <priority>', 'select priority: the lowest takes all', wholeNumber)
    .option('--server-id <hex>', 'select quic: what stands in its connection ids')
    .option('--dry-run', 'show what would change')
    .action(async (service: string, endpoint: string, _flags: unknown, self: Command) => {
      const { attach } = await import('./commands/change.ts')
      await attach(io, service, endpoint, self.optsWithGlobals())
    })
  onEndpoint('detach', 'a service of the API loses one endpoint; the others stay as they are')
    .option('--dry-run', 'show what would change')
    .action(async (service: string, endpoint: string, _flags: unknown, self: Command) => {
      const { detach } = await import('./commands/change.ts')
      await detach(io, service, endpoint, self.optsWithGlobals())
    })
}

const addChanges = (program: Command, io: Io): void => {
  program
    .command('apply')
    .description(
      'make services and sessions of a file so: a configuration with `services:` and `sessions:`, or JSON of loxilb',
    )
    .requiredOption('-f, --filename <file>', 'the file, or - for standard input')
    .option('--dry-run', 'show what would change')
    .action(async (_flags: unknown, self: Command) => {
      const { apply } = await import('./commands/change.ts')
      await apply(io, self.optsWithGlobals())
    })
  addOrders(program, io)
  program
    .command('reload')
    .description('the daemon reads its configuration file again')
    .action(async (_flags: unknown, self: Command) => {
      const { reload } = await import('./commands/change.ts')
      await reload(io, self.optsWithGlobals())
    })
}

const addLocal = (program: Command, io: Io): void => {
  program
    .command('run')
    .description('run the daemon')
    .requiredOption('--config <file>', 'configuration file')
    .option('--state <directory>', 'where services of the API are kept')
    .option('--fresh', 'drop the maps and flows of an earlier run')
    .option('--dry-run', 'show what would change, against the running daemon or from nothing')
    .action(async (_flags: unknown, self: Command) => {
      const { run } = await import('./commands/local.ts')
      await run(io, self.optsWithGlobals())
    })
  program
    .command('unload')
    .description("take a stopped instance's programs off their devices; its flows are lost")
    .action(async (_flags: unknown, self: Command) => {
      const { unload } = await import('./commands/local.ts')
      await unload(io, self.optsWithGlobals())
    })
  program
    .command('check')
    .description('check a configuration file')
    .argument('[file]')
    .option('--schema', 'print the JSON Schema of the file, for editors')
    .action(async (file: string | undefined, _flags: unknown, self: Command) => {
      const { check } = await import('./commands/local.ts')
      await check(io, file, self.optsWithGlobals())
    })
  program
    .command('doctor')
    .description('what this machine lacks for a datapath')
    .option('--config <file>', "look at this file's interfaces too")
    .action(async (_flags: unknown, self: Command) => {
      const { doctor } = await import('./commands/local.ts')
      await doctor(io, self.optsWithGlobals())
    })
  program
    .command('version')
    .description('version of this command and of the daemon')
    .action(async (_flags: unknown, self: Command) => {
      const { showVersion } = await import('./commands/local.ts')
      await showVersion(io, self.optsWithGlobals())
    })
}

const addCompletion = (program: Command, io: Io): void => {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./completion.ts')
      io.out(completionScript(shell))
    })
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      const { complete } = await import('./completion.ts')
      for (const candidate of complete(program, words)) io.out(`${candidate}\n`)
    })
}

/** The lab brings its own subcommands, and much else, so it is loaded only when it is meant. */
const addLab = async (program: Command, wanted: boolean): Promise<void> => {
  if (wanted) {
    const lab = await import('../../lab/cli.ts')
    lab.register(program)
  } else {
    program.command('lab').description('a client, the balancer and three servers on this machine, with real traffic')
  }
}

export const buildProgram = async (io: Io, wantsLab = false): Promise<Command> => {
  const program = new Command('sluice')
    .description('A load balancer for mobile cores: TCP, UDP, SCTP and ICMP echo, in the kernel with eBPF.')
    .version(readVersion(), '-V, --version')
    .option('--instance <name>', 'which daemon (SLUICE_INSTANCE; default: `default`, or the only one running)')
    .option('--server <url>', 'unix:/PATH or http://127.0.0.1:PORT instead of an instance (SLUICE_SERVER)')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(formats).default('table'))
    .option('--no-headers', 'tables without their first line')
    .option('--timeout <seconds>', 'how long to wait for the daemon', seconds, 10)
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows what is possible)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.say(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error:/, io.style('say', 'red', 'error:'))),
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 usage or input, 3 not found, 4 conflict, 5 the daemon cannot be reached.',
    )
  addGet(program, io)
  addCreate(program, io)
  addDelete(program, io)
  addChanges(program, io)
  addExplain(program, io)
  addInspect(program, io)
  addReplay(program, io)
  addSim(program, io)
  addLocal(program, io)
  await addLab(program, wantsLab)
  addCompletion(program, io)
  return program
}

/** The first word that is no option and no option's value. */
const firstWord = (argv: readonly string[]): string | undefined => {
  const rest = argv[0] === '__complete' ? argv.slice(2) : argv
  const at = rest.findIndex((word, index) => {
    const before = rest[index - 1] ?? ''
    return !word.startsWith('-') && !['-o', '--output', '--instance', '--server', '--timeout'].includes(before)
  })
  return rest[at]
}

const exitCodeOf = (error: unknown): number =>
  error instanceof CliError ? error.exitCode : errorCodes[errorCode(error)].exitCode

/**
 * `--endpoint=X` becomes `--endpoint`, where no command knows such a flag: it is refused all the same, and commander
 * finds the flag that was meant only when the value is out of its way.
 */
const bareUnknownFlags = (program: Command, argv: readonly string[]): readonly string[] => {
  const flagsOf = (command: Command): readonly string[] => [
    ...command.options.flatMap((option) => option.long ?? []),
    ...command.commands.flatMap(flagsOf),
  ]
  const known = new Set([...flagsOf(program), '--help'])
  const end = argv.indexOf('--')
  return argv.map((word, index) => {
    const [, flag] = /^(--[A-Za-z][\w-]*)=/.exec(word) ?? []
    return flag === undefined || known.has(flag) || (end >= 0 && index > end) ? word : flag
  })
}

/** Runs one command line and says what it exits with. */
export const main = async (argv: readonly string[], io: Io): Promise<number> => {
  try {
    const program = await buildProgram(io, firstWord(argv) === 'lab')
    await program.parseAsync([...bareUnknownFlags(program, argv)], { from: 'user' })
    return 0
  } catch (error) {
    // Commander has said it already: help and versions that were asked for are no failure, all else is usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const message = error instanceof Error ? error.message : String(error)
    const stack = error instanceof Error && io.env['SLUICE_DEBUG'] ? `\n${error.stack ?? ''}` : ''
    io.say(`${io.style('say', 'red', 'error:')} ${message}${stack}`)
    return exitCodeOf(error)
  }
}
