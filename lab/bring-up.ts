// The commands that make a topology real, as text: one batch for `ip`, then one shell script for each host. Kept apart
// from running them, so that what a lab does to the machine can be read and tested without being root.

import { namespaceName } from './instance.ts'
import { addressesOf, type HostSpec, type LinkEnd, type LinkSpec, type Topology } from './topology.ts'

export interface BringUp {
  /** for `ip -batch -`, in the machine's own namespace */
  readonly batch: string
  /** for `sh -e`, each inside its host's namespace */
  readonly scripts: readonly { readonly host: string; readonly script: string }[]
}

export const bringUp = (topology: Topology, instance: string): BringUp => ({
  batch: [
    ...topology.hosts.map((host) => `netns add ${namespaceName(instance, host.name)}`),
    ...topology.links.map((link) => linkLine(link, instance)),
    '',
  ].join('\n'),
  scripts: topology.hosts.map((host) => ({ host: host.name, script: hostScript(host, topology) })),
})

/** Both ends are made where they belong; nothing appears in the machine's own namespace, not even for a moment. */
const linkLine = (link: LinkSpec, instance: string): string => {
  const mtu = link.mtu === undefined ? '' : ` mtu ${link.mtu}`
  const end = ({ host, device }: LinkEnd): string => `${device} netns ${namespaceName(instance, host)}${mtu}`
  return `link add ${end(link.a)} type veth peer name ${end(link.b)}`
}

const hostScript = (host: HostSpec, topology: Topology): string => {
  const ends = topology.links.flatMap((link) => [link.a, link.b]).filter((end) => end.host === host.name)
  const usesIpv6 = [...ends.flatMap(addressesOf), ...(host.addresses ?? [])].some((text) => text.includes(':'))
  const nodad = (address: string): string => (address.includes(':') ? ' nodad' : '')
  return [
    // A new namespace takes some settings over from the machine; those that matter are written, so that a lab behaves
    // the same everywhere.
    setEvery('ipv4', 'forwarding', host.forwarding ? '1' : '0'),
    setEvery('ipv4', 'rp_filter', '0'),
    // Without addresses of its own IPv6 only adds router solicitations and neighbour discovery to the captures.
    usesIpv6 ? setEvery('ipv6', 'forwarding', host.forwarding ? '1' : '0') : setEvery('ipv6', 'disable_ipv6', '1'),
    ...Object.entries(host.sysctls ?? {}).map(
      ([name, value]) => `echo '${value}' > /proc/sys/${name.replaceAll('.', '/')}`,
    ),
    "ip -batch - <<'END'",
    'link set lo up',
    ...(host.addresses ?? []).map((address) => `address add ${address} dev lo${nodad(address)}`),
    ...ends.flatMap((end) =>
      addressesOf(end).map((address) => `address add ${address} dev ${end.device}${nodad(address)}`),
    ),
    ...ends.map((end) => `link set ${end.device} up`),
    ...(host.routes ?? []).map((route) => `route add ${route.to} via ${route.via}`),
    'END',
    ...(topology.hook === 'xdp' && host.name !== topology.balancer ? ends.map(offloadsForXdp) : []),
    '',
  ].join('\n')
}

const setEvery = (family: 'ipv4' | 'ipv6', setting: string, value: string): string =>
  `for file in /proc/sys/net/${family}/conf/*/${setting}; do [ ! -e "$file" ] || echo ${value} > "$file"; done`

/**
 * A program at a veth's XDP hook sees a local sender's packet before its checksum is filled in, and a redirect forgets
 * that it was to be filled in: so the sender does it. And a veth takes redirected frames only while it polls (NAPI),
 * which generic receive offload turns on; otherwise they vanish without a trace. The kernel tells the other end of it
 * only when the device is up already.
 */
const offloadsForXdp = (end: LinkEnd): string => `ethtool -K ${end.device} tx off gro on > /dev/null`
