/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SCTP (RFC 9260): what a packet means for its association. Verification tags are learnt from INIT and INIT ACK and
 * looked at in every packet; chunks step the state; a restart keeps its endpoint.
 *
 *     client                  here                                                   endpoint
 *     INIT a            ->    syn_sent; packets to the client carry a          ->
 *                       <-    syn_received; packets to the endpoint carry b    <-    a: INIT ACK b
 *     b: COOKIE ECHO    ->    the client has got b, so it is who it says       ->
 *                       <-    established                                      <-    a: COOKIE ACK
 *
 * Of an endpoint that answers clients itself only the left half is seen. */
#pragma once
#include "flow.h"
#include "parse.h"
#include "punt.h"
#include "sctp-chunks.h"
#include "sctp-tags.h"

/* For the pipeline: the packet needs a new flow. It is PIPELINE_ANEW. */
#define SCTP_ANEW VERDICT_MAX

inline_always bool sctp_endpoint_takes(const struct flow *flow)
{
	const struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &flow->endpoint);

	return endpoint && endpoint->service == flow->service &&
	       (endpoint->flags & (ENDPOINT_ACCEPTS | ENDPOINT_BLOCKED | ENDPOINT_DOWN)) == ENDPOINT_ACCEPTS;
}

/* The state that a packet makes, whose tag is right and whose signalling is whole. */
inline_always __u8 sctp_next_state(const struct flow *flow, __u32 seen)
{
	if (seen & SCTP_ABORT)
		return FLOW_CLOSED;
	if (seen & SCTP_SHUTDOWN_COMPLETE) /* ignored by those who have not begun to shut down */
		return flow->state == FLOW_CLOSING ? FLOW_CLOSED : flow->state;
	if (seen & (SCTP_SHUTDOWN | SCTP_SHUTDOWN_ACK))
		return flow->state == FLOW_CLOSED ? FLOW_CLOSED : FLOW_CLOSING;
	if (!flow_is_reverse(flow) || !sctp_is_embryonic(flow))
		return flow->state;
	if (seen & SCTP_INIT_ACK)
		return FLOW_SYN_RECEIVED;
	/* What comes after COOKIE ACK will do as well, should that be lost; ERROR may stand in its place. */
	return seen & SCTP_COOKIE_ACK || !(seen & SCTP_ERROR) ? FLOW_ESTABLISHED : flow->state;
}

inline_always void sctp_step(ctx_t *ctx, const struct packet *packet, const struct sctp_sides *sides, __u32 seen)
{
	__u8 state;

	if (seen & SCTP_INIT_ACK)
		sctp_learn(ctx, packet, sides);
	if (seen & SCTP_COOKIE_ECHO)
		sctp_confirm(packet, sides);
	state = sctp_next_state(sides->flow, seen);
	if (state == FLOW_ESTABLISHED && sctp_is_embryonic(sides->flow))
		sctp_found_by_tag(sides);
	if (state != sides->flow->state)
		sctp_set_state(sides, packet->now, state);
}

/* INIT of a known flow: sent again, or of an association that begins anew. Anybody can say INIT, so the tags stay what
 * they are until the answer has reached who said it. */
rarely enum verdict sctp_again(ctx_t *ctx, const struct packet *packet, struct flow *flow, struct scratch *room)
{
	__u32 tag = sctp_initiate_tag(ctx, packet);
	bool reverse = flow_is_reverse(flow);
	const struct sctp_pending *pending;
	struct sctp_sides sides;

	if (!tag)
		return VERDICT_DROP_SCTP_CHUNK;
	if (!reverse && (!sctp_endpoint_takes(flow) || flow->flags & FLOW_FLAG_PATH)) {
		room->sctp_endpoint = sctp_endpoint_takes(flow) ? flow->endpoint : 0;
		flow_delete(&packet->key, flow, packet->now);
		return SCTP_ANEW;
	}
	if (!flow_has_partner(flow))
		return flow->state != FLOW_CLOSED || flow_reopen(flow, flow, packet) ? VERDICT_CONTINUE : SCTP_ANEW;
	if (flow->flags & FLOW_FLAG_PATH)
		return VERDICT_CONTINUE;
	if (!sctp_sides(&sides, &packet->key, flow, room))
		return SCTP_ANEW; /* just being deleted */
	if (!reverse && flow->state == FLOW_CLOSED) {
		sctp_forget(&packet->key, flow, sides.partner_key, sides.partner);
		if (!flow_reopen(flow, sides.partner, packet))
			return SCTP_ANEW;
		flow->sctp_tag = 0;
		sides.partner->sctp_tag = tag;
	}
	if (sides.partner->sctp_tag == tag)
		return VERDICT_CONTINUE;
	pending = sctp_pending_find(sctp_client_key(&sides), sctp_client_digest(&sides));
	if (!pending || pending->side != reverse || pending->reply != tag)
		sctp_pending_put(sctp_client_key(&sides), sctp_client_digest(&sides), reverse, tag, 0);
	return VERDICT_CONTINUE;
}

/* A flow that shows its client's side only. What the endpoint says is not seen, so wrong tags are left to it, and
 * change nothing. */
inline_always enum verdict sctp_alone(const struct packet *packet, struct flow *flow, __u32 seen)
{
	if (seen & SCTP_COOKIE_ECHO)
		flow->sctp_tag = packet->sctp_tag;
	if (flow->sctp_tag != packet->sctp_tag || seen & SCTP_REFLECTED)
		return VERDICT_CONTINUE;
	if (seen & (SCTP_ABORT | SCTP_SHUTDOWN_COMPLETE))
		flow_set_state(flow, flow, packet, FLOW_CLOSED);
	else if (seen & (SCTP_SHUTDOWN | SCTP_SHUTDOWN_ACK))
		flow_set_state(flow, flow, packet, FLOW_CLOSING);
	else if (sctp_is_embryonic(flow) || seen & SCTP_COOKIE_ECHO)
		flow_set_state(flow, flow, packet, FLOW_ESTABLISHED);
	return VERDICT_CONTINUE;
}

/* In pieces: chunks may go on where they cannot be seen, and the checksum can neither be checked nor patched. */
inline_always enum verdict sctp_fragment(const struct packet *packet, const struct flow *flow)
{
	if (!packet->sctp_tag)
		return VERDICT_DROP_FRAGMENT;
	if (flow_has_partner(flow) && packet->sctp_tag != flow->sctp_tag)
		return VERDICT_DROP_SCTP_TAG;
	return flow->sctp_change ? VERDICT_DROP_NOT_TRANSLATABLE : VERDICT_CONTINUE;
}

/* A packet of another path steps the first one's state and has its tags. Without it nothing is known but the tag. */
inline_always enum verdict sctp_on_path(const struct packet *packet, const struct flow *found, struct scratch *room,
					struct sctp_sides *sides)
{
	struct flow *first = sctp_first_path(packet, found, room);

	if (first && sctp_sides(sides, &room->sctp_first, first, room))
		return VERDICT_CONTINUE;
	sides->flow = NULL;
	return packet->sctp_tag == found->sctp_tag ? VERDICT_CONTINUE : VERDICT_DROP_SCTP_TAG;
}

/* Nearly all packets: one plain chunk of an established association. */
inline_always bool sctp_is_plain(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	return likely(packet->sctp_tag == flow->sctp_tag && flow->state == FLOW_ESTABLISHED && !packet->fragment &&
		      !ctx_segment_payload(ctx) && sctp_is_lone(ctx, packet));
}

/* All but INIT. */
rarely enum verdict sctp_in_association(ctx_t *ctx, const struct packet *packet, struct flow *found,
					struct scratch *room, __u32 seen)
{
	struct sctp_sides sides;
	enum sctp_tag_result tag;
	enum verdict verdict;

	if (!flow_has_partner(found))
		return sctp_alone(packet, found, seen);
	if (found->flags & FLOW_FLAG_PATH) {
		verdict = sctp_on_path(packet, found, room, &sides);
		if (verdict || !sides.flow)
			return verdict;
	} else if (!sctp_sides(&sides, &packet->key, found, room)) {
		return SCTP_ANEW; /* just being deleted */
	}
	tag = sctp_tag(packet, &sides, seen);
	if (tag == SCTP_TAG_WRONG)
		return VERDICT_DROP_SCTP_TAG;
	if (seen & SCTP_INIT_ACK && !sctp_initiate_tag(ctx, packet))
		return VERDICT_DROP_SCTP_CHUNK;
	if (tag == SCTP_TAG_NEW)
		sides.flow->sctp_tag = packet->sctp_tag;
	sctp_step(ctx, packet, &sides, seen);
	if (found->flags & FLOW_FLAG_PATH) {
		found->sctp_tag = sides.flow->sctp_tag;
		if (!sctp_is_embryonic(sides.flow))
			found->state = sides.flow->state;
	}
	return VERDICT_CONTINUE;
}

/* A packet of a known flow that is not plain: looks at its tag and its chunks. */
inline_always enum verdict sctp_known(ctx_t *ctx, const struct packet *packet, struct flow *flow)
{
	struct scratch *room = scratch_get();
	enum verdict verdict;
	__u32 seen = 0;

	if (!room)
		return VERDICT_DROP_INTERNAL;
	if (packet_is_later_fragment(packet))
		return VERDICT_CONTINUE;
	if (ctx_segment_payload(ctx))
		return VERDICT_DROP_GSO; /* packets of which only the first could be changed */
	if (packet->fragment)
		return sctp_fragment(packet, flow);
	verdict = sctp_chunks(ctx, packet, &seen);
	if (!verdict)
		verdict = sctp_check(ctx, packet, &seen);
	if (verdict)
		return verdict;
	return seen & SCTP_INIT ? sctp_again(ctx, packet, flow, room)
				: sctp_in_association(ctx, packet, flow, room, seen);
}

/* Of an association that is not known (RFC 9260, 8.4): what is answered to nobody's packets is not answered. */
inline_always enum verdict sctp_out_of_the_blue(ctx_t *ctx, const struct packet *packet, const struct service *service,
						struct flow *flow, __u32 seen)
{
	if (seen & (SCTP_INIT_ACK | SCTP_ABORT | SCTP_COOKIE_ACK | SCTP_SHUTDOWN_COMPLETE))
		return VERDICT_DROP_NO_FLOW;
	if (service->flags & SERVICE_RECREATE) {
		/* The endpoint's answer proves that it knows the association; until then the flow is short-lived. */
		flow->state = seen & (SCTP_SHUTDOWN | SCTP_SHUTDOWN_ACK) ? FLOW_CLOSING : FLOW_SYN_SENT;
		flow->sctp_tag = packet->sctp_tag;
		return VERDICT_CONTINUE;
	}
	return service->flags & SERVICE_ABORT ? punt(ctx, packet, NULL, PUNT_SCTP_ABORT) : VERDICT_DROP_NO_FLOW;
}

/* Whether the packet is another path of a client's association with this service. */
inline_always bool sctp_is_path(const struct packet *packet, const struct service *service, struct scratch *room)
{
	const struct flow_key *first = sctp_path_find(&packet->key, packet->sctp_tag);
	const struct flow *flow;

	if (!first)
		return false;
	room->sctp_first = *first;
	flow = flow_find_key(&room->sctp_first);
	return flow && !flow_is_reverse(flow) && flow->sctp_tag == packet->sctp_tag && flow->service == service->id;
}

/* Whether a packet of no flow may make one, and the state it makes. */
rarely enum verdict sctp_first(ctx_t *ctx, const struct packet *packet, const struct service *service,
			       struct flow *flow)
{
	struct scratch *room = scratch_get();
	enum verdict verdict;
	__u32 seen = 0;

	if (!room)
		return VERDICT_DROP_INTERNAL;
	room->sctp_reply = 0;
	if (ctx_segment_payload(ctx))
		return VERDICT_DROP_GSO;
	if (packet_is_later_fragment(packet))
		return VERDICT_DROP_NO_FLOW;
	if (packet->fragment)
		return packet->sctp_tag ? VERDICT_DROP_NO_FLOW : VERDICT_DROP_FRAGMENT;
	verdict = sctp_chunks(ctx, packet, &seen);
	if (verdict)
		return verdict;
	if (seen & SCTP_INIT) {
		verdict = sctp_check(ctx, packet, &seen);
		if (verdict)
			return verdict;
		room->sctp_reply = sctp_initiate_tag(ctx, packet);
		flow->state = FLOW_SYN_SENT;
		return room->sctp_reply ? VERDICT_CONTINUE : VERDICT_DROP_SCTP_CHUNK;
	}
	if (!packet->sctp_tag)
		return VERDICT_DROP_SCTP_TAG;
	if (sctp_is_path(packet, service, room)) {
		flow->flags |= FLOW_FLAG_PATH;
		flow->state = FLOW_ESTABLISHED;
		flow->sctp_tag = packet->sctp_tag;
		return VERDICT_CONTINUE;
	}
	return sctp_out_of_the_blue(ctx, packet, service, flow, seen);
}
