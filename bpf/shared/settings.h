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
	struct address encap_source4; /* outer source of encapsulated packets; its last 16 bits vary with the flow */
	struct address encap_source6;
	__be16 gue_port;         /* UDP destination of GUE */
	__u16 features;          /* enum settings_features: what any service needs at all */
	__u32 flows_admitted;    /* new flows are refused when so many live: the rest is a reserve; 0: no limit */
	__u32 punt_alive;        /* ticks when user space last read the punt ring */
	__u32 seids_admitted;    /* a service learns no more when it has so many; 0: no limit */
};
_Static_assert(sizeof(struct settings) == 136, "settings");

/* Steps that are skipped while no service needs them. */
enum settings_features {
	FEATURE_SESSIONS = 1,  /* map session_ports has ports of services told apart by session key */
	FEATURE_RANGES = 2,    /* services with port ranges, or any port */
	FEATURE_MARKS = 4,     /* services chosen by firewall mark: new flows are for TC, XDP sees no mark */
	FEATURE_HOST = 8,      /* services on every address of this host */
	FEATURE_MASQUERADE = 16, /* traffic of inside clients to the outside is masqueraded */
	FEATURE_USERS = 32,      /* services for what the data network sends to addresses of users */
	FEATURE_UPLINKS = 64,    /* sessions with uplink classifiers */
};

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
