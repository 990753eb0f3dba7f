// Where an instance keeps its things. An instance is one daemon with its own socket, state and pins; several can live
// on one machine under different names.

import { join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

export const defaultInstance = 'default'

/** The name becomes a directory in three places, so it is kept to what is safe in all of them. */
export const isInstanceName = (name: string): boolean => /^[a-z0-9-]{1,32}$/.test(name)

const checked = (instance: string): string => {
  if (isInstanceName(instance)) return instance
  throw new RangeError(`"${instance}" is not an instance name: use 1 to 32 of the characters a to z, 0 to 9 and "-"`)
}

/** Holds the run directories of all instances; SLUICE_RUN_DIR moves it (tests, users without root). */
export const runRoot = (env: Environment = process.env): string => env['SLUICE_RUN_DIR'] || '/run/sluice'

/** Sockets: gone after a reboot. */
export const runDirectory = (instance: string, env: Environment = process.env): string =>
  join(runRoot(env), checked(instance))

/** What the API made, identifiers given out: kept for ever. */
export const stateDirectory = (instance: string, env: Environment = process.env): string =>
  join(env['SLUICE_STATE_DIR'] || '/var/lib/sluice', checked(instance))

/** Maps, programs and links: kept until the machine reboots. */
export const pinDirectory = (instance: string): string => join('/sys/fs/bpf/sluice', checked(instance))

export const apiSocket = (instance: string, env: Environment = process.env): string =>
  join(runDirectory(instance, env), 'api.sock')
