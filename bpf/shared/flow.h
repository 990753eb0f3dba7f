/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A flow is two entries of one hash, one for each direction; each names the other: what an entry writes into a packet
 * is, turned round, the key of its partner. */
#pragma once
#include "types.h"

/* How a packet looks when it comes in. ICMP echo: a request has its identifier as source port, a reply as destination
 * port; the other port is 0. */
struct flow_key {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u16 zone; /* tenant or VRF; 0 for now */
	__u8 protocol;
	__u8 reserved;
};
_Static_assert(sizeof(struct flow_key) == 40, "flow_key");

enum flow_state {
	FLOW_NONE = 0,
	FLOW_SYN_SENT,    /* TCP: the client's SYN has passed */
	FLOW_SYN_RECEIVED,/* TCP: the endpoint's SYN ACK has passed */
	FLOW_ESTABLISHED, /* TCP */
	FLOW_CLOSING,     /* TCP: a FIN has passed, from one side or both */
	FLOW_CLOSED,      /* TCP: both FINs acknowledged, or a RST: freed within a second */
	FLOW_UNREPLIED,   /* UDP, ICMP: packets from the client only */
	FLOW_REPLIED,     /* UDP, ICMP: packets both ways */
	FLOW_STATE_MAX,
};

enum route_flags {
	ROUTE_XDP = 1U << 31, /* beside the ifindex of a cached next hop: the device takes frames from XDP */
};

enum flow_flags {
	FLOW_FLAG_REVERSE = 1, /* this entry is the endpoint's direction */
	FLOW_FLAG_FIN = 2,     /* a FIN has passed in this direction */
	FLOW_FLAG_PORT = 4,    /* the client's entry: its source port was given out by us */
};

struct flow {
	__u32 tag;            /* of the key: an element is reused at once after deletion, so readers compare it */
	__u32 seen;           /* ticks */
	__u32 service;        /* id */
	__u32 endpoint;       /* id */
	__u8 state;           /* enum flow_state */
	__u8 flags;           /* enum flow_flags */
	__u16 address_delta;  /* what the new addresses add to an internet checksum */
	__u16 port_delta;     /* what the new ports add */
	__u16 route_mtu;      /* of the cached next hop, bytes of IP packet */
	__u32 route_stamp;    /* the cached next hop is valid while this equals the stamp of now */
	__u32 route_device;   /* ifindex, and enum route_flags */
	__u8 route_destination_mac[6];
	__u8 route_source_mac[6];
	struct address source;      /* what the packet gets */
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u64 packets;
	__u64 bytes;
	__u32 reserved[2]; /* makes an element of the map three cache lines: 5 % at a million flows */
};
_Static_assert(sizeof(struct flow) == 104, "flow");

/* A closed flow that waits to be freed, oldest first. key is the client's direction. */
struct closing {
	struct flow_key key;
	__u32 closed; /* ticks */
	__u32 reserved;
};
_Static_assert(sizeof(struct closing) == 48, "closing");

/* A datagram whose first fragment was dropped: the later ones have no ports to tell that they belong to a flow. */
struct fragment_key {
	struct address source;
	struct address destination;
	__be16 id;
	__u8 protocol;
	__u8 reserved;
};
_Static_assert(sizeof(struct fragment_key) == 36, "fragment_key");

/* What the expiry program is told and what it answers; the only entry of map expire_request. */
struct expire_request {
	__u32 count;   /* in: keys at the start of map expire_keys; those idle too long are deleted */
	__u32 force;   /* in: not 0: delete the keys whatever their age */
	__u32 expired; /* out: flows deleted, from the keys and from the queue of closed flows */
	__u32 closed;  /* out: closed flows looked at; LIMIT_CLOSING_BATCH: there may be more */
	__u32 now;     /* out: ticks */
	__u32 reserved;
};
_Static_assert(sizeof(struct expire_request) == 24, "expire_request");
