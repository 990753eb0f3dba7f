/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* QUIC connection ids that carry a server id (draft-ietf-quic-load-balancers), so that a client whose address changes
 * keeps its endpoint. */
#pragma once
#include "hint.h"
#include "load.h"

enum quic_header {
	QUIC_LONG = 0x80,
	QUIC_TYPE = 0x30,      /* of a long header; 0: Initial, whose connection id the client made up */
	QUIC_SHORT_ID = 1,     /* where the connection id starts */
	QUIC_LONG_ID = 6,
	QUIC_LONG_LENGTH = 5,
	QUIC_UNROUTABLE = 7,   /* config rotation bits of an id that carries nothing */
	QUIC_LEAST = 8,        /* bytes every packet here has: after them the id is read with its length checked */
};

/* Offset in the frame of the connection id; 0: there is none that a server has made. */
inline_always __u32 quic_id(ctx_t *ctx, const struct packet *packet, const struct service *service)
{
	__u32 at = packet->l4 + sizeof(struct udphdr), needed = (service->quic_offset & 15) + service->quic_length;
	__u8 head[QUIC_LEAST];
	__u8 first;

	if (ctx_load(ctx, at, head, sizeof(head)))
		return 0;
	if (!(head[0] & QUIC_LONG)) {
		at += QUIC_SHORT_ID;
		first = head[QUIC_SHORT_ID];
	} else {
		if (!(head[0] & QUIC_TYPE) || head[QUIC_LONG_LENGTH] < needed)
			return 0;
		at += QUIC_LONG_ID;
		first = head[QUIC_LONG_ID];
	}
	return first >> 5 == (service->quic_offset >> 4) && first >> 5 != QUIC_UNROUTABLE ? at : 0;
}

inline_always bool quic_is_routable(ctx_t *ctx, const struct packet *packet, const struct service *service)
{
	return quic_id(ctx, packet, service);
}

/* The plain server id, as hint key in the scratch room. */
inline_always bool quic_server_id(ctx_t *ctx, const struct packet *packet, const struct service *service,
				  struct scratch *room)
{
	__u32 at = quic_id(ctx, packet, service), length = service->quic_length;
	struct hint_key *key;

	if (!at || !length || length > 15)
		return false;
	key = hint_key(room, service->id, HINT_QUIC, length);
	return !load_some(ctx, at + 1, key->bytes, length, sizeof(key->bytes));
}
