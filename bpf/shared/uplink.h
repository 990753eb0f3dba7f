/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sessions whose traffic is classified (TS 23.501, 5.6.4): how their tunnels come in, and what is put around the
 * packets that go back. Which destinations are local stands in map `classifiers`. */
#pragma once
#include "types.h"

/* How G-PDUs of a user come in. */
struct uplink_key {
	struct address address; /* outer destination */
	__be32 teid;
	__u32 reserved;
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct uplink_key) == 24, "uplink_key");

/* A user has addresses of one family or of both (PDU session type IPv4v6) in one tunnel. Of a family it does not have,
 * zero, which is harmless: no place of that family is classified for it. */
struct uplink {
	__u32 tag;        /* of the key, see struct flow */
	__u32 places;     /* number of the set of classifiers */
	__be32 user_v4;
	__u32 reserved;
	__u8 user_v6[8];  /* the first 64 bits are the user */
	__u64 packets;    /* that were taken out of their tunnel */
	__u64 bytes;
};
_Static_assert(sizeof(struct uplink) == 40, "uplink");

/* What goes to a user from a classified place. The key is one of its addresses: of IPv6 the last 8 bytes are zero. */
struct downlink {
	__u32 tag; /* of the key, see struct flow */
	__u32 places; /* number of the set of classifiers */
	struct address access; /* outer destination */
	struct address core;   /* outer source */
	__be32 teid;
	__u32 reserved;
	__u64 packets;
	__u64 bytes;
};
_Static_assert(sizeof(struct downlink) == 64, "downlink");
