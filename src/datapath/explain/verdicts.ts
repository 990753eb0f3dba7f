// What each verdict means, and what to do about it. The table in docs/explain.md says the same; a test compares them.

import type { Verdict } from '../layout.gen.ts'

export interface Meaning {
  readonly meaning: string
  /** what to do about it; null where there is nothing to do */
  readonly advice: string | null
}

const meanings: Readonly<Record<Verdict, Meaning>> = {
  continue: { meaning: 'no verdict', advice: 'This is a bug of the program: please report it with the frame.' },
  forward: { meaning: 'translated and sent', advice: null },
  pass_not_service: {
    meaning: 'left to the kernel: no service and no flow has these addresses and ports',
    advice:
      'If it should be balanced, compare address, port and protocol with `sluice get lb`; of a service with a mark, ' +
      'give the mark by --mark.',
  },
  pass_not_ip: { meaning: 'left to the kernel: it is not IP', advice: null },
  pass_other_host: {
    meaning: 'left to the kernel: the frame is addressed to the MAC address of another machine',
    advice:
      'The sender has an old neighbour entry, or the frame was captured elsewhere: --in names the interface whose ' +
      'MAC address counts.',
  },
  pass_protocol: {
    meaning: 'left to the kernel: this IP protocol or ICMP type is not balanced',
    advice: 'TCP, UDP, SCTP and ICMP echo are balanced; ICMP errors follow the flow that they are about.',
  },
  pass_ttl: {
    meaning: 'left to the kernel: its TTL is used up, and the kernel tells the sender',
    advice: 'A traceroute does this on purpose. Else look for a routing loop on the way here.',
  },
  pass_neighbour_discovery: { meaning: 'left to the kernel: ICMPv6 that keeps the link going', advice: null },
  to_tc_neighbour: {
    meaning: "handed on to TC: the next hop's MAC address is not known",
    advice: 'TC has the kernel ask for it. If it stays so, the next hop does not answer: see `ip neigh`.',
  },
  to_tc_device: {
    meaning: 'handed on to TC: the egress device cannot send from XDP',
    advice: 'It works, and is slower. `sluice doctor` says what the device lacks.',
  },
  to_tc_route: { meaning: 'handed on to TC: the route is one that XDP cannot use', advice: null },
  to_tc_mtu: { meaning: 'handed on to TC: it is longer than the next link takes', advice: null },
  to_tc_fragment: { meaning: 'handed on to TC: fragments have to stay in order', advice: null },
  to_tc_mark: {
    meaning: 'handed on to TC: services are chosen by firewall mark, which XDP does not see',
    advice: null,
  },
  punt: {
    meaning: 'given to the daemon, which answers or forwards it',
    advice: 'What the daemon then does is not told here: its log says what it refuses.',
  },
  drop_malformed: {
    meaning: 'dropped: a length field lies, or a header is cut off',
    advice: 'Capture where the packet is made. A capture that cut its frames shows the same.',
  },
  drop_martian: {
    meaning: 'dropped: nobody can answer to its source address',
    advice: 'Look for who sends from a multicast, loopback or unspecified address.',
  },
  drop_bad_checksum: {
    meaning: 'dropped: the IPv4 header checksum, or the CRC32c of SCTP signalling, is wrong',
    advice:
      'Captured on the sender itself, checksums are not filled in yet: capture on another machine. Else suspect the ' +
      'link or a middlebox.',
  },
  drop_fragment: {
    meaning: 'dropped: its first fragment was dropped, or its protocol has no fragments',
    advice: 'Explain the first fragment. TCP and SCTP must not be fragmented here: mend the path MTU.',
  },
  drop_fragment_overlap: {
    meaning: 'dropped: it brings bytes that another fragment has already brought',
    advice: 'Nothing honest does this: suspect an attack, or two senders with one address.',
  },
  drop_fragment_tiny: {
    meaning: 'dropped: the first fragment is too short for the transport header',
    advice: 'Nothing honest does this: look at the sender.',
  },
  drop_extension_headers: {
    meaning: 'dropped: IPv6 extension headers that are too many, out of place, or deprecated',
    advice: 'Look at the sender; eight headers pass, a routing header of type 0 never does.',
  },
  drop_no_endpoint: {
    meaning: 'dropped: the service has no endpoint that takes new flows',
    advice:
      'See `sluice get lb -o wide`: attach an endpoint, give one a weight above 0, `sluice undrain` or ' +
      '`sluice unblock` one.',
  },
  drop_no_flow: {
    meaning: 'dropped: the middle of a connection that is not known',
    advice:
      'The connection began elsewhere, was idle for too long (`timeouts`, `idleTimeout`), or was lost by `--fresh`. ' +
      'The client has to connect again; `outOfTheBlue: hash` takes such packets where the selection is `hash`.',
  },
  drop_flows_full: {
    meaning: 'dropped: the table of flows is full',
    advice:
      'Raise `limits.flows`, or shorten `timeouts`; `sluice get ct` shows who has them. A closed flow that waits to ' +
      'be freed would make room for a real packet, which is not tried here.',
  },
  drop_ports_exhausted: {
    meaning: 'dropped: no free source port towards the endpoint',
    advice: 'Give the service more source addresses (`sources`, `--snat`), or the machine a wider port range.',
  },
  drop_flow_conflict: {
    meaning: 'dropped: another flow has the same addresses and ports behind the translation',
    advice:
      'The client reaches one endpoint by two services from one port. Mode `fullnat` gives each flow a port of its ' +
      'own.',
  },
  drop_no_route: {
    meaning: 'dropped: the kernel forwards nothing there',
    advice: 'See `ip route get ADDRESS` for the endpoint: there is no route, or it leads to this machine.',
  },
  drop_forwarding_off: {
    meaning: 'dropped: forwarding is off on the interface it came in by',
    advice: 'Set `net.ipv4.conf.IFACE.forwarding=1` (IPv6: `net.ipv6.conf.all.forwarding=1`).',
  },
  drop_mtu: {
    meaning: 'dropped: longer than the next link takes',
    advice: 'Raise the MTU on the way to the endpoint, or lower the MSS of the clients.',
  },
  drop_gso: {
    meaning: 'dropped: a GSO packet that cannot be translated or encapsulated as one',
    advice: 'Switch segmentation off for what comes in: `ethtool -K IFACE gro off lro off`.',
  },
  drop_source: {
    meaning: 'dropped: the service is not for this source',
    advice: 'Add its prefix to `allowedSources` (`--sources`) of the service, if it is welcome.',
  },
  drop_embryonic: {
    meaning: 'dropped: the service has too many flows that are not established',
    advice: 'Somebody floods it, or the endpoints do not answer. The limit is `embryonicLimit` of the service.',
  },
  drop_blocked: {
    meaning: 'dropped: the endpoint is blocked',
    advice: '`sluice unblock SERVICE ENDPOINT` lets it pass.',
  },
  drop_no_hint: {
    meaning: 'dropped: its session key has no hint, and the service wants one',
    advice: 'The session was never announced, or its hint has expired. `miss: hash` takes such packets all the same.',
  },
  drop_gtp_version: {
    meaning: 'dropped: to a service of GTP-U, and not of its version 1',
    advice: "GTP' and GTP-C have ports of their own: look at the sender.",
  },
  drop_gtp_header: {
    meaning: 'dropped: the length or the extension headers of its GTP-U header lie',
    advice: 'It is cut off or forged: look at the sender.',
  },
  drop_gtp_nested: {
    meaning: 'dropped: a tunnel inside a tunnel',
    advice: 'A user sends to UDP port 2152, which would be taken for signalling or data of the core. Find the user.',
  },
  drop_gtp_message: {
    meaning: 'dropped: a message about the path that nobody behind the VIP waits for',
    advice: 'Supported Extension Headers, unasked Echo Responses and unknown types end here. Nothing to do.',
  },
  drop_seid: {
    meaning: 'dropped: a PFCP session whose SEID cannot be kept, as the hints are full',
    advice: 'Raise `limits.hints`, or shorten `idleTimeout`, so that sessions nobody speaks of go sooner.',
  },
  drop_seid_conflict: {
    meaning: "dropped: a PFCP session whose SEID is that of another endpoint's session",
    advice: 'UPFs behind one VIP must not give the same SEIDs: give each a range of its own.',
  },
  drop_seid_unasked: {
    meaning: 'dropped: a PFCP session that nobody has asked this endpoint for, or not for so long',
    advice: 'It is late, or forged. If they are many, look who sends with the address of a UPF.',
  },
  drop_seid_limit: {
    meaning: 'dropped: a PFCP session is asked for, and the service has as many as it may have',
    advice: 'A service may take three quarters of the hints: raise `limits.hints`, or shorten `idleTimeout`.',
  },
  drop_sctp_tag: {
    meaning: 'dropped: the verification tag is not that of the association',
    advice: 'It is from an earlier association, or forged. The peer has to begin again by INIT.',
  },
  drop_sctp_chunk: {
    meaning: 'dropped: chunks that may not stand so',
    advice: 'INIT stands alone, and no chunk is cut off: look at the sender.',
  },
  drop_icmp_no_flow: {
    meaning: 'dropped: an ICMP error about a packet that no flow has sent',
    advice: 'It came too late, or is forged. Nothing to do unless they are many.',
  },
  drop_not_translatable: {
    meaning: 'dropped: nothing in the other address family says the same',
    advice: 'Source routes and some ICMP types have no counterpart: serve them within one family.',
  },
  drop_slowpath_absent: {
    meaning: 'dropped: the daemon has to see it, and it does not run',
    advice: 'Start the daemon: `sluice run --config FILE`.',
  },
  drop_slowpath_full: {
    meaning: 'dropped: the queue to the daemon is full',
    advice: 'The daemon is overloaded: see its log, and raise `limits.puntRingBytes`.',
  },
  drop_internal: {
    meaning: 'dropped: a map that must have an entry has none',
    advice: 'This is a bug: please report it with the frame and `sluice get lb -o json`.',
  },
}

export const meaningOf = (verdict: Verdict): Meaning => meanings[verdict]
