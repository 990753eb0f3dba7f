// The grammar of `explain`: a packet that is described, or one of a capture.

import { Option } from 'commander'
import { wholeNumber } from './arguments.ts'
import type { Command } from 'commander'
import type { Io } from './io.ts'

export const addExplain = (program: Command, io: Io): void => {
  program
    .command('explain')
    .description('what the balancer would do with a packet, step by step; nothing is sent and nothing changes')
    .addOption(new Option('--proto <protocol>', 'of the packet').choices(['tcp', 'udp', 'sctp', 'icmp']))
    .option('--from <place>', 'IP:PORT, or [IP]:PORT; with icmp IP, or IP:IDENTIFIER')
    .option('--to <place>', 'IP:PORT, or [IP]:PORT; with icmp IP')
    .option('--flags <letters>', 'of TCP: S, A, F, R, P, U (default: S)')
    .option('--pcap <file>', 'a capture (pcap or pcapng, Ethernet) instead of a description')
    .option('--frame <number>', 'which frame of the capture; the first one is 1', wholeNumber)
    .option('--in <interface>', 'where it comes in (default: where the route to its source leads)')
    .addOption(new Option('--hook <hook>', 'as if this were attached').choices(['xdp', 'tc']))
    .option('--mark <mark>', 'the firewall mark it has', wholeNumber)
    .addHelpText(
      'after',
      '\nExits with 0 when the packet would be forwarded, and with 1 when not.\n\nExamples:\n' +
        '  sluice explain --proto tcp --from 10.1.1.2:40000 --to 20.20.20.1:80\n' +
        '  sluice explain --pcap trouble.pcap --frame 17 --in eth0',
    )
    .action(async (_flags: unknown, self: Command) => {
      const { explain } = await import('./commands/explain.ts')
      await explain(io, self.optsWithGlobals())
    })
}
