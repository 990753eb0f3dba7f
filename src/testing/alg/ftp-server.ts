// A real FTP server on a lab host, gone with the test: user u, password p, and one file whose name is `file`.

import { on } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ExecutionContext } from 'ava'
import type { Host } from '../../../lab/host.ts'

export const ftpPort = 2121

/** As curl takes a transfer: four ways to agree on a data connection. */
export const ftpWays: readonly (readonly [string, readonly string[]])[] = [
  ['EPSV', []],
  ['PASV', ['--disable-epsv', '--no-ftp-skip-pasv-ip']],
  ['EPRT', ['--ftp-port', '-']],
  ['PORT', ['--ftp-port', '-', '--disable-eprt']],
]

/** Of the system: a Python in PATH may be another one, without the library. */
export const python = '/usr/bin/python3'

export const pythonScript = (name: string): string => join(import.meta.dirname, name)

/** Returns what it says of its clients, one line for each call: `login ADDRESS`. */
export async function startFtpServer(
  t: ExecutionContext,
  host: Host,
  address: string,
  content: string,
): Promise<() => Promise<string>> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-ftp-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'file'), content)
  const words = ['-W', 'ignore', pythonScript('ftp_server.py'), address, String(ftpPort), directory]
  const server = host.spawn(python, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => server.kill('SIGKILL'))
  server.stderr!.setEncoding('utf8').on('data', (text: string) => t.log(text))
  const lines = on(createInterface(server.stdout!), 'line')
  const next = async (): Promise<string> => String((await lines.next()).value?.[0])
  await next()
  return next
}
