/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every limit of the fast path: its default, its unit, what it costs. Map sizes are set again at load from the
 * configuration; the other limits are fixed here. */
#pragma once

enum limits {
	LIMIT_FLOWS = 1048576,        /* flows; two entries of 208 bytes each: 436 MB */
	LIMIT_SERVICES = 16384,       /* services; 112 bytes each, and 24 bytes a CPU of counters */
	LIMIT_ENDPOINTS = 65536,      /* service endpoints; 80 bytes each, and 24 bytes a CPU of counters */
	LIMIT_SLOT_PAGES = 65536,     /* pages of 256 slots; 512 bytes each: 32 MB, 16 Mi slots */
	LIMIT_CLOSING = 131072,       /* closed flows that wait to be freed; 48 bytes each: 6 MB */
	LIMIT_EVENT_RING_BYTES = 1048576,
	LIMIT_DEVICES = 65536,        /* ifindex below which a device is known to the programs; 16 bytes each: 1 MB */
	LIMIT_PORT_BLOCKS = 1024,     /* endpoints with source ports of their own; 8 KiB each: 8 MB */
	LIMIT_FRAGMENTS = 16384,      /* datagrams whose later fragments are recognised; 128 bytes each: 2 MB */
	LIMIT_RANGES = 16384,         /* prefixes of port ranges; about 100 bytes each once used */
	LIMIT_SOURCES = 65536,        /* source prefixes of all services; about 80 bytes each once used */
	LIMIT_AFFINITIES = 65536,     /* clients that stay with their endpoint; 88 bytes each: 5.8 MB. Old ones go */
	LIMIT_HINTS = 1048576,        /* session keys; 120 bytes each once used */
	LIMIT_SEID_REQUESTS = 65536,  /* PFCP sessions asked for; 104 bytes each: 6.8 MB. Old ones go */
	LIMIT_SEID_PERCENT = 75,      /* of hints: what SEIDs that are learnt for one service may take */
	LIMIT_SEID_SECONDS = 604800,  /* a learnt SEID that no message is about, unless the service says another time */
	LIMIT_USER_ROUTES = 262144,   /* prefixes of users that are no hints; about 190 bytes each once used */
	LIMIT_UPLINKS = 65536,        /* sessions with uplink classifiers; about 350 bytes each once used */
	LIMIT_CLASSIFIERS = 262144,   /* their prefixes of all sessions; about 70 bytes each once used */
	LIMIT_TEID_RANGES = 4096,     /* prefixes of TEIDs that belong to an endpoint; about 70 bytes each once used */
	LIMIT_SCTP_PATHS = 65536,     /* two for each SCTP association; 104 bytes each */
	LIMIT_LOCAL_ADDRESSES = 4096, /* addresses of this machine; about 90 bytes each once used */
	LIMIT_SNAT_POOLS = 256,       /* pools of source addresses; 272 bytes each */
	LIMIT_PUNT_RING_BYTES = 4194304, /* frames that wait for user space */
	LIMIT_EXPIRE_BATCH = 512,     /* flows one run of the expiry program looks at, while its CPU passes no packet */

	SLOTS_PER_PAGE = 256,
	SLOT_EMPTY = 0xffff,          /* a slot without an endpoint */
	PORT_WORDS = 1024,            /* 64-bit words of a port bitmap: 65,536 ports */
	SNAT_PROBES = 4,              /* free ports tried that turn out to be taken by somebody else */
	LIMIT_CLOSING_BATCH = 512,    /* closed flows that one run of the expiry program looks at */
	PUNT_FRAME_SHORT = 512,       /* a record of the punt ring has room for a frame of this length, ... */
	PUNT_FRAME_LONG = 2048,       /* ... or of this, ... */
	PUNT_FRAME_LONGEST = 9216,    /* ... or of this: what is longer is cut, and dropped where it must be whole */
	SCTP_POWERS = 16384,          /* lengths for which the move of a CRC32c change stands in a table */
	LC_SAMPLE = 64,               /* least connections: endpoints compared for a new flow; of more, a sample */
	LIMIT_SCTP_CHUNKS = 32,       /* chunks of a packet looked at; a longer row is no signalling */
	LIMIT_EXTENSION_HEADERS = 8,  /* IPv6 extension headers of a packet */
	LIMIT_GTPU_EXTENSIONS = 8,    /* GTP-U extension headers of a packet */
	LIMIT_PFCP_ELEMENTS = 8,      /* elements of an answer among which the SEID of its sender is looked for */
	LIMIT_VLAN_TAGS = 2,
	SNAT_POOL_ADDRESSES = 16,     /* addresses of one pool */
	SNAT_POOL_TRIES = 4,          /* of them tried for one flow */
};
