/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every limit of the fast path: its default, its unit, what it costs. Map sizes are set again at load from the
 * configuration; the other limits are fixed here. */
#pragma once

enum limits {
	LIMIT_FLOWS = 1048576,        /* flows; two entries of 208 bytes each: 436 MB */
	LIMIT_SERVICES = 16384,       /* services; 112 bytes each, and 24 bytes a CPU of counters */
	LIMIT_ENDPOINTS = 65536,      /* service endpoints; 80 bytes each, and 24 bytes a CPU of counters */
	LIMIT_SLOT_PAGES = 16384,     /* pages of 256 slots; 512 bytes each: 8 MB, 4 Mi slots */
	LIMIT_CLOSING = 131072,       /* closed flows that wait to be freed; 48 bytes each: 6 MB */
	LIMIT_EVENT_RING_BYTES = 1048576,
	LIMIT_DEVICES = 65536,        /* ifindex below which a device is known to the programs; 16 bytes each: 1 MB */
	LIMIT_PORT_BLOCKS = 1024,     /* endpoints with source ports of their own; 8 KiB each: 8 MB */
	LIMIT_FRAGMENTS = 4096,       /* datagrams whose later fragments are recognised; 120 bytes each: 0.5 MB */
	LIMIT_EXPIRE_BATCH = 512,     /* flows one run of the expiry program looks at, while its CPU passes no packet */

	SLOTS_PER_PAGE = 256,
	SLOT_EMPTY = 0xffff,          /* a slot without an endpoint */
	PORT_WORDS = 1024,            /* 64-bit words of a port bitmap: 65,536 ports */
	SNAT_PROBES = 4,              /* free ports tried that turn out to be taken by somebody else */
	LIMIT_CLOSING_BATCH = 512,    /* closed flows that one run of the expiry program looks at */
};
