import { testWith } from '../../testing/needs.ts'
import { buildLan, RemoteNetwork, until } from './test/hosts.ts'

testWith(['root', 'netns'], 'network: lists the devices of its own namespace', async (t) => {
  const { box } = buildLan(t)
  box.ip('link set eth0 mtu 1400 address 02:00:00:00:00:01')
  box.ip('link add bridge type bridge')
  box.ip('tuntap add tunnel mode tun')
  const network = await RemoteNetwork.open(t, box)
  const devices = await network.call('devices')

  t.deepEqual(devices.map(({ name }) => name).toSorted(), ['bridge', 'eth0', 'lo', 'tunnel'])
  const eth0 = devices.find(({ name }) => name === 'eth0')
  t.deepEqual(eth0?.mac, Uint8Array.of(2, 0, 0, 0, 0, 1))
  t.like(eth0, { driver: 'veth', mtu: 1400, up: true })
  t.like(
    devices.find(({ name }) => name === 'bridge'),
    { driver: 'bridge', up: false, xdpTransmit: false },
  )
  t.deepEqual(devices.find(({ name }) => name === 'tunnel')?.mac, new Uint8Array(6))
})

testWith(
  ['root', 'netns', 'ethtool'],
  'network: says of a veth that it takes redirected frames while its peer has GRO, and hears of the change',
  async (t) => {
    const { box, peer } = buildLan(t)
    peer.run('ethtool -K port0 gro off')
    const network = await RemoteNetwork.open(t, box)
    const transmits = async (): Promise<boolean | undefined> =>
      (await network.call('devices')).find(({ name }) => name === 'eth0')?.xdpTransmit

    t.false(await transmits())
    const before = await network.events()
    peer.run('ethtool -K port0 gro on')
    t.true(await transmits())
    await until('word of the change', async () => (await network.events()).settled > before.settled)
    peer.run('ethtool -K port0 gro off')
    t.false(await transmits())
  },
)
