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
};
_Static_assert(sizeof(struct service_key) == 24, "service_key");

enum service_select {
	SELECT_RR = 0,   /* walk the table with a cursor per CPU */
	SELECT_HASH = 1, /* Maglev: the table is indexed by a hash of the 5-tuple */
};

enum service_flags {
	SERVICE_RECREATE = 1, /* the middle of an unknown TCP connection makes a flow: the endpoint is the same */
};

/* Replaced as a whole by one map update: a packet sees the old table or the new one. */
struct service {
	__u32 tag; /* of the key, see struct flow */
	__u32 id;
	__u8 select; /* enum service_select */
	__u8 flags;  /* enum service_flags */
	__u16 reserved;
	__u32 seed;         /* of the selection hash */
	__u32 first_page;   /* of the slots */
	__u32 slot_count;   /* 0: no endpoint takes new flows */
	__u32 member_base;  /* a slot holds n; members[member_base + n] is the endpoint's id */
	__u32 member_count;
};
_Static_assert(sizeof(struct service) == 32, "service");

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
};

struct endpoint {
	struct address address;
	struct address source; /* the source address its packets get; all zero: the client's is kept */
	__u32 service;         /* id */
	__be16 port;           /* 0: the destination port is kept */
	__u16 flags;           /* enum endpoint_flags */
	__u32 port_block;      /* where its free source ports stand, 0: none */
	__u32 reserved;
};
_Static_assert(sizeof(struct endpoint) == 48, "endpoint");

/* Source ports towards one endpoint: a set bit is a port in use, or one that is never given out. */
struct port_block {
	__u64 words[1024];
};
