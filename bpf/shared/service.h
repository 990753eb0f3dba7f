/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services, their selection tables and their endpoints, as the control plane writes them. */
#pragma once
#include "types.h"

struct service_key {
	struct address address;
	__be16 port; /* 0 for ICMP */
	__u16 zone;
	__u8 protocol;
	__u8 reserved[3];
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct service_key) == 24, "service_key");

/* A range of ports is some prefixes of port numbers. Bits: address 128, zone 16, protocol 8, port 16. */
struct service_range_key {
	__u32 prefix_bits;
	struct address address;
	__u16 zone;
	__u8 protocol;
	__u8 port[2]; /* unaligned, so that the bits stand together */
	__u8 reserved;
};
_Static_assert(sizeof(struct service_range_key) == 28, "service_range_key");

enum service_select {
	SELECT_RR = 0,   /* walk the table with a cursor per CPU */
	SELECT_HASH = 1, /* Maglev: the table is indexed by a hash of the 5-tuple */
	SELECT_PERSIST,  /* the client's endpoint of before, for a while; else as SELECT_HASH by the client's address */
	SELECT_LC,       /* the fewest active flows for its weight */
	SELECT_N3,       /* GTP-U: hint by TEID, else a range of TEIDs, else by `miss`, which may be Maglev by TEID */
	SELECT_HINT,     /* hint by the service's session key, else by `miss` */
	SELECT_QUIC,     /* hint by the server id of the connection id, else as SELECT_HASH */
};

enum service_flags {
	SERVICE_RECREATE = 1, /* the middle of an unknown TCP connection makes a flow: the endpoint is the same */
	SERVICE_SOURCES = 2,  /* only sources in map `sources` */
	SERVICE_PUNT = 4,     /* its flows go through the slow path, packet by packet */
	SERVICE_ABORT = 8,    /* SCTP out of the blue is answered by ABORT (slow path), not by silence */
	SERVICE_QUIC_ENCRYPTED = 16, /* connection ids are encrypted: unknown ones go to the slow path */
	SERVICE_STATELESS = 32,      /* packets are told apart by session key: no flows */
	SERVICE_TEID_RANGES = 64,    /* endpoints have ranges of TEIDs, in map `teid_ranges` */
};

/* What becomes of a packet whose session key has no hint. */
enum service_miss {
	MISS_HASH = 0, /* the slot table, with the session key as hash input */
	MISS_DROP,
	MISS_ERROR, /* user space says in the session's protocol that it is not known */
	MISS_PASS, /* it is for somebody else at this address and port: to the kernel */
};

/* What map `user_routes` has of a service, beside the users that the hash of hints holds. */
enum service_routes {
	ROUTES_SHORTER = 1, /* prefixes that are no longer than such a user's */
	ROUTES_LONGER = 2,  /* longer ones, which count before it */
};

/* Replaced as a whole by one map update: a packet sees the old table or the new one. */
struct service {
	__u32 tag; /* of the key, see struct flow */
	__u32 id;
	__u8 select; /* enum service_select */
	__u8 flags;  /* enum service_flags */
	__u8 miss;   /* enum service_miss */
	__u8 hint;   /* enum hint_kind: the session key it looks for */
	__u32 seed;         /* of the selection hash */
	__u32 first_page;   /* of the slots */
	__u32 slot_count;   /* 0: no endpoint takes new flows */
	__u32 member_base;  /* a slot holds n; members[member_base + n] is the endpoint's id */
	__u32 member_count;
	__u32 affinity_ticks;  /* SELECT_PERSIST: how long an idle client keeps its endpoint */
	__u32 embryonic_limit; /* flows that are not established yet; 0: as many as there may be */
	__u8 quic_offset;      /* of the server id in the connection id */
	__u8 quic_length;      /* of the server id */
	__u8 user_routes;      /* enum service_routes */
	__u8 reserved;
	__u32 reserved2;
};
_Static_assert(sizeof(struct service) == 48, "service");

/* What expiry has to know of a service, by id. */
struct service_idle {
	__u32 ticks; /* without a packet, for established flows; 0: the general time-out */
	__u32 reset; /* not 0: both sides of a TCP connection are told */
};
_Static_assert(sizeof(struct service_idle) == 8, "service_idle");

/* Who may use a service. Bits: service 32, address 128. In map `masquerades`: whose packets are for one;
 * in map `user_pools`: to whom; in map `user_routes`: of users and networks behind them; in map `classifiers`, with the
 * number of a session: what is local for it. */
struct source_key {
	__u32 prefix_bits;
	__be32 service; /* id, or the number of a protocol; in network order, so that it is a prefix */
	struct address address;
};
_Static_assert(sizeof(struct source_key) == 24, "source_key");

/* A session key and where its session lives. */
enum hint_kind {
	HINT_NONE = 0,
	HINT_TEID,      /* GTP-U: tunnel endpoint id, 4 bytes */
	HINT_TEID_BACK, /* endpoint's id and a TEID written for it, 4 bytes each; identifier: what stood there */
	HINT_SEID,      /* PFCP: session endpoint id, 8 bytes */
	HINT_QUIC,      /* server id of a connection id, 1 to 15 bytes */
	HINT_FLOW,      /* digest of the 5-tuple, 8 bytes */
	HINT_CLIENT,    /* address, 16 bytes */
	HINT_UE_IP,     /* N6: address of a user, 16 bytes; of IPv6 the last 8 are zero */
	HINT_UE_ROUTE,  /* N6: a prefix of another length, not in map `hints` but in `user_routes` */
};
struct hint_key {
	__u32 service; /* id */
	__u8 kind;     /* enum hint_kind */
	__u8 length;   /* of bytes; the rest is zero */
	__u16 reserved;
	__u8 bytes[16];
};
_Static_assert(sizeof(struct hint_key) == 24, "hint_key");
struct hint {
	__u32 tag;        /* of the key, see struct flow */
	__u32 endpoint;   /* id */
	__u32 expires;    /* ticks; 0: never */
	__be32 identifier; /* HINT_TEID: the TEID to write, where rewrite says so */
	__u32 flags;      /* enum hint_flags */
	__u32 seen;       /* ticks of the last packet; 0: none has come */
	__u64 packets;    /* HINT_TEID, HINT_UE_IP: of the user that were sent to the endpoint, without their tunnel */
	__u64 bytes;      /* of these */
};
_Static_assert(sizeof(struct hint) == 40, "hint");
enum hint_flags {
	HINT_REWRITE = 1, /* the identifier is written in place of the one that came */
	HINT_LEARNT = 2,  /* by the programs, from what the endpoint said */
	HINT_DELETED = 8, /* HINT_LEARNT: answers do not make it live on */
	HINT_LONGER = 4,  /* HINT_UE_ROUTE: longer than what a user of map `hints` has */
};

/* TEIDs of one service whose first bits are these belong to an endpoint. Bits: service 32, TEID 32. */
struct teid_range_key {
	__u32 prefix_bits;
	__be32 service; /* id, in network order, so that it is a prefix */
	__be32 teid;
};
_Static_assert(sizeof(struct teid_range_key) == 12, "teid_range_key");

/* An address that has services: what is sent to it and cannot be served is dropped, not forwarded. */
struct vip_key {
	struct address address;
	__u16 zone;
	__u16 reserved;
};
_Static_assert(sizeof(struct vip_key) == 20, "vip_key");

struct slot_page {
	__u16 slots[256];
};

enum endpoint_flags {
	ENDPOINT_ACCEPTS = 1, /* takes new flows */
	ENDPOINT_BLOCKED = 2, /* takes no packet at all */
	ENDPOINT_DOWN = 4,    /* hints that name it do not count */
	ENDPOINT_AS_ADDRESSED = 8, /* packets keep their destination; `address` only says the family */
};

/* What the packets of an endpoint's flows get, beside addresses: enum flow_action, but ACTION_NAT stands for all NAT:
 * the families of packet and endpoint say which. */

struct endpoint {
	struct address address;
	struct address source; /* the source address its packets get; all zero: the client's is kept */
	__u32 service;         /* id */
	__be16 port;           /* 0: the destination port is kept */
	__u16 flags;           /* enum endpoint_flags */
	__u32 port_block;      /* where its free source ports stand, 0: none; a pool's addresses have blocks in a row */
	__u16 pool;            /* number of the SNAT pool its source comes from; 0: `source` is all there is */
	__u8 weight;
	__u8 action;           /* enum flow_action */
};
_Static_assert(sizeof(struct endpoint) == 48, "endpoint");

/* Source ports towards one endpoint: a set bit is a port in use, or one that is never given out. */
struct port_block {
	__u64 words[1024];
};

/* Source addresses that share a service's clients: a client keeps its address while that has ports. */
struct snat_pool {
	struct address addresses[16];
	__u32 count;
	__u32 reserved[3];
};
_Static_assert(sizeof(struct snat_pool) == 272, "snat_pool");

/* Where packets of an endpoint belong that are of no flow: what they get as their source. */
struct endpoint_return {
	struct address address;
	__be16 port;
	__u16 hint;     /* enum hint_kind: what its packets are told apart by on their way there */
	__u32 service;  /* id */
	__u32 endpoint; /* id */
};
_Static_assert(sizeof(struct endpoint_return) == 28, "endpoint_return");
