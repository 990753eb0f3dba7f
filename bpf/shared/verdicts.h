/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a packet left the pipeline. This list is the metric list and the list of drop reasons: a name's prefix says
 * what happens to the packet. */
#pragma once

enum verdict {
	VERDICT_CONTINUE = 0,            /* not a verdict: the next step decides */

	VERDICT_FORWARD,                 /* translated and sent */

	VERDICT_PASS_NOT_SERVICE,        /* to the kernel: no service and no flow has these addresses and ports */
	VERDICT_PASS_NOT_IP,             /* to the kernel: ARP and what else is not IP */
	VERDICT_PASS_OTHER_HOST,         /* to the kernel: the frame is addressed to another machine */
	VERDICT_PASS_PROTOCOL,           /* to the kernel: an IP protocol or ICMP type that is not balanced */

	VERDICT_PASS_TTL,                /* to the kernel: may not be forwarded any further, and the sender is told */
	VERDICT_PASS_NEIGHBOUR_DISCOVERY,/* to the kernel: ICMPv6 that keeps the link going */

	VERDICT_TO_TC_NEIGHBOUR,         /* unchanged to the TC program: the next hop's MAC address is not known */
	VERDICT_TO_TC_DEVICE,            /* unchanged to the TC program: the egress device cannot transmit from XDP */
	VERDICT_TO_TC_ROUTE,             /* unchanged to the TC program: the route is one XDP cannot use */
	VERDICT_TO_TC_MTU,               /* unchanged to the TC program: longer than the next link takes */
	VERDICT_TO_TC_FRAGMENT,          /* unchanged to the TC program: fragments have to stay in order */
	VERDICT_TO_TC_MARK,              /* unchanged to the TC program: services are chosen by firewall mark */

	VERDICT_PUNT,                    /* to user space, which answers for it */

	VERDICT_DROP_MALFORMED,          /* a length field of the packet lies, or a header is cut off */
	VERDICT_DROP_MARTIAN,            /* a source address nobody can answer */
	VERDICT_DROP_BAD_CHECKSUM,       /* the IPv4 header checksum, or the CRC32c of SCTP signalling, is wrong */
	VERDICT_DROP_FRAGMENT,           /* a fragment whose first one was dropped, or of a protocol that has none */
	VERDICT_DROP_FRAGMENT_OVERLAP,   /* a fragment with bytes that another one has already brought */
	VERDICT_DROP_FRAGMENT_TINY,      /* a first fragment too short for the transport header */
	VERDICT_DROP_EXTENSION_HEADERS,  /* IPv6: too many, out of place, or a routing header that is deprecated */
	VERDICT_DROP_NO_ENDPOINT,        /* the service has no endpoint that takes new flows */
	VERDICT_DROP_NO_FLOW,            /* the middle of a connection that is not known */
	VERDICT_DROP_FLOWS_FULL,         /* the flow table is full */
	VERDICT_DROP_PORTS_EXHAUSTED,    /* no free source port found towards the endpoint */
	VERDICT_DROP_FLOW_CONFLICT,      /* another flow has the same addresses and ports behind the translation */
	VERDICT_DROP_NO_ROUTE,           /* the kernel forwards nothing there: no route, or this machine itself */
	VERDICT_DROP_FORWARDING_OFF,     /* forwarding is switched off on the interface the packet came in by */
	VERDICT_DROP_MTU,                /* longer than the next link takes */
	VERDICT_DROP_GSO,                /* a GSO packet that cannot be translated or encapsulated as one */
	VERDICT_DROP_SOURCE,             /* the service is not for this source */
	VERDICT_DROP_EMBRYONIC,          /* the service has too many flows that are not established */
	VERDICT_DROP_BLOCKED,            /* the endpoint is blocked */
	VERDICT_DROP_NO_HINT,            /* the session key has no hint, and the service wants one */
	VERDICT_DROP_GTP_VERSION,        /* to a service of GTP-U, and not of its version 1: GTP', GTP-C, or no GTP */
	VERDICT_DROP_GTP_HEADER,         /* GTP-U whose length or extension headers lie */
	VERDICT_DROP_GTP_NESTED,         /* a tunnel inside a tunnel: what a user sends to the GTP-U port */
	VERDICT_DROP_GTP_MESSAGE,        /* GTP-U about the path that nobody here waits for, or of no known type */
	VERDICT_DROP_SEID,               /* a PFCP session whose SEID cannot be kept: hints are full */
	VERDICT_DROP_SEID_CONFLICT,      /* a PFCP session whose SEID is that of another endpoint's session */
	VERDICT_DROP_SEID_UNASKED,       /* a PFCP session that the client has not asked this endpoint for */
	VERDICT_DROP_SEID_LIMIT,         /* a PFCP session is asked for, and the service has all that it may have */
	VERDICT_DROP_SCTP_TAG,           /* the verification tag is not that of the association */
	VERDICT_DROP_SCTP_CHUNK,         /* chunks that may not stand so: cut off, or INIT that is not alone */
	VERDICT_DROP_ICMP_NO_FLOW,       /* an ICMP error about a packet that no flow has sent */
	VERDICT_DROP_NOT_TRANSLATABLE,   /* nothing in the other address family says the same */
	VERDICT_DROP_SLOWPATH_ABSENT,    /* nobody reads the packets for user space */
	VERDICT_DROP_SLOWPATH_FULL,      /* the queue to user space is full */
	VERDICT_DROP_INTERNAL,           /* a map that must have an entry has none */

	VERDICT_MAX,
};

/* The hook that finished the packet; verdict counters are kept per hook. */
enum hook {
	HOOK_XDP = 0,
	HOOK_TC = 1,
	HOOK_MAX,
};
