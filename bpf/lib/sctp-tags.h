/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Verification tags of SCTP: which are right, and how they are learnt. */
#pragma once
#include "flow.h"
#include "sctp-chunks.h"

/* Both entries of what a packet is about: on the first path that is the flow it found. */
struct sctp_sides {
	const struct flow_key *key; /* how the packets of `flow` come in */
	struct flow_key *partner_key;
	struct flow *flow;
	struct flow *partner;
};

inline_always bool sctp_is_embryonic(const struct flow *flow)
{
	return flow_is_embryonic(IPPROTO_SCTP, flow->state);
}

inline_always const struct flow_key *sctp_client_key(const struct sctp_sides *sides)
{
	return flow_is_reverse(sides->flow) ? sides->partner_key : sides->key;
}

/* What pending tags stand under. */
inline_always __u32 sctp_client_digest(const struct sctp_sides *sides)
{
	return flow_is_reverse(sides->flow) ? sides->partner->tag : sides->flow->tag;
}

rarely void sctp_set_state(const struct sctp_sides *sides, __u32 now, __u8 state)
{
	flow_set_state_of(sides->key, sides->flow, sides->partner, now, state);
}

inline_always bool sctp_sides(struct sctp_sides *sides, const struct flow_key *key, struct flow *flow,
			      struct scratch *room)
{
	sides->key = key;
	sides->flow = flow;
	sides->partner_key = &room->sctp_partner;
	flow_partner_key(sides->partner_key, key, flow);
	sides->partner = flow_find_key(sides->partner_key);
	return sides->partner;
}

/* The first path's entry of this direction, for a packet on another path; its key into scratch.sctp_first. */
rarely struct flow *sctp_first_path(const struct packet *packet, const struct flow *found, struct scratch *room)
{
	const struct flow_key *key = sctp_path_find(&packet->key, packet->sctp_tag);
	struct flow *flow;

	if (!key)
		key = sctp_path_find(&packet->key, found->sctp_tag);
	if (!key)
		return NULL;
	room->sctp_first = *key;
	flow = flow_find_key(&room->sctp_first);
	if (!flow || flow_is_reverse(flow) != flow_is_reverse(found) || flow->endpoint != found->endpoint)
		return NULL;
	return flow;
}

/* From now on the association is found by its tags too. */
inline_always void sctp_found_by_tag(const struct sctp_sides *sides)
{
	sctp_path_put(sides->key, sides->flow->sctp_tag);
	sctp_path_put(sides->partner_key, sides->partner->sctp_tag);
}

enum sctp_tag_result {
	SCTP_TAG_WRONG = 0,
	SCTP_TAG_RIGHT,
	SCTP_TAG_NEW, /* of a flow whose handshake was not seen: to be learnt */
};

inline_always enum sctp_tag_result sctp_tag(const struct packet *packet, const struct sctp_sides *sides, __u32 seen)
{
	bool reflected = seen & SCTP_REFLECTED, reverse = flow_is_reverse(sides->flow);
	const struct sctp_pending *pending;

	if (!packet->sctp_tag)
		return SCTP_TAG_WRONG;
	if (likely(packet->sctp_tag == (reflected ? sides->partner->sctp_tag : sides->flow->sctp_tag)))
		return SCTP_TAG_RIGHT;
	pending = sctp_pending_find(sctp_client_key(sides), sctp_client_digest(sides));
	if (pending && (reverse != reflected) == pending->side && sctp_pending_has(pending, packet->sctp_tag))
		return SCTP_TAG_RIGHT;
	if (pending && (reverse != reflected) != pending->side && packet->sctp_tag == pending->reply)
		return SCTP_TAG_RIGHT;
	/* The endpoint's first packet confirms what the client's said; until then the client's next may correct it. */
	if (reflected || seen & SCTP_INIT_ACK)
		return SCTP_TAG_WRONG;
	if (reverse)
		return sides->flow->sctp_tag ? SCTP_TAG_WRONG : SCTP_TAG_NEW;
	return sides->flow->state == FLOW_SYN_SENT && !sides->partner->sctp_tag ? SCTP_TAG_NEW : SCTP_TAG_WRONG;
}

/* The answer to an INIT: its own tag is what the other side's packets will carry. The first answer counts, and others
 * in case that the first is lost: each may bring another tag. */
inline_always void sctp_learn(ctx_t *ctx, const struct packet *packet, const struct sctp_sides *sides)
{
	struct sctp_pending *pending;
	__u32 tag = sctp_initiate_tag(ctx, packet), side = !flow_is_reverse(sides->flow);

	if (packet->sctp_tag == sides->flow->sctp_tag) {
		if (!sides->partner->sctp_tag)
			sides->partner->sctp_tag = tag;
		if (sides->partner->sctp_tag == tag)
			return;
	}
	pending = sctp_pending_find(sctp_client_key(sides), sctp_client_digest(sides));
	if (pending && pending->side == side && pending->reply == packet->sctp_tag)
		sctp_pending_offer(pending, tag);
	else
		sctp_pending_put(sctp_client_key(sides), sctp_client_digest(sides), side, packet->sctp_tag, tag);
}

/* The side that has sent INIT has got its answer: the tags of both count. */
inline_always void sctp_confirm(const struct packet *packet, const struct sctp_sides *sides)
{
	const struct sctp_pending *pending;

	if (packet->sctp_tag != sides->flow->sctp_tag) {
		pending = sctp_pending_find(sctp_client_key(sides), sctp_client_digest(sides));
		if (!pending || pending->side != flow_is_reverse(sides->flow))
			return;
		sctp_path_forget(sides->key, sides->flow->sctp_tag);
		sctp_path_forget(sides->partner_key, sides->partner->sctp_tag);
		sides->flow->sctp_tag = packet->sctp_tag;
		sides->partner->sctp_tag = pending->reply;
		sctp_pending_forget(sctp_client_key(sides), sctp_client_digest(sides));
		if (sides->flow->state == FLOW_CLOSING || sides->flow->state == FLOW_CLOSED)
			sctp_set_state(sides, packet->now, FLOW_SYN_RECEIVED);
	}
	sctp_found_by_tag(sides);
}
