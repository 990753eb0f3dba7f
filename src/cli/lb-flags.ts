// The flags of `create lb` and `delete lb`: loxicmd's, and those for what it has no words for.

import { Option } from 'commander'
import type { Command } from 'commander'
import { algs, encapsulations, misses, outOfTheBlues } from '../lb/model.ts'
import { collect, wholeNumber } from './arguments.ts'
import { usage } from './errors.ts'
import { modeNumbers, selectNumbers } from './words.ts'

/** Flags of loxicmd that this build cannot do: known by name, so that nobody looks for a typo. */
const refusedFlags: readonly (readonly [string, string])[] = [
  ['--bgp', 'routes are announced by a routing daemon beside sluice'],
  ['--monitor', 'health checks are not in this build'],
  ['--security [kind]', 'TLS is not terminated in this build'],
  ['--host [url]', 'requests are not told apart by host name in this build'],
  ['--ppv2en', 'the proxy protocol is not in this build'],
  ['--egress', 'egress rules are not in this build'],
]

export const addRefusedFlags = (command: Command): void => {
  for (const [flags] of refusedFlags) command.addOption(new Option(flags).hideHelp())
}

export const refuseFlags = (command: Command): void => {
  for (const [flags, reason] of refusedFlags) {
    const [flag = ''] = flags.split(' ')
    const name = new Option(flags).attributeName()
    if (command.getOptionValueSource(name) === 'cli') throw usage(`${flag}: ${reason}`)
  }
}

/** Words that completion offers; what is wrong is said by whoever reads the flag, who knows more of it. */
const offering = (flags: string, description: string, words: readonly string[]): Option => {
  const option = new Option(flags, description)
  option.argChoices = [...words]
  return option
}

export const addListeners = (command: Command, target: string): Command =>
  command
    .option(`--tcp <port${target}>`, 'TCP ports, comma list or repeated; also FIRST-LAST, and any', collect)
    .option(`--udp <port${target}>`, 'UDP ports, the same way', collect)
    .option(`--sctp <port${target}>`, 'SCTP ports, the same way', collect)
    .option('--icmp', 'ICMP echo')
    .option('--mark <mark>', 'firewall mark that chooses the packets', wholeNumber)

export const addCreateFlags = (command: Command): Command =>
  command
    .option(
      '--endpoints <ip:weight>',
      'servers, comma list or repeated; the weight is 1 when left out; then /priority=N, /serverId=HEX',
      collect,
    )
    .addOption(
      offering('--mode <mode>', 'default (dnat), onearm, fullnat, dsr or hostonearm', Object.keys(modeNumbers)).default(
        'default',
      ),
    )
    .addOption(offering('--select <algorithm>', 'how an endpoint is chosen', Object.keys(selectNumbers)).default('rr'))
    .option('--name <name>', 'name of the service')
    .option('--secips <ips>', 'further virtual addresses, comma list or repeated', collect)
    .option('--sources <cidrs>', 'prefixes that may use the service, comma list or repeated', collect)
    .option('--inatimeout <seconds>', 'how long an established connection may be idle', wholeNumber)
    .option('--attachEP', 'add the endpoints to those there are')
    .option('--detachEP', 'take the endpoints away')
    .addOption(new Option('--encapsulation <way>', 'mode dsr: how packets get there').choices(encapsulations))
    .option('--persist-timeout <seconds>', 'select persist: how long a client is remembered', wholeNumber)
    .addOption(new Option('--miss <way>', 'select n3 and hint: what becomes of unknown sessions').choices(misses))
    .option('--quic <settings>', 'select quic: serverIdLength=8,nonceLength=10[,key=HEX][,configId=0]')
    .addOption(
      new Option('--out-of-the-blue <way>', 'the middle of connections that are not known').choices(outOfTheBlues),
    )
    .addOption(new Option('--alg <protocol>', 'follow what the payload names').choices(algs))
    .option('--reset-on-idle', 'tell both sides of an idle TCP connection (usual with --inatimeout)')
    .option('--no-reset-on-idle', 'do not')
    .option('--embryonic-limit <flows>', 'connections that may be unestablished at a time', wholeNumber)
    .option('--snat <ips>', 'source addresses that servers see, comma list or repeated', collect)
    .addOption(new Option('--announce <who>', 'who answers for the address').choices(['local', 'routed']))
