/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Users that are clients of services here, and keep their address: what an endpoint answers becomes the service's, and
 * goes the user's way, into its tunnel or to its user plane. Meanwhile its flow stands in the scratch room. */
#pragma once
#include "flow.h"
#include "fragment.h"
#include "translate.h"
#include "vip.h"

/* Whether what is for a user may belong to a flow. */
inline_always bool answer_may_be(const struct packet *packet)
{
	__u32 zero = 0;
	const __s64 *live = bpf_map_lookup_elem(&live_flows, &zero);

	return live && *live && vip_of(&packet->key.source, packet->key.zone) & VIP_ENDPOINT;
}

/* A later fragment goes with its first one where that is known. Else it goes as it came, and waits for nobody. */
inline_always enum verdict answer_parse(ctx_t *ctx, struct packet *packet, struct scratch *room)
{
	const struct fragment *known;

	if (!CTX_HAS_NEXT && packet_is_later_fragment(packet)) {
		known = bpf_map_lookup_elem(&fragments, fragment_key(packet, room));
		if (!known || !fragment_is_fresh(packet, known) || known->state == FRAGMENT_PASS)
			return VERDICT_PASS_PROTOCOL;
	}
	return parse_rest(ctx, packet);
}

/* The flow of an answer; NULL: it is none. Endpoints that answer clients themselves have no flows of this kind. */
inline_always struct flow *answer_find(const struct packet *packet)
{
	struct flow *flow;

	if (packet->kind == PACKET_ICMP_ERROR)
		return NULL;
	flow = flow_find(&packet->key, packet_tag(packet));
	trace(TRACE_FLOW, flow, flow ? flow->state : 0, &packet->key);
	return flow && flow_is_reverse(flow) && flow_action(flow) == ACTION_NAT && flow_goes_with(flow, packet) ? flow
													       : NULL;
}

/* Keeps the flow for the program that sends the packet. */
inline_always enum verdict answer_keep(const struct packet *packet, const struct flow *flow, struct scratch *room)
{
	const struct endpoint *endpoint;

	room->answer = *flow;
	barrier();
	if (unlikely(flow->tag != packet_tag(packet)))
		return VERDICT_DROP_NO_FLOW;
	endpoint = bpf_map_lookup_elem(&endpoints, &room->answer.endpoint);
	if (endpoint && endpoint->flags & ENDPOINT_BLOCKED)
		return VERDICT_DROP_BLOCKED;
	room->answers = true;
	return VERDICT_CONTINUE;
}

/* Makes the answer the service's, once it has a route. It is counted now, and if it is dropped after all, as a drop as
 * well. */
rarely enum verdict answer_translate(ctx_t *ctx, const struct packet *packet)
{
	struct scratch *room = scratch_get();
	enum verdict verdict;
	struct flow *flow;

	if (!packet || !room)
		return VERDICT_DROP_INTERNAL;
	if (unlikely(explain))
		trace_translation(TRACE_TRANSLATED, ACTION_NAT, packet, &room->answer);
	verdict = translate_with(ctx, packet, &room->answer, false);
	if (verdict != VERDICT_FORWARD)
		return verdict;
	flow = flow_find(&packet->key, packet_tag(packet));
	if (flow)
		count_packet(flow, packet);
	return VERDICT_CONTINUE;
}

/* What is too long and may not be split is told to its sender, as it came. */
inline_always bool answer_may_be_split(ctx_t *ctx, const struct packet *packet)
{
	const struct iphdr *ip = ctx_start(ctx) + packet_l3(packet);

	return !packet->v6 && (void *)(ip + 1) <= ctx_end(ctx) && !(ip->frag_off & bpf_htons(0x4000));
}
