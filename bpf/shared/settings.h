/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What may change while programs run, and what identifies a set of pinned maps. */
#pragma once
#include "types.h"
#include "flow.h"

struct settings {
	__u64 replay_now;        /* ticks, read when the program was loaded with replay_clock set */
	__u32 route_generation;  /* changes when routes, neighbours or links do */
	__u16 snat_first;        /* source ports given out, in host order */
	__u16 snat_last;
	__u32 events;            /* not 0: flow events go to the ring */
	__u32 reserved;
	__u32 timeouts[16];      /* ticks without a packet after which a flow of this enum flow_state expires */
};
_Static_assert(sizeof(struct settings) == 88, "settings");

/* What the programs know of a network device; its place in the map is its ifindex. */
enum device_flags {
	DEVICE_KNOWN = 1,        /* mac is its address: frames to others are not ours */
	DEVICE_XDP_TRANSMIT = 2, /* takes frames from XDP */
};
struct device {
	__u32 flags; /* enum device_flags */
	__u8 mac[6];
	__u16 reserved;
};
_Static_assert(sizeof(struct device) == 12, "device");

/* What the pinned maps were made for: read at start, compared, and a difference is said. */
struct meta {
	__u64 layout; /* hash of all shared layouts */
	__u32 flows;
	__u32 services;
	__u32 endpoints;
	__u32 slot_pages;
};
_Static_assert(sizeof(struct meta) == 24, "meta");
