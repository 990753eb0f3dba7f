import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { testWith } from '../../testing/needs.ts'
import { buildLan, RemoteNetwork, until, type TestHost } from './test/hosts.ts'

const vip = '10.77.0.100'
const vip6 = 'fd77::100'

const macOf = (host: TestHost): string => /link\/ether (\S+)/.exec(host.ip('link show eth0'))?.[1] ?? 'none'
const neighbour = (host: TestHost, address: string): string => host.ip(`neigh show ${address}`)
/** Asks the link who has the address, and waits for the MAC address in the answer. */
const resolves = (host: TestHost, address: string, mac: string): Promise<boolean> =>
  until(`${address} at ${mac}`, () => {
    host.ip(`neigh replace ${address} dev br0 use`)
    return neighbour(host, address).includes(mac)
  })

testWith(['root', 'netns'], 'announcer: a VIP is answered for, and its clients follow it to another box', async (t) => {
  const { box, other, peer } = buildLan(t)
  const [first, second] = [await RemoteNetwork.open(t, box), await RemoteNetwork.open(t, other)]
  await first.call('announce', [vip, vip6])
  for (const address of [vip, vip6]) await resolves(peer, address, macOf(box))

  await first.call('withdraw', [vip, vip6])
  t.false(box.ip('addr show').includes('.100/'))
  t.false(box.ip('addr show').includes('::100/'))
  await second.call('announce', [vip, vip6])
  // Without a packet to the VIP: by the announcement alone.
  for (const address of [vip, vip6])
    await until(`${address} at its new place`, () => neighbour(peer, address).includes(macOf(other)))
  for (const address of [vip, vip6]) {
    peer.ip(`neigh del ${address} dev br0`)
    await resolves(peer, address, macOf(other))
  }
  t.deepEqual([(await first.events()).log, (await second.events()).log], [[], []])
})

testWith(['root', 'netns'], 'announcer: announcing twice is announcing once', async (t) => {
  const { box } = buildLan(t)
  const network = await RemoteNetwork.open(t, box)
  await network.call('announce', vip)
  await network.call('announce', vip)
  t.is(box.ip('-o addr show').split(vip).length, 2)
  t.deepEqual(await network.call('announced'), [vip])
  await network.call('withdraw', vip)
  await network.call('withdraw', vip)
  t.deepEqual(await network.call('announced'), [])
})

testWith(['root', 'netns'], 'announcer: an address that others gave to the host is never removed', async (t) => {
  const { box } = buildLan(t)
  box.ip(`addr add ${vip}/32 dev lo`)
  const network = await RemoteNetwork.open(t, box)
  await network.call('announce', [vip, '10.77.0.1'])
  t.is(box.ip('-o addr show').split('10.77.0.1/').length, 2, 'not given a second time')
  t.regex((await network.events()).log.join(), /10\.77\.0\.100 was given to this host by others/)
  await network.call('withdraw', [vip, '10.77.0.1'])
  t.true(box.ip('addr show dev lo').includes(vip))
  t.true(box.ip('addr show dev eth0').includes('10.77.0.1/24'))
})

testWith(['root', 'netns'], 'announcer: a VIP outlives its daemon, and the next one can withdraw it', async (t) => {
  const { box } = buildLan(t)
  const first = await RemoteNetwork.open(t, box)
  await first.call('announce', [vip, vip6])
  await first.call('close')
  const killed = await RemoteNetwork.open(t, box)
  await killed.call('announce', '10.77.0.101')
  await killed.kill()

  const stranger = await RemoteNetwork.open(t, box, { instance: 'another' })
  t.deepEqual(await stranger.call('announced'), [])
  await stranger.call('withdraw', vip)
  t.true(box.ip('addr show dev lo').includes(vip), 'not of another instance')

  const next = await RemoteNetwork.open(t, box)
  t.deepEqual((await next.call('announced')).toSorted(), [vip, '10.77.0.101', vip6])
  await next.call('announce', vip)
  await next.call('withdraw', [vip, '10.77.0.101', vip6])
  t.notRegex(box.ip('addr show'), /10\.77\.0\.10[01]|fd77::100/)
})

testWith(['root', 'netns'], 'announcer: puts right what the kernel or an operator took away', async (t) => {
  const { box, peer } = buildLan(t)
  const network = await RemoteNetwork.open(t, box)
  await network.call('announce', [vip, vip6])
  box.ip(`addr del ${vip}/32 dev lo`)
  await until('the address', () => box.ip('addr show dev lo').includes(vip))
  // The kernel removes IPv6 addresses from a device that goes down.
  box.ip('link set eth0 down')
  box.ip('link set eth0 up')
  await until('the IPv6 address', () => box.ip('addr show dev eth0').includes(vip6))
  await resolves(peer, vip6, macOf(box))
  // A device whose MAC address changes is announced anew.
  box.ip('link set eth0 address 02:00:00:00:00:77')
  await until('the new MAC address', () => neighbour(peer, vip6).includes('02:00:00:00:00:77'))
  t.pass()
})

testWith(['root', 'netns'], 'announcer: the host does not take a VIP for its own packets', async (t) => {
  const { box } = buildLan(t)
  const network = await RemoteNetwork.open(t, box)
  await network.call('announce', [vip, vip6])
  const egress = await network.call('egress', ['10.77.0.254', 'fd77::fe'])
  t.deepEqual(
    [...egress.values()].map((found) => found?.source),
    ['10.77.0.1', 'fd77::1'],
  )
})

testWith(['root', 'netns', 'tshark'], 'announcer: tshark reads its frames as announcements', async (t) => {
  const { box, peer } = buildLan(t)
  const network = await RemoteNetwork.open(t, box)
  const filter = 'arp.isannouncement || arp.isgratuitous || icmpv6.nd.na.flag.s == 0'
  const fields = '-e arp.opcode -e arp.src.proto_ipv4 -e arp.isannouncement -e icmpv6.nd.na.target_address'
  const options = `-e icmpv6.checksum.status -e icmpv6.nd.na.flag.o -e ipv6.hlim`
  // Three times two ARP frames, and three advertisements.
  const line = `-n -l -i port0 -a duration:30 -T fields -E separator=, ${fields} ${options}`
  const words = [`--net=${peer.path}`, '--', 'tshark', ...line.split(' '), '-f', 'arp or icmp6', '-Y', filter]
  const tshark = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [output, errors] = ['', '']
  tshark.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  tshark.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const closed = once(tshark, 'close')
  t.teardown(() => tshark.kill())
  await until('tshark', () => {
    if (tshark.exitCode !== null) throw new Error(`tshark ended: ${errors}`)
    return errors.includes('Capture started')
  })
  await network.call('announce', [vip, vip6])
  // Three times two ARP frames, and three advertisements.
  await until('frames', () => output.trim().split('\n').length >= 9)
  tshark.kill()
  await closed
  const lines = output.trim().split('\n')
  const count = (pattern: RegExp): number => lines.filter((text) => pattern.test(text)).length
  t.is(count(/^1,10\.77\.0\.100,(1|True),/), 3, output)
  t.is(count(/^2,10\.77\.0\.100,/), 3, output)
  t.is(count(/^,,,fd77::100,1,(1|True),255$/), 3, output)
})
