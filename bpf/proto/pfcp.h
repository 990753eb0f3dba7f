/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* PFCP (TS 29.244, 7.2.2 and 8.1.1), as far as the fast path must read it.
 *
 *   | version 3, spare 2, FO, MP, S | type 1 | length 2 | SEID 8, if S | sequence 3 | priority 1 |
 *   then elements:                  | type 2 | length 2 | value |
 */
#pragma once
#include "../lib/clock.h"

enum pfcp_values {
	PFCP_VERSION = 0x20,
	PFCP_VERSION_MASK = 0xe0,
	PFCP_SEID = 0x01, /* the flag S */
	PFCP_SEID_AT = 4,
	PFCP_HEADER = 8, /* without a SEID */
	PFCP_SESSION_HEADER = 16,
	PFCP_ELEMENT = 4, /* type and length */
	PFCP_PULL = 448,  /* bytes behind the UDP header that are looked at: a Node ID may have 257 */
	PFCP_AT_MASK = 0x1ff,
	PFCP_ACCEPTED = 63, /* causes up to here are acceptance, if only in part */
};

enum pfcp_type {
	PFCP_FIRST_OF_SESSIONS = 50,
	PFCP_ESTABLISHMENT_REQUEST = 50,
	PFCP_ESTABLISHMENT_RESPONSE = 51,
	PFCP_DELETION_REQUEST = 54,
};

enum pfcp_element {
	PFCP_ELEMENT_CAUSE = 19,
	PFCP_ELEMENT_F_SEID = 57,
};

/* Bits of types. Requests of a user plane: Heartbeat, Association Setup, Update and Release, Node Report, Session Set
 * Deletion, Session Report; and what answers these. */
#define PFCP_ASKS (1ULL << 1 | 1ULL << 5 | 1ULL << 7 | 1ULL << 9 | 1ULL << 12 | 1ULL << 14 | 1ULL << 56)
#define PFCP_ANSWERS (1ULL << 2 | 1ULL << 6 | 1ULL << 8 | 1ULL << 10 | 1ULL << 11 | 1ULL << 13 | 1ULL << 15 | \
		      1ULL << 57)

struct pfcp {
	__u64 seid; /* as on the wire; 0: none, or none yet */
	__u32 sequence;
	__u8 type;
};

inline_always bool pfcp_is(__u8 type, __u64 types)
{
	return type < 64 && types >> type & 1;
}

/* False: it is no PFCP, or too short for its header. */
inline_always bool pfcp_read(ctx_t *ctx, const struct packet *packet, struct pfcp *found)
{
	const __u8 *start;

	ctx_pull(ctx, packet_l4(packet) + sizeof(struct udphdr) + PFCP_PULL);
	start = ctx_start(ctx) + packet_l4(packet) + sizeof(struct udphdr);
	if ((void *)(start + PFCP_HEADER) > ctx_end(ctx) || (start[0] & PFCP_VERSION_MASK) != PFCP_VERSION)
		return false;
	found->type = start[1];
	found->seid = 0;
	if (start[0] & PFCP_SEID) {
		if ((void *)(start + PFCP_SESSION_HEADER) > ctx_end(ctx))
			return false;
		__builtin_memcpy(&found->seid, start + PFCP_SEID_AT, 8);
		start += PFCP_SESSION_HEADER - PFCP_HEADER;
	}
	found->sequence = start[4] << 16 | start[5] << 8 | start[6];
	return true;
}

/* The SEID that a user plane gives a session in the answer that makes it; 0: it refuses, or names none among its first
 * elements. What has been read of the message says that its header is whole. */
rarely __u64 pfcp_given_seid(ctx_t *ctx, const struct packet *packet)
{
	const __u8 *message, *element;
	__u32 at = PFCP_SESSION_HEADER;
	bool accepted = false;
	__u64 seid = 0;

	if (!packet)
		return 0;
	message = ctx_start(ctx) + packet_l4(packet) + sizeof(struct udphdr);
	for (int i = 0; i < LIMIT_PFCP_ELEMENTS; i++) {
		__u32 type;

		if (at > PFCP_AT_MASK)
			break;
		element = message + (at & PFCP_AT_MASK);
		if ((void *)(element + PFCP_ELEMENT + 1) > ctx_end(ctx))
			break;
		type = element[0] << 8 | element[1];
		if (type == PFCP_ELEMENT_CAUSE)
			accepted = element[PFCP_ELEMENT] && element[PFCP_ELEMENT] <= PFCP_ACCEPTED;
		if (type == PFCP_ELEMENT_F_SEID && (void *)(element + PFCP_ELEMENT + 9) <= ctx_end(ctx))
			__builtin_memcpy(&seid, element + PFCP_ELEMENT + 1, 8);
		if (accepted && seid)
			return seid;
		at += PFCP_ELEMENT + (element[2] << 8 | element[3]);
		barrier_var(at);
	}
	return 0;
}
