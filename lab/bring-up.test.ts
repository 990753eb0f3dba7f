import test from 'ava'

import { bringUp } from './bring-up.ts'
import { threeServers } from './topology.ts'

const scriptOf = (hook: 'tc' | 'xdp', host: string): string =>
  bringUp(threeServers({ hook }), 'x').scripts.find((each) => each.host === host)?.script ?? ''

test('lab: makes every link between its two namespaces, never in the machine’s own', (t) => {
  const links = bringUp(threeServers({ hook: 'tc' }), 'x')
    .batch.split('\n')
    .filter((line) => line.startsWith('link'))
  t.is(links.length, 4)
  t.true(links.includes('link add client netns sluice-x-balancer type veth peer name eth0 netns sluice-x-client'))
})

test('lab: sets an mtu on both ends of a link', (t) => {
  const { batch } = bringUp(threeServers({ hook: 'tc', mtu: 9000 }), 'x')
  t.regex(batch, /link add client netns \S+ mtu 9000 type veth peer name eth0 netns \S+ mtu 9000/)
})

test('lab: prepares the far ends for XDP, and leaves offloads on under TC', (t) => {
  t.regex(scriptOf('xdp', 'client'), /ethtool -K eth0 tx off gro on/)
  t.notRegex(scriptOf('xdp', 'balancer'), /ethtool/)
  t.notRegex(scriptOf('tc', 'client'), /ethtool/)
})

test('lab: only the balancer forwards', (t) => {
  t.regex(scriptOf('tc', 'balancer'), /ipv4\/conf\/\*\/forwarding; .* echo 1 /)
  t.regex(scriptOf('tc', 'server1'), /ipv4\/conf\/\*\/forwarding; .* echo 0 /)
})
