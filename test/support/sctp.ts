// SCTP peers that are not ours: the example programs of libusrsctp, which speak it over raw IP sockets of their own,
// since not every kernel knows SCTP. And the network they stand in, of one family.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import type { Host } from '../../lab/host.ts'
import type { Hook, ThreeServers } from '../../lab/topology.ts'
import { until } from './story.ts'

const programs = '/usr/lib/usrsctp'
/** The echo server has no other. */
export const echoPort = 7

type Family = 4 | 6

const plans = {
  4: { vips: ['10.99.0.1', '10.99.0.2'], prefix: '10.99.0.0/24', bits: 24 },
  6: { vips: ['fd00:99::1', 'fd00:99::2'], prefix: 'fd00:99::/64', bits: 64 },
} as const

const addressIn = (family: Family, kind: number, number: number, host: number): string =>
  family === 4 ? `10.${kind}.${number}.${host}` : `fd00:${kind}:${number}::${host}`

export interface SctpNetwork extends ThreeServers {
  readonly secondVip: string
  /** of the servers' family, where that is another than the clients' */
  readonly farVip: string
}

interface Place {
  readonly family: Family
  readonly name: string
  readonly address: string
  readonly gateway: string
  readonly bits: number
}

const place = (family: Family, kind: number, name: string, number: number): Place => ({
  family,
  name,
  address: addressIn(family, kind, number, 2),
  gateway: addressIn(family, kind, number, 1),
  bits: plans[family].bits,
})

const usualMtu = 1500
/** by which an IPv6 header is longer */
const familyDifference = 20

/**
 * Two clients and two servers, each on a link of its own to the balancer. Between the families IPv6 has links on which
 * no packet is too long: the programs hear no ICMP, so they would not learn it.
 */
export const sctpNetwork = (hook: Hook, family: Family, farFamily: Family = family): SctpNetwork => {
  const { vips, prefix } = plans[family]
  const clients = ['client', 'client2'].map((name, index) => place(family, 1, name, index + 1))
  const servers = ['server1', 'server2'].map((name, index) => place(farFamily, 2, name, index + 1))
  return {
    hook,
    balancer: 'balancer',
    vip: vips[0],
    secondVip: vips[1],
    farVip: plans[farFamily].vips[0],
    clients,
    servers,
    hosts: [
      { name: 'balancer', forwarding: true },
      ...clients.map(({ name, gateway }) => ({ name, routes: [{ to: prefix, via: gateway }] })),
      ...servers.map(({ name, gateway }) => ({ name, routes: [{ to: 'default', via: gateway }] })),
    ],
    links: [...clients, ...servers].map(({ family: own, name, address, gateway, bits }) => ({
      mtu: family !== farFamily && own === 6 ? usualMtu + familyDifference : usualMtu,
      a: { host: 'balancer', device: name, address: `${gateway}/${bits}` },
      b: { host: name, device: 'eth0', address: `${address}/${bits}` },
    })),
  }
}

/** Lines as they come, not when a buffer is full. */
const start = (host: Host, program: string, args: readonly string[]): ChildProcess =>
  host.spawn('stdbuf', ['-oL', `${programs}/${program}`, ...args], { stdio: ['pipe', 'pipe', 'ignore'] })

export interface EchoServer {
  /** `ADDRESS:PORT` of everyone who sent something, as this server sees them */
  clients(): ReadonlySet<string>
  close(): Promise<void>
}

/** A raw socket of the protocol is open in the host: from then on its kernel does not refuse SCTP any more. */
const speaksSctp = async (host: Host): Promise<boolean> =>
  (await host.run('grep', ['-q', ':0084 ', '/proc/net/raw', '/proc/net/raw6'])).code === 0

/** Answers each message with itself. */
export const startEchoServer = async (host: Host): Promise<EchoServer> => {
  const child = start(host, 'echo_server', [])
  const ended = once(child, 'exit')
  const clients = new Set<string>()
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [, from] = /^Msg of length \d+ received from (\S+) /.exec(line) ?? []
    // IPv4 shows as IPv6 there.
    if (from !== undefined) clients.add(from.replace(/^::ffff:(?=\d+\.)/, ''))
  })
  await until(`${host.name} speaks SCTP`, () => speaksSctp(host))
  return {
    clients: () => clients,
    close: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

export interface Association {
  /** sends lines, and returns those that came back: as many, unless the client gave up */
  say(lines: readonly string[]): Promise<readonly string[]>
  /** shuts the association down and returns what the client told of it: events, addresses, packets */
  close(): Promise<readonly string[]>
  /** the client vanishes without a word */
  kill(): Promise<void>
}

const answerMs = 15_000
/** what a line begins with, so that the client's own words are told from it */
const mark = '>'

export interface Ends {
  readonly address: string
  readonly port: number
  /** the client's own */
  readonly localPort: number
}

export const openAssociation = (host: Host, { address, port, localPort }: Ends): Association => {
  const child = start(host, 'client', [address, String(port), String(localPort)])
  const ended = once(child, 'exit')
  const received: string[] = []
  const told: string[] = []
  let heard = (): void => {}
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (line.startsWith(mark)) received.push(line.slice(mark.length))
    else told.push(line)
    heard()
  })
  const runs = (): boolean => child.exitCode === null && child.signalCode === null
  child.once('exit', () => heard())
  const limited = async (work: () => Promise<unknown>): Promise<void> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), answerMs)
    await work()
    clearTimeout(timer)
  }
  return {
    say: async (lines) => {
      child.stdin!.write(lines.map((line) => `${mark}${line}\n`).join(''))
      await limited(async () => {
        while (received.length < lines.length && runs()) await new Promise<void>((resolve) => (heard = resolve))
      })
      return received.splice(0)
    },
    close: async () => {
      child.stdin!.end()
      await limited(() => ended)
      return told
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
