// The commands about sessions with uplink classifiers, and their flags: loxicmd's, and ours.

import type { Command } from 'commander'
import { collect, wholeNumber } from './arguments.ts'
import type { Io } from './io.ts'

const ulclAliases = ['ulcl', 'sessionulcls', 'ulcls']

export const addGetSessions = (get: Command, io: Io): void => {
  get
    .command('user-sessions')
    .alias('user-session')
    .description('sessions with uplink classifiers, of every owner; -o wide: their tunnels and local places')
    .option('--limit <number>', 'at most so many (default: 1000)', wholeNumber)
    .action(async (_flags: unknown, self: Command) => {
      const { getUserSessions } = await import('./commands/user-sessions.ts')
      await getUserSessions(io, self.optsWithGlobals())
    })
  get
    .command('session')
    .description('sessions of the file and of the API, in columns of loxicmd; -o wide: their tunnels')
    .action(async (_flags: unknown, self: Command) => {
      const { getSession } = await import('./commands/user-sessions.ts')
      await getSession(io, self.optsWithGlobals())
    })
  get
    .command('sessionulcl')
    .aliases(ulclAliases)
    .description('their uplink classifiers, in columns of loxicmd')
    .action(async (_flags: unknown, self: Command) => {
      const { getSessionUlcl } = await import('./commands/user-sessions.ts')
      await getSessionUlcl(io, self.optsWithGlobals())
    })
}

export const addCreateSessions = (create: Command, io: Io): void => {
  create
    .command('session')
    .description('make or change a session, in words of loxicmd')
    .argument('<ident>', 'name of the session')
    .argument('<sessionIP>', 'address of the UE')
    .requiredOption('--accessNetworkTunnel <TEID:IP>', 'of the gNB: where what goes to the UE is sent')
    .requiredOption('--coreNetworkTunnel <TEID:IP>', "how the UE's G-PDUs come in")
    .action(async (ident: string, ue: string, _flags: unknown, self: Command) => {
      const { createSession } = await import('./commands/user-sessions.ts')
      await createSession(io, ident, ue, self.optsWithGlobals())
    })
  create
    .command('sessionulcl')
    .aliases(ulclAliases)
    .description('make places local for a session, in words of loxicmd')
    .argument('<ident>', 'name of the session')
    .requiredOption('--ulclArgs <QFI:IP>', 'places, comma list or repeated; also prefixes', collect)
    .action(async (ident: string, _flags: unknown, self: Command) => {
      const { createSessionUlcl } = await import('./commands/user-sessions.ts')
      await createSessionUlcl(io, ident, self.optsWithGlobals())
    })
  create
    .command('user-session')
    .description('make or change a session with uplink classifiers')
    .argument('<name>', 'name of the session')
    .requiredOption('--ue <ips>', 'addresses of the UE: of IPv4, of IPv6, or both with a comma', collect)
    .requiredOption('--uplink <TEID:IP>', "how the UE's G-PDUs come in: TEID and outer destination")
    .requiredOption('--downlink <TEID:IP>', 'of the access network: where what goes to the UE is sent')
    .option('--local <QFI:PREFIX>', 'places that are local, comma list or repeated', collect)
    .option('--dry-run', 'show what would change')
    .addHelpText(
      'after',
      '\nExample:\n' +
        '  sluice create user-session alice --ue=10.60.0.1,2001:db8:60::1 --uplink=0x11:192.0.2.1 \\\n' +
        '    --downlink=0x22:10.0.1.2 --local=9:10.0.2.0/24,9:fd00:2::/64',
    )
    .action(async (name: string, _flags: unknown, self: Command) => {
      const { createUserSession } = await import('./commands/user-sessions.ts')
      await createUserSession(io, name, self.optsWithGlobals())
    })
}

export const addDeleteSessions = (remove: Command, io: Io): void => {
  remove
    .command('session')
    .description('remove a session that the API made, in words of loxicmd')
    .argument('<ident>', 'name of the session')
    .action(async (ident: string, _flags: unknown, self: Command) => {
      const { deleteSession } = await import('./commands/user-sessions.ts')
      await deleteSession(io, ident, self.optsWithGlobals())
    })
  remove
    .command('sessionulcl')
    .aliases(ulclAliases)
    .description('make places of a session local no more, in words of loxicmd')
    .argument('<ident>', 'name of the session')
    .requiredOption('--ulclArgs <IP>', 'places, comma list or repeated; QFI:IP is taken too', collect)
    .action(async (ident: string, _flags: unknown, self: Command) => {
      const { deleteSessionUlcl } = await import('./commands/user-sessions.ts')
      await deleteSessionUlcl(io, ident, self.optsWithGlobals())
    })
  remove
    .command('user-session')
    .description('remove a session that the API made')
    .argument('<name>', 'name of the session')
    .option('--dry-run', 'show what would change')
    .action(async (name: string, _flags: unknown, self: Command) => {
      const { deleteUserSession } = await import('./commands/user-sessions.ts')
      await deleteUserSession(io, name, self.optsWithGlobals())
    })
}
