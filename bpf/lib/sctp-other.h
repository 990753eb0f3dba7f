/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Other paths of an SCTP association. A multihomed side sends from, and to, addresses of which no flow is known; the
 * verification tag says which association it is, and the path gets an entry of its own, for its direction alone: the
 * answers go where the other side sends them, and get theirs. */
#pragma once
#include "create.h"
#include "filter.h"
#include "sctp.h"

/* The flow of the first path, turned into what this packet needs. */
inline_always enum verdict sctp_other_translation(struct flow *flow, const struct flow *first,
						  const struct flow_key *first_key, const struct packet *packet)
{
	bool reverse = flow_is_reverse(first);

	*flow = *first;
	if (flow->tag != hash_digest(first_key) >> 32)
		return VERDICT_DROP_NO_FLOW; /* it has just been deleted */
	if (flow->flags & FLOW_FLAG_PATH || packet->v6 == address_is_v4(&first_key->source))
		return VERDICT_DROP_NO_FLOW; /* paths of two families are not one */
	/* Where the client's address is kept, that of this path is. */
	if (!reverse && filter_same(&first->source, &first_key->source))
		flow->source = packet->key.source;
	if (reverse && filter_same(&first->destination, &first_key->destination))
		flow->destination = packet->key.destination;
	/* And where the other side's is kept, which is masquerade. */
	if (!reverse && filter_same(&first->destination, &first_key->destination))
		flow->destination = packet->key.destination;
	if (reverse && filter_same(&first->source, &first_key->source))
		flow->source = packet->key.source;
	flow->flags = (first->flags & ~FLOW_FLAG_PORT) | FLOW_FLAG_PATH;
	flow->tag = packet_tag(packet);
	flow->seen = packet->now;
	flow->route_stamp = 0;
	flow->packets = packet->segments;
	flow->bytes = packet->wire_bytes;
	if (sctp_is_embryonic(flow))
		flow->state = FLOW_ESTABLISHED; /* what is counted is the first path's */
	create_deltas(flow, &packet->key);
	return VERDICT_CONTINUE;
}

/* Makes scratch.flow the entry of this path; scratch.sctp_first says how the first one comes in. */
rarely enum verdict sctp_other_path(ctx_t *ctx, struct packet *packet, const struct settings *settings,
				    struct scratch *room)
{
	const struct flow *first = flow_find_key(&room->sctp_first);
	struct flow *flow = &room->flow;
	enum verdict verdict;
	int error;

	if (!first || first->sctp_tag != packet->sctp_tag)
		return VERDICT_DROP_NO_FLOW;
	verdict = sctp_other_translation(flow, first, &room->sctp_first, packet);
	if (verdict)
		return verdict;
	verdict = route(ctx, packet, flow, settings);
	if (verdict)
		return verdict;
	error = create_insert(&packet->key, flow);
	if (unlikely(error && error != -EEXIST) && flow_reclaim(packet->now))
		error = create_insert(&packet->key, flow);
	if (error)
		return error == -EEXIST ? VERDICT_DROP_FLOW_CONFLICT : VERDICT_DROP_FLOWS_FULL;
	if (!flow_is_reverse(flow)) { /* as flow_delete counts; the other side's entries are nobody's */
		count_live(1);
		count_active(flow->endpoint, 1);
		event(settings, EVENT_FLOW_CREATED, &packet->key, flow, packet->now);
	}
	return VERDICT_CONTINUE;
}

/* Whether a packet for no service is an endpoint's, on another path. */
rarely enum verdict sctp_other_side(ctx_t *ctx, const struct packet *packet, struct scratch *room)
{
	const struct flow_key *first = packet->sctp_tag ? sctp_path_find(&packet->key, packet->sctp_tag) : NULL;
	const struct flow *flow;
	enum verdict verdict;
	__u32 seen = 0;

	if (!first || packet->fragment || ctx_segment_payload(ctx))
		return VERDICT_PASS_NOT_SERVICE;
	room->sctp_first = *first;
	flow = flow_find_key(&room->sctp_first);
	if (!flow || !flow_is_reverse(flow))
		return VERDICT_PASS_NOT_SERVICE;
	verdict = parse_check(ctx, packet);
	return verdict ? verdict : sctp_chunks(ctx, packet, &seen);
}
