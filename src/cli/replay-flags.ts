// The grammar of `replay`: a capture, a configuration, and what to do with the result.

import { InvalidArgumentError, Option } from 'commander'
import { canonicalAddress } from '../wire/ip.ts'
import type { Command } from 'commander'
import type { Io } from './io.ts'
import type { VipAlias } from '../lb/replayed-proxies.ts'

const smallestMtu = 1280
const largestMtu = 65_535
const largestSeed = 0xffff_ffff
/** Longer than any frame that is replayed: by itself nothing is too long. */
const defaultMtu = 9000

const numberFrom =
  (first: number, last: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= first && value <= last) return value
    throw new InvalidArgumentError(`It is a whole number from ${first} to ${last}.`)
  }

const addresses = (text: string, before: readonly string[] = []): readonly string[] => {
  const address = canonicalAddress(text)
  if (address === undefined) throw new InvalidArgumentError(`"${text}" is no IP address.`)
  return [...before, address]
}

const aliases = (text: string, before: readonly VipAlias[] = []): readonly VipAlias[] => {
  const [captured, vip] = text.split('=').map((address) => canonicalAddress(address))
  if (captured === undefined || vip === undefined || text.split('=').length !== 2)
    throw new InvalidArgumentError('It is CAPTURED=VIP, two IP addresses.')
  if (captured.includes(':') !== vip.includes(':'))
    throw new InvalidArgumentError('Both addresses are of one family: no packet can have another one.')
  return [...before, { captured, vip }]
}

export const addReplay = (program: Command, io: Io): void => {
  program
    .command('replay')
    .description('what the balancer would do with a capture: the real programs and slow path, beside everything here')
    .argument('<file>', 'pcap or pcapng, also compressed by gzip')
    .requiredOption('--config <file>', "the daemon's configuration file")
    .addOption(new Option('--hook <hook>', 'as if this were attached').choices(['xdp', 'tc']).default('xdp'))
    .option('--frames', 'a line for each frame, before the report')
    .option('--write <file>', 'pcapng: each frame as it left, or else as it came, and what became of it as a comment')
    .option('--golden <file>', 'compare with an earlier result; exit 1 and show where it differs')
    .option('--update', 'write the file of --golden instead')
    .option('--rewrite-checksums', 'as the sending device would have: for captures made on the sender itself')
    .option('--address <address>', 'of the box itself; several by repeating the flag', addresses)
    .option(
      '--vip <captured=vip>',
      'frames to an address of the capture come in for this VIP; several by repeating the flag',
      aliases,
    )
    .addOption(
      new Option('--mtu <bytes>', 'IP packet that each link takes')
        .argParser(numberFrom(smallestMtu, largestMtu))
        .default(defaultMtu),
    )
    .addOption(
      new Option('--seed <number>', 'of what the slow path does by chance')
        .argParser(numberFrom(0, largestSeed))
        .default(1),
    )
    .addHelpText(
      'after',
      '\nNothing is attached, pinned, sent or changed. Needs root, and no daemon.\n' +
        'Exits with 1 when the file cannot be read to its end or the result differs from --golden, and with 2 when\n' +
        'BPF programs cannot be loaded here.\n\nExamples:\n' +
        '  sluice replay core.pcapng --config sluice.yaml --frames\n' +
        '  sluice replay core.pcapng --config sluice.yaml --write out.pcapng\n' +
        '  sluice replay core.pcapng --config sluice.yaml --golden core.txt --update',
    )
    .action(async (file: string, _flags: unknown, self: Command) => {
      const { replay } = await import('./commands/replay.ts')
      await replay(io, file, self.optsWithGlobals())
    })
}

export interface ReplayFlags {
  readonly config: string
  readonly hook: 'xdp' | 'tc'
  readonly frames?: true
  readonly write?: string
  readonly golden?: string
  readonly update?: true
  readonly rewriteChecksums?: true
  readonly address?: readonly string[]
  readonly vip?: readonly VipAlias[]
  readonly mtu: number
  readonly seed: number
}
