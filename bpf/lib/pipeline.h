/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pipeline: the steps in the order a packet meets them. A step returns VERDICT_CONTINUE or how the packet's way
 * ends; only pipeline() turns that into an action, and counts it. */
#pragma once
#include "parse.h"
#include "icmp.h"
#include "session.h"
#include "flow.h"
#include "filter.h"
#include "police.h"
#include "service.h"
#include "select.h"
#include "route.h"
#include "create.h"
#include "translate.h"

/* A packet of no known flow: finds or refuses a service and makes the flow. */
rarely enum verdict pipeline_new(ctx_t *ctx, const struct packet *packet, __be32 *next_hop)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	struct flow *flow = &room->flow;
	const struct endpoint *endpoint;
	struct service *service = &room->service;
	enum verdict verdict;

	if (!packet || !room || !next_hop || !settings)
		return VERDICT_DROP_INTERNAL;
	if (!service_find(packet, service))
		return VERDICT_PASS_NOT_SERVICE;
	verdict = parse_check(ctx, packet);
	if (verdict)
		return verdict;
	verdict = filter(packet);
	if (verdict)
		return verdict;
	verdict = police(packet);
	if (verdict)
		return verdict;
	verdict = create_state(flow, packet, service);
	if (verdict)
		return verdict;
	verdict = select_endpoint(service, packet, &flow->endpoint);
	if (verdict)
		return verdict;
	endpoint = bpf_map_lookup_elem(&endpoints, &flow->endpoint);
	if (!endpoint)
		return VERDICT_DROP_INTERNAL;
	flow->tag = packet_tag(packet);
	flow->seen = packet->now;
	flow->route_stamp = 0;
	flow->packets = packet->segments;
	flow->bytes = packet->wire_bytes;
	flow->service = service->id;
	create_translation(flow, packet, endpoint);
	verdict = route(ctx, packet, flow, settings, next_hop);
	if (verdict)
		return verdict;
	verdict = create(packet, flow, endpoint);
	if (likely(!verdict))
		select_advance(service);
	return verdict;
}

inline_always enum verdict pipeline_steps(ctx_t *ctx, struct packet *packet, struct flow **flow, __be32 *next_hop,
					  const struct settings *settings)
{
	struct scratch *room;
	enum verdict verdict;

	verdict = parse(ctx, packet);
	if (verdict)
		return verdict;
	verdict = icmp(ctx, packet);
	if (verdict)
		return verdict;
	verdict = session(ctx, packet);
	if (verdict)
		return verdict;

	*flow = flow_find(&packet->key, packet_tag(packet));
	if (likely(*flow)) {
		verdict = parse_check(ctx, packet);
		if (unlikely(verdict))
			return verdict;
		if (likely(flow_step(*flow, packet))) {
			(*flow)->seen = packet->now;
			return route(ctx, packet, *flow, settings, next_hop);
		}
		if (flow_is_reverse(*flow))
			return VERDICT_DROP_NO_FLOW; /* the pair is just being deleted */
	}
	verdict = pipeline_new(ctx, packet, next_hop);
	room = scratch_get();
	*flow = &room->flow;
	return room ? verdict : VERDICT_DROP_INTERNAL;
}

inline_always int pipeline_action(ctx_t *ctx, enum verdict verdict, const struct flow *flow, __be32 next_hop)
{
	__u32 ifindex;

	switch (verdict) {
	case VERDICT_FORWARD:
		ifindex = flow->route_device & ~ROUTE_XDP;
		return likely(!next_hop) ? ctx_transmit(ctx, ifindex) : ctx_transmit_neighbour(ctx, ifindex, next_hop);
	case VERDICT_PASS_NOT_SERVICE:
	case VERDICT_PASS_NOT_IP:
	case VERDICT_PASS_OTHER_HOST:
	case VERDICT_PASS_PROTOCOL:
	case VERDICT_TO_TC_NEIGHBOUR:
	case VERDICT_TO_TC_DEVICE:
	case VERDICT_TO_TC_ROUTE:
	case VERDICT_TO_TC_MTU:
		return CTX_PASS;
	default:
		return CTX_DROP;
	}
}

inline_always int pipeline(ctx_t *ctx)
{
	const struct settings *settings = settings_get();
	struct packet packet;
	struct flow *flow = NULL;
	enum verdict verdict;
	__be32 next_hop = 0;

	if (!settings)
		return CTX_PASS;
	packet.now = clock_now(settings);
	verdict = pipeline_steps(ctx, &packet, &flow, &next_hop, settings);
	if (likely(!verdict)) {
		verdict = translate(ctx, &packet, flow);
		if (likely(verdict == VERDICT_FORWARD))
			count_packet(flow, &packet);
	}
	count_verdict(CTX_HOOK, verdict);
	return pipeline_action(ctx, verdict, flow, next_hop);
}
