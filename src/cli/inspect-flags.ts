// The grammar of `inspect`: a capture, and which of its messages.

import { InvalidArgumentError, Option } from 'commander'
import { protocolNames } from '../protocols/protocol.ts'
import type { ProtocolName } from '../protocols/protocol.ts'
import { collect } from './arguments.ts'
import type { Command } from 'commander'
import type { Io } from './io.ts'

const protocols = (text: string, before: readonly ProtocolName[] = []): readonly ProtocolName[] => [
  ...before,
  ...collect(text).map((word) => {
    const found = protocolNames.find((name) => name === word)
    if (found === undefined) throw new InvalidArgumentError(`"${word}" is none of ${protocolNames.join(', ')}.`)
    return found
  }),
]

export const addInspect = (program: Command, io: Io): void => {
  program
    .command('inspect')
    .description('the messages of a capture, a line each: who spoke to whom, about which session')
    .argument('<file>', 'pcap or pcapng, also compressed by gzip')
    .addOption(
      new Option('--protocol <names>', 'only of these; several with commas, or by repeating the flag')
        .choices(protocolNames)
        .argParser<readonly ProtocolName[]>(protocols),
    )
    .option('--session <key>', 'only of the sessions with this key, in whatever protocol: KIND=VALUE, or VALUE')
    .option('--stats', 'how many there are of each, instead of the messages')
    .addHelpText(
      'after',
      '\n-o json prints an object a line; -o wide prints all fields of a message.\n' +
        'Exits with 1 when the file cannot be read to its end; what could be read is shown.\n\nExamples:\n' +
        '  sluice inspect core.pcapng --protocol ngap,pfcp\n' +
        '  sluice inspect core.pcapng --session teid=10.0.0.7/0x00000001\n' +
        '  sluice inspect core.pcapng.gz --stats',
    )
    .action(async (file: string, _flags: unknown, self: Command) => {
      const { inspect } = await import('./commands/inspect.ts')
      await inspect(io, file, self.optsWithGlobals())
    })
}

export interface InspectFlags {
  readonly protocol?: readonly ProtocolName[]
  readonly session?: string
  readonly stats?: true
}
