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
	FLOW_SYN_SENT,    /* TCP: the client's SYN has passed; SCTP: its INIT */
	FLOW_SYN_RECEIVED,/* TCP: the endpoint's SYN ACK has passed; SCTP: its INIT ACK */
	FLOW_ESTABLISHED, /* TCP, SCTP */
	FLOW_CLOSING,     /* TCP: a FIN has passed, from one side or both; SCTP: a SHUTDOWN */
	FLOW_CLOSED,      /* TCP: both FINs acknowledged, or a RST; SCTP: SHUTDOWN COMPLETE or ABORT: freed soon */
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
	FLOW_FLAG_PUNT = 8,    /* every packet goes to the slow path, in order */
	FLOW_FLAG_PATH = 16,   /* SCTP: another path of an association; its endpoint's side may be the first path's */
};

enum flow_layout { FLOW_ACTION_SHIFT = 5 };

/* What is done to a packet of the flow, beside its addresses and ports. */
enum flow_action {
	ACTION_NAT = 0,      /* addresses and ports, within a family */
	ACTION_NAT64,        /* the packet is IPv6 and becomes IPv4 (RFC 7915) */
	ACTION_NAT46,        /* the packet is IPv4 and becomes IPv6 */
	ACTION_L2,           /* direct return: only the MAC addresses; `destination` is whose */
	ACTION_ENCAP_IP,     /* direct return: an IP header of the endpoint's family in front */
	ACTION_ENCAP_GUE,    /* direct return: IP, UDP and GUE (variant 0) in front */
	ACTION_ENCAP_GTPU,   /* to a user: IP, UDP and GTP-U of its tunnel in front */
	ACTION_MAX,
};

struct flow {
	__u32 tag;            /* of the key: an element is reused at once after deletion, so readers compare it */
	__u32 seen;           /* ticks */
	__u32 service;        /* id */
	__u32 endpoint;       /* id */
	__u8 state;           /* enum flow_state */
	__u8 flags;           /* enum flow_flags, and above FLOW_ACTION_SHIFT enum flow_action */
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
	/* SCTP */
	__u32 sctp_tag;    /* the verification tag that packets of this direction carry; 0: not known yet */
	__u32 sctp_change; /* what the new ports change in the CRC32c, before it is moved to their place */
}; /* an element of the map is three cache lines: 5 % at a million flows */
_Static_assert(sizeof(struct flow) == 104, "flow");

/* A closed flow that waits to be freed, oldest first. key is the client's direction. */
struct closing {
	struct flow_key key;
	__u32 closed; /* ticks */
	__u32 reserved;
};
_Static_assert(sizeof(struct closing) == 48, "closing");

/* Another path of an SCTP association: how its first path comes in. tag is what the packets carry. */
struct sctp_path_key {
	__u32 tag;
	__be16 source_port;
	__be16 destination_port;
	__u16 zone;
	__u16 reserved;
};
_Static_assert(sizeof(struct sctp_path_key) == 12, "sctp_path_key");

/* A datagram in pieces: only the first one has ports. The identification is of 32 bits in IPv6. */
struct fragment_key {
	struct address source;
	struct address destination;
	__be32 id;
	__u16 zone;
	__u8 protocol;
	__u8 reserved;
};
_Static_assert(sizeof(struct fragment_key) == 40, "fragment_key");

enum fragment_state {
	FRAGMENT_KNOWN = 1, /* the first one has passed: the others follow the flow with its ports */
	FRAGMENT_DROP,      /* the first one was dropped, and so are the others */
	FRAGMENT_PASS,      /* the first one was for nobody here */
	FRAGMENT_HELD,      /* they do not come in order: later ones go to user space; ends > 0: the first passed */
};
struct fragment {
	__u32 seen;   /* ticks */
	__be16 source_port;
	__be16 destination_port;
	__u16 ends;   /* bytes of the datagram's payload that the fragments seen so far cover, from its start */
	__u8 state;   /* enum fragment_state */
	__u8 verdict; /* of the first one, where it was dropped */
	__u32 endpoint; /* id, where the first one had a session key; without a flow that would know it */
};
_Static_assert(sizeof(struct fragment) == 16, "fragment");

/* A client that stays with its endpoint. */
struct affinity_key {
	struct address client;
	__u32 service; /* id */
};
_Static_assert(sizeof(struct affinity_key) == 20, "affinity_key");
struct affinity {
	__u32 endpoint; /* id */
	__u32 seen;     /* ticks */
};
_Static_assert(sizeof(struct affinity) == 8, "affinity");

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
