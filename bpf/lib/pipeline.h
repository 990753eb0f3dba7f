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

/* Not a verdict, and only known here: the packet needs a new flow. */
#define PIPELINE_ANEW VERDICT_MAX

/* A packet of no known flow: finds or refuses a service and makes the flow. */
rarely enum verdict pipeline_new(ctx_t *ctx, struct packet *packet)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	struct flow *flow = &room->flow;
	const struct endpoint *endpoint;
	struct service *service = &room->service;
	enum verdict verdict;

	if (!room || !settings)
		return VERDICT_DROP_INTERNAL;
	verdict = service_find(packet, service);
	if (verdict)
		return verdict;
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
	verdict = route(ctx, packet, flow, settings);
	if (verdict)
		return verdict;
	verdict = create(packet, flow, endpoint);
	if (likely(!verdict))
		select_advance(service);
	return verdict;
}

inline_always enum verdict pipeline_known(ctx_t *ctx, struct packet *packet, struct flow *flow,
					  const struct settings *settings)
{
	bool reverse = flow_is_reverse(flow);
	enum verdict verdict;

	verdict = parse_check(ctx, packet);
	if (unlikely(verdict))
		return verdict;
	if (unlikely(!flow_step(flow, packet))) /* the pair is just being deleted, or has to be made anew */
		return reverse ? VERDICT_DROP_NO_FLOW : PIPELINE_ANEW;
	flow->seen = packet->now;
	return route(ctx, packet, flow, settings);
}

inline_always enum verdict pipeline_steps(ctx_t *ctx, struct packet *packet, struct flow **flow,
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
	if (likely(*flow && flow_goes_with(*flow, packet))) {
		verdict = pipeline_known(ctx, packet, *flow, settings);
		if (likely(verdict != PIPELINE_ANEW))
			return verdict;
	}
	verdict = pipeline_new(ctx, packet);
	room = scratch_get();
	*flow = &room->flow;
	return room ? verdict : VERDICT_DROP_INTERNAL;
}

inline_always int pipeline_action(ctx_t *ctx, enum verdict verdict, const struct packet *packet)
{
	switch (verdict) {
	case VERDICT_FORWARD:
		return likely(!packet->next_hop) ? ctx_transmit(ctx, packet->device)
						 : ctx_transmit_neighbour(ctx, packet->device, packet->next_hop);
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

	if (!settings)
		return CTX_PASS;
	packet.now = clock_now(settings);
	verdict = pipeline_steps(ctx, &packet, &flow, settings);
	if (likely(!verdict)) {
		verdict = translate(ctx, &packet, flow);
		if (likely(verdict == VERDICT_FORWARD))
			count_packet(flow, &packet);
	}
	count_verdict(CTX_HOOK, verdict);
	return pipeline_action(ctx, verdict, &packet);
}
