// What every command starts from: the global options and a connection to the daemon they name.

import { connectTo } from './client.ts'
import type { Client } from './client.ts'
import type { Io } from './io.ts'
import type { Format } from './output.ts'
import { resolveTarget } from './target.ts'

export interface GlobalOptions {
  readonly instance?: string
  readonly server?: string
  readonly output: Format
  readonly headers: boolean
  /** seconds */
  readonly timeout: number
}

export const connect = async (io: Io, options: GlobalOptions): Promise<Client> =>
  connectTo(await resolveTarget(options, io.env), options.timeout * 1000)
