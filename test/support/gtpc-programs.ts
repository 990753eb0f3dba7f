// Peers of GTP-C that are not ours, on lab hosts: the GGSN and the SGSN of Osmocom, and the SGW-C of NextEPC.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'

import type { ExecutionContext } from 'ava'

import type { Host } from '../../lab/host.ts'

/** A program that runs until the test ends. */
export interface Program {
  readonly process: ChildProcess
  /** all that it has said */
  output(): string
}

/** What a program keeps, gone with the test. */
export const scratchFor = (t: ExecutionContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-gtpc-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const startProgram = (
  t: ExecutionContext,
  host: Host,
  command: string,
  args: readonly string[],
  directory: string,
): Program => {
  // What goes into a pipe would wait until there is much of it.
  const child = host.spawn('stdbuf', ['--output=L', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: directory,
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (part: string) => (text += part))
  const output = (): string => text
  t.teardown(() => {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    if (!t.passed) t.log(`${command} on ${host.name}:\n${output().slice(-4000)}`)
  })
  return { process: child, output }
}

export interface GgsnOptions {
  /** of Gn, for control and for users' packets */
  readonly address: string
  /** prefix of the users, of 24 bits */
  readonly pool: string
  /** its restart counter lives there */
  readonly directory: string
}

export const startGgsn = (t: ExecutionContext, host: Host, { address, directory, pool }: GgsnOptions): Program => {
  const file = join(directory, 'osmo-ggsn.cfg')
  const lines = [
    'log stderr',
    ' logging filter all 1',
    ' logging color 0',
    ' logging timestamp 0',
    ' logging level ggsn info',
    'line vty',
    ' no login',
    ' bind 127.0.0.1',
    'ggsn ggsn0',
    ` gtp state-dir ${directory}`,
    ` gtp bind-ip ${address}`,
    ' apn internet',
    '  gtpu-mode tun',
    '  tun-device tun4',
    '  type-support v4',
    `  ip prefix dynamic ${pool}`,
    '  ip dns 0 192.0.2.53',
    `  ip ifconfig ${pool}`,
    '  no shutdown',
    ' default-apn internet',
    ' no shutdown ggsn',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return startProgram(t, host, 'osmo-ggsn', ['-c', file], directory)
}

export interface SgsnOptions {
  readonly address: string
  readonly ggsn: string
  /** of the first context; each further one has 10 more */
  readonly imsi: string
  readonly contexts: number
  /** its users ping it, one after the other, in the end none; null: they do nothing */
  readonly ping: { readonly address: string; readonly count: number; readonly perSecond: number } | null
  /** after which it deletes its contexts; 0: never */
  readonly seconds: number
}

export const startSgsn = (t: ExecutionContext, host: Host, options: SgsnOptions): Program => {
  const { address, contexts, ggsn, imsi, ping, seconds } = options
  const directory = scratchFor(t)
  const flags: Readonly<Record<string, string | number>> = {
    listen: address,
    remote: ggsn,
    imsi,
    contexts,
    apn: 'internet',
    timelimit: seconds,
    statedir: directory,
    pidfile: join(directory, 'pid'),
    ...(ping !== null && { pinghost: ping.address, pingcount: ping.count, pingrate: ping.perSecond }),
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  return startProgram(t, host, 'sgsnemu', args, directory)
}

/** It answers no echo requests of GTP-C. */
export const startSgw = (t: ExecutionContext, host: Host, address: string): Program => {
  const directory = scratchFor(t)
  const file = join(directory, 'sgw.conf')
  // JSON is YAML.
  const config = {
    logger: { file: join(directory, 'sgw.log') },
    parameter: { no_ipv6: true },
    sgw: { gtpc: { addr: address }, gtpu: { addr: address } },
  }
  writeFileSync(file, JSON.stringify(config))
  const args = ['-f', file, '-p', join(directory, 'pid'), '-l', join(directory, 'sgw.log')]
  return startProgram(t, host, 'nextepc-sgwd', args, directory)
}
