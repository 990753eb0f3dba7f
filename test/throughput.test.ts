// Bulk traffic: iperf3 through the balancer, with GSO packets and checksum offload under TC and without them under XDP.
// The kernels at both ends say whether a checksum was wrong and how many segments there were.

import { once } from 'node:events'

import type { ExecutionContext } from 'ava'

import type { Host } from '../lab/host.ts'
import { hooks, threeServers } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { drops, startStory, storyConfig, storyNeeds, until } from './support/story.ts'

const iperfPort = 5201
/** Endpoints answer through this machine: in mode `dsr` they do not, see dsr.test.ts. */
const modes = ['dnat', 'onearm', 'fullnat', 'hostonearm'] as const
/** What queues between the hosts may lose, as a part of all segments. */
const tolerance = 0.1

interface IperfEnd {
  readonly bytes: number
  readonly retransmits?: number
  readonly lost_packets?: number
}

interface IperfReport {
  readonly error?: string
  readonly end: { readonly sum_sent: IperfEnd; readonly sum_received: IperfEnd }
}

/** Counters of a host's kernel, as `Ip.InHdrErrors` or `Tcp.OutSegs`. */
const kernelCounters = async (host: Host): Promise<ReadonlyMap<string, number>> => {
  const lines = (await host.run('cat', ['/proc/net/snmp', '/proc/net/netstat'])).stdout.trim().split('\n')
  const counters = new Map<string, number>()
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [group = '', ...names] = lines[at]?.split(' ') ?? []
    const [, ...values] = lines[at + 1]?.split(' ') ?? []
    for (const [index, name] of names.entries()) counters.set(group.replace(':', '.') + name, Number(values[index]))
  }
  return counters
}

const counterOf = (counters: ReadonlyMap<string, number>, name: string): number => {
  const value = counters.get(name)
  if (value === undefined) throw new Error(`the kernel has no counter ${name}`)
  return value
}

const errorCounters = ['Tcp.InCsumErrors', 'Tcp.InErrs', 'Udp.InCsumErrors', 'Icmp.InCsumErrors', 'Ip.InHdrErrors']

/** One iperf3 server for one test. */
const serveIperf = async (host: Host): Promise<void> => {
  const server = host.spawn('iperf3', ['--server', '--one-off', '--port', String(iperfPort)], { stdio: 'ignore' })
  server.unref()
  await once(server, 'spawn')
  await until('iperf3 listens', async () =>
    (await host.run('ss', ['-Hltn', `sport = :${iperfPort}`])).stdout.includes(String(iperfPort)),
  )
}

const runIperf = async (host: Host, args: readonly string[]): Promise<IperfReport> => {
  const { stdout, stderr } = await host.run('iperf3', ['--json', '--client', ...args])
  const report = JSON.parse(stdout) as IperfReport
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error} ${stderr}`)
  return report
}

const checkNoErrors = async (t: ExecutionContext, host: Host): Promise<void> => {
  const counters = await kernelCounters(host)
  for (const name of errorCounters) t.is(counterOf(counters, name), 0, `${host.name} ${name}`)
}

for (const hook of hooks) {
  testWith(
    [...storyNeeds, 'iperf3'],
    `throughput: iperf3 both ways in every mode under ${hook}, ${hook === 'tc' ? 'with' : 'without'} offloads`,
    async (t) => {
      const topology = threeServers({ hook })
      // Every address of the balancer is a VIP of `hostonearm`: such as the one on the client's link.
      const vipOf = (mode: string): string => (mode === 'hostonearm' ? '10.1.1.1' : topology.vip)
      const server = topology.servers[0]?.address ?? ''
      const { lab, daemon } = await startStory(
        t,
        topology,
        storyConfig(
          topology,
          modes.map((mode, index) => ({
            name: mode,
            port: 1_000 + index,
            protocol: 'tcp',
            mode,
            ...(mode === 'hostonearm' && { vip: '0.0.0.0' }),
            endpoints: [{ address: server, port: iperfPort }],
          })),
        ),
      )
      const [client, far] = [lab.host('client'), lab.host('server1')]
      for (const [index, mode] of modes.entries()) {
        for (const direction of ['to the server', 'to the client']) {
          const before = [await kernelCounters(client), await kernelCounters(far)]
          const serviceBefore = (await daemon.services()).find(({ name }) => name === mode)?.counters
          await serveIperf(far)
          const report = await runIperf(client, [
            vipOf(mode),
            '--port',
            String(1_000 + index),
            '--bytes',
            '40M',
            ...(direction === 'to the client' ? ['--reverse'] : []),
          ])
          const title = `${mode} ${direction}`
          const { sum_sent: sent, sum_received: received } = report.end
          // iperf3 ends the test when the last byte is sent, and does not wait for it to arrive.
          t.true(sent.bytes >= 40_000_000 && received.bytes > 0.5 * sent.bytes, `${title}: ${received.bytes} bytes`)
          const after = [await kernelCounters(client), await kernelCounters(far)]
          const serviceAfter = (await daemon.services()).find(({ name }) => name === mode)?.counters

          const grown = (name: string): number =>
            after.reduce(
              (total, counters, end) => total + counterOf(counters, name) - counterOf(before[end] ?? counters, name),
              0,
            )
          const segments = grown('Tcp.OutSegs')
          // Wrong checksums or sizes would be a storm. A busy machine overruns the queue of a veth now and then, and
          // what goes there is a GSO packet of up to 44 segments.
          t.true(grown('Tcp.RetransSegs') < segments * tolerance, `${title}: ${grown('Tcp.RetransSegs')} retransmits`)
          // A GSO packet counts once where its host sends it; on the wire each of its segments has its headers.
          const headers = 52
          const wireBytes = grown('IpExt.OutOctets') + (segments - grown('Ip.OutRequests')) * headers
          const packets = Number(serviceAfter?.packets ?? 0) - Number(serviceBefore?.packets ?? 0)
          const bytes = Number(serviceAfter?.bytes ?? 0) - Number(serviceBefore?.bytes ?? 0)
          t.true(Math.abs(packets - segments) <= segments * tolerance, `${title}: packets`)
          t.true(Math.abs(bytes - wireBytes) <= wireBytes * tolerance, `${title}: bytes`)
          if (hook === 'tc') t.true(segments > 2 * grown('Ip.OutRequests'), `${title}: there were GSO packets`)
        }
      }
      await checkNoErrors(t, client)
      await checkNoErrors(t, far)
      t.deepEqual(await drops(daemon), {})
    },
  )

  testWith([...storyNeeds, 'iperf3'], `throughput: a UDP stream under ${hook} loses nothing`, async (t) => {
    const topology = threeServers({ hook })
    const { vip } = topology
    const endpoints = [{ address: topology.servers[1]?.address ?? '', port: iperfPort }]
    const { lab, daemon } = await startStory(
      t,
      topology,
      storyConfig(topology, [
        // iperf3 talks about a test over TCP, to the same port.
        { name: 'control', port: iperfPort, protocol: 'tcp', mode: 'fullnat', endpoints },
        { name: 'data', port: iperfPort, protocol: 'udp', mode: 'fullnat', endpoints },
      ]),
    )
    const [client, far] = [lab.host('client'), lab.host('server2')]
    await serveIperf(far)
    const report = await runIperf(client, [vip, '--udp', '--bitrate', '20M', '--length', '1400', '--bytes', '5M'])
    const { bytes, lost_packets: lost = NaN } = report.end.sum_received
    // A server that has to wait for a CPU loses what comes meanwhile, and its kernel says how many.
    const overflown = counterOf(await kernelCounters(far), 'Udp.RcvbufErrors')
    t.true(bytes + lost * 1400 >= 5_000_000)
    t.true(lost <= overflown, `${lost} lost, ${overflown} by the server's socket`)
    await checkNoErrors(t, client)
    await checkNoErrors(t, far)
    t.deepEqual(await drops(daemon), {})
  })
}
