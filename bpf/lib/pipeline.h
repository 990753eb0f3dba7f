/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pipeline: the steps in the order a packet meets them. A step returns VERDICT_CONTINUE or how the packet's way
 * ends; only pipeline_end() turns that into an action, and counts it.
 *
 * What most packets need stands in the first program. The rest are programs of their own, jumped to: the verifier looks
 * at each alone, each has the whole stack, and a jump costs less than a call. Between them the packet stands in the
 * scratch room. */
#pragma once
#include "parse.h"
#include "trace.h"
#include "flow.h"
#include "sctp.h"
#include "filter.h"
#include "police.h"
#include "service.h"
#include "select.h"
#include "route.h"
#include "create.h"
#include "sctp-other.h"
#include "session.h"
#include "user.h"
#include "uplink.h"
#include "translate.h"
#include "icmp.h"
#include "punt.h"

/* The programs that are jumped to. The map of jumps is each object's own. */
enum jump {
	JUMP_NEW = 0,   /* a packet of no flow */
	JUMP_SESSION,   /* a packet that may be told apart by a session key */
	JUMP_TRANSLATE, /* what is more than addresses and ports: scratch.flow says what */
	JUMP_ICMP,      /* an ICMP error */
	JUMP_FLOW,      /* a packet that had no session key after all, or that changes its flow's state */
	JUMP_USER,      /* a packet from the data network to a user */
	JUMP_UPLINK,    /* a packet that may leave its tunnel here */
	JUMP_DOWNLINK,  /* a packet from a local place to a user */
	JUMP_ANSWER,    /* a packet to a user from an endpoint, which may belong to a flow */
	JUMP_MAX,
};

inline_always int pipeline_action(ctx_t *ctx, enum verdict verdict, const struct packet *packet)
{
	struct scratch *room;

	if (likely(verdict == VERDICT_FORWARD)) {
		if (likely(packet->next_hop == NEXT_HOP_KNOWN))
			return ctx_transmit(ctx, packet->device);
		room = scratch_get();
		return ctx_transmit_neighbour(ctx, packet->device,
					      packet->next_hop == NEXT_HOP_GATEWAY && room ? &room->next_hop : NULL);
	}
	return verdict >= VERDICT_PASS_NOT_SERVICE && verdict < VERDICT_PUNT ? CTX_PASS : CTX_DROP;
}

/* The end of a packet's way. What cannot be sent because it is too long is user space's to answer. */
inline_always int pipeline_end(ctx_t *ctx, struct packet *packet, const struct flow *flow, enum verdict verdict)
{
	if (unlikely(verdict == VERDICT_DROP_MTU))
		verdict = punt(ctx, packet, flow, PUNT_TOO_BIG);
	if (unlikely(packet->fragment))
		fragment_teach(packet, verdict);
	count_verdict(CTX_HOOK, verdict);
	trace(TRACE_VERDICT, true, verdict, &packet->key);
	return pipeline_action(ctx, verdict, packet);
}

inline_always int pipeline_jump(ctx_t *ctx, __u32 program)
{
	bpf_tail_call_static(ctx, &CTX_JUMPS, program);
	count_verdict(CTX_HOOK, VERDICT_DROP_INTERNAL);
	return CTX_DROP;
}

/* The next program finds the packet in the scratch room. */
inline_always int pipeline_jump_with(ctx_t *ctx, const struct packet *packet, const __u32 program)
{
	struct scratch *room = scratch_get();

	if (room && packet != &room->packet)
		room->packet = *packet;
	return pipeline_jump(ctx, program);
}

inline_always int pipeline_translate(ctx_t *ctx, struct packet *packet, struct flow *flow, const bool plain)
{
	enum verdict verdict = plain ? translate(ctx, packet, flow) : translate_short(ctx, packet, flow);

	if (unlikely(explain))
		trace_translation(TRACE_TRANSLATED, flow_action(flow), packet, flow);
	if (likely(verdict == VERDICT_FORWARD))
		count_packet(flow, packet);
	return pipeline_end(ctx, packet, flow, verdict);
}

/* A packet whose flow is more than addresses and ports. It is counted now, and if it is dropped after all, as a drop
 * as well: the flow is not looked up a second time. */
inline_always int pipeline_translate_other(ctx_t *ctx, struct packet *packet, struct flow *flow)
{
	struct scratch *room = scratch_get();

	if (!room)
		return CTX_DROP;
	count_packet(flow, packet);
	if (flow != &room->flow)
		room->flow = *flow;
	barrier();
	if (unlikely(room->flow.tag != packet_tag(packet)))
		return pipeline_end(ctx, packet, flow, VERDICT_DROP_NO_FLOW);
	if (unlikely(room->flow.flags & FLOW_FLAG_PUNT))
		return pipeline_end(ctx, packet, flow, punt(ctx, packet, &room->flow, PUNT_ALG));
	return pipeline_jump_with(ctx, packet, JUMP_TRANSLATE);
}

inline_always bool pipeline_is_plain(const struct flow *flow)
{
	return !(flow->flags & (FLOW_FLAG_PUNT | (__u8)~0U << FLOW_ACTION_SHIFT));
}

/* A packet of a known flow: VERDICT_CONTINUE, or the end; or it needs a new flow, or a closer look. */
#define PIPELINE_ANEW VERDICT_MAX
#define PIPELINE_LOOK (VERDICT_MAX + 1)

inline_always enum verdict pipeline_step(ctx_t *ctx, struct packet *packet, struct flow *flow, const bool first)
{
	bool reverse = flow_is_reverse(flow);
	enum verdict verdict;

	verdict = parse_check(ctx, packet);
	if (unlikely(verdict))
		return verdict;
	if (packet->key.protocol == IPPROTO_SCTP) {
		if (unlikely(!sctp_is_plain(ctx, packet, flow)))
			verdict = first ? PIPELINE_LOOK : sctp_known(ctx, packet, flow);
	} else if (unlikely(!flow_is_steady(flow, packet))) {
		verdict = first ? PIPELINE_LOOK : flow_step(flow, packet) ? VERDICT_CONTINUE : PIPELINE_ANEW;
	}
	if (unlikely(verdict)) /* anew: the pair is just being deleted, or has to be made again */
		return verdict == PIPELINE_ANEW && reverse ? VERDICT_DROP_NO_FLOW : verdict;
	flow->seen = packet->now;
	return VERDICT_CONTINUE;
}

inline_always enum verdict pipeline_known(ctx_t *ctx, struct packet *packet, struct flow *flow,
					  const struct settings *settings, const bool first)
{
	enum verdict verdict = pipeline_step(ctx, packet, flow, first);

	return verdict ? verdict : route(ctx, packet, flow, settings);
}

inline_always int pipeline_flow(ctx_t *ctx, struct packet *packet, const struct settings *settings,
				const bool first)
{
	struct flow *flow = flow_find(&packet->key, packet_tag(packet));
	enum verdict verdict;

	trace(TRACE_PARSED, true, packet->kind, &packet->key);
	trace(TRACE_FLOW, flow, flow ? flow->state : 0, &packet->key);
	if (unlikely(!flow || !flow_goes_with(flow, packet))) {
		if (first && unlikely(filter_has_refused(packet, settings)))
			return pipeline_end(ctx, packet, NULL, VERDICT_DROP_SOURCE);
		return pipeline_jump_with(ctx, packet, JUMP_NEW);
	}
	verdict = pipeline_known(ctx, packet, flow, settings, first);
	if (unlikely(verdict == PIPELINE_ANEW))
		return pipeline_jump_with(ctx, packet, JUMP_NEW);
	if (first && unlikely(verdict == PIPELINE_LOOK)) {
		trace_take_back(2);
		return pipeline_jump_with(ctx, packet, JUMP_FLOW);
	}
	if (unlikely(verdict))
		return pipeline_end(ctx, packet, flow, verdict);
	if (likely(pipeline_is_plain(flow)))
		return pipeline_translate(ctx, packet, flow, true);
	if (first && translate_is_short(packet, flow))
		return pipeline_translate(ctx, packet, flow, false);
	return pipeline_translate_other(ctx, packet, flow);
}

/* The program for a packet that is, as one from `source`, for a user; 0: for none. */
inline_always __u32 pipeline_user_way(const struct packet *packet, const struct settings *settings,
				      const struct address *source)
{
	if (settings->features & FEATURE_UPLINKS && downlink_is(packet, source))
		return JUMP_DOWNLINK;
	return settings->features & FEATURE_USERS && user_is_served(packet) ? JUMP_USER : 0;
}

inline_always int pipeline_jump_way(ctx_t *ctx, __u32 way)
{
	return way == JUMP_DOWNLINK ? pipeline_jump(ctx, JUMP_DOWNLINK) : pipeline_jump(ctx, JUMP_USER);
}

/* To a user; has_flows: of a protocol that services have. */
rarely __u32 pipeline_to_user(const struct packet *packet, bool has_flows)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	__u32 way;

	if (!packet || !settings || !room)
		return 0;
	way = pipeline_user_way(packet, settings, &packet->key.source);
	if (!way)
		return 0;
	room->packet = *packet;
	room->answers = false;
	room->user_way = way;
	return has_flows && unlikely(answer_may_be(packet)) ? JUMP_ANSWER : way;
}

/* The first program. Here the packet stands on the stack, where the compiler can keep it in registers. */
inline_always int pipeline(ctx_t *ctx)
{
	const struct settings *settings = settings_get();
	struct packet packet;
	enum verdict verdict;
	__u32 way;

	if (!settings)
		return CTX_PASS;
	packet.now = clock_now(settings);
	verdict = parse_ip(ctx, &packet);
	/* Before anything that a fragment, or a protocol without ports, has not. */
	if (unlikely(settings->features & (FEATURE_UPLINKS | FEATURE_USERS)) &&
	    (!verdict || verdict == VERDICT_PASS_PROTOCOL)) {
		way = pipeline_to_user(&packet, !verdict);
		if (way)
			return way == JUMP_ANSWER ? pipeline_jump(ctx, JUMP_ANSWER) : pipeline_jump_way(ctx, way);
	}
	if (likely(!verdict))
		verdict = parse_rest(ctx, &packet);
	if (unlikely(verdict))
		return pipeline_end(ctx, &packet, NULL, verdict);
	if (unlikely(packet.kind == PACKET_ICMP_ERROR))
		return pipeline_jump_with(ctx, &packet, JUMP_ICMP);
	if (unlikely(settings->features & FEATURE_UPLINKS) && uplink_may_be(&packet))
		return pipeline_jump_with(ctx, &packet, JUMP_UPLINK);
	if (unlikely(settings->features & FEATURE_SESSIONS) && session_may_be(&packet))
		return pipeline_jump_with(ctx, &packet, JUMP_SESSION);
	return pipeline_flow(ctx, &packet, settings, true);
}

/* JUMP_FLOW */
inline_always int pipeline_again(ctx_t *ctx)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();

	return settings && room ? pipeline_flow(ctx, &room->packet, settings, false) : CTX_DROP;
}

/* Finds or refuses a service, and says what the new flow will be. */
inline_always enum verdict pipeline_service(ctx_t *ctx, struct packet *packet, const struct settings *settings,
					    struct scratch *room)
{
	struct service *service = &room->service;
	enum verdict verdict;

	verdict = service_find(ctx, packet, settings, room);
	trace(TRACE_SERVICE, !verdict, verdict ? verdict : service->id, &packet->key);
	if (verdict)
		return verdict;
	verdict = parse_check(ctx, packet);
	if (verdict)
		return verdict;
	verdict = filter(packet, service);
	if (verdict)
		return verdict;
	if (unlikely(service->flags & SERVICE_STATELESS)) /* a later fragment: its session key was in the first */
		return VERDICT_DROP_FRAGMENT;
	verdict = create_state(ctx, &room->flow, packet, service);
	if (verdict)
		return verdict;
	return police(service, &room->flow);
}

inline_always enum verdict pipeline_new_flow(ctx_t *ctx, struct packet *packet, const struct settings *settings,
					     struct scratch *room)
{
	struct flow *flow = &room->flow;
	const struct endpoint *endpoint;
	enum verdict verdict;
	__u32 sctp_kept;

	flow->service = 0;
	flow->endpoint = 0;
	flow->flags = 0;
	sctp_kept = room->sctp_endpoint;
	room->sctp_endpoint = 0;
	verdict = pipeline_service(ctx, packet, settings, room);
	if (unlikely(verdict == VERDICT_PASS_NOT_SERVICE && packet->key.protocol == IPPROTO_SCTP)) {
		verdict = sctp_other_side(ctx, packet, room);
		flow->flags = FLOW_FLAG_PATH;
	}
	if (verdict)
		return verdict;
	if (unlikely(flow->flags & FLOW_FLAG_PATH))
		return sctp_other_path(ctx, packet, settings, room);
	if (unlikely(sctp_kept))
		flow->endpoint = sctp_kept;
	else
		verdict = select_endpoint(ctx, &room->service, packet, &flow->endpoint);
	trace(TRACE_SELECTED, !verdict, verdict ? verdict : flow->endpoint, &packet->key);
	if (verdict)
		return verdict;
	endpoint = bpf_map_lookup_elem(&endpoints, &flow->endpoint);
	if (!endpoint)
		return VERDICT_DROP_INTERNAL;
	flow->tag = packet_tag(packet);
	flow->seen = packet->now;
	flow->route_stamp = 0;
	flow->route_mtu = 0;
	flow->packets = packet->segments;
	flow->bytes = packet->wire_bytes;
	flow->service = room->service.id;
	create_translation(flow, packet, endpoint);
	if (unlikely(!create_is_possible(flow)))
		return VERDICT_DROP_NOT_TRANSLATABLE;
	verdict = route(ctx, packet, flow, settings);
	if (verdict)
		return verdict;
	verdict = create(packet, flow, endpoint, settings);
	if (likely(!verdict))
		select_advance(&room->service, packet, flow);
	return verdict;
}

/* JUMP_NEW */
inline_always int pipeline_new(ctx_t *ctx)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	enum verdict verdict;

	if (!settings || !room)
		return CTX_DROP;
	verdict = pipeline_new_flow(ctx, &room->packet, settings, room);
	if (verdict)
		return pipeline_end(ctx, &room->packet, &room->flow, verdict);
	if (unlikely(!pipeline_is_plain(&room->flow)))
		return pipeline_translate_other(ctx, &room->packet, &room->flow);
	return pipeline_translate(ctx, &room->packet, &room->flow, true);
}

/* JUMP_SESSION: what is no session packet after all goes on as any other. */
inline_always int pipeline_session(ctx_t *ctx)
{
	struct scratch *room = scratch_get();
	struct packet *packet;
	enum verdict verdict;
	struct flow *flow;

	if (!room)
		return CTX_DROP;
	packet = &room->packet;
	verdict = session(ctx, packet, room);
	if (verdict == SESSION_NONE)
		return pipeline_jump(ctx, JUMP_FLOW);
	flow = bpf_map_lookup_elem(&session_templates, &room->template);
	if (unlikely(verdict || !flow))
		return pipeline_end(ctx, packet, flow, verdict);
	if (unlikely(!pipeline_is_plain(flow)))
		return pipeline_translate_other(ctx, packet, flow);
	return pipeline_translate(ctx, packet, flow, true);
}

/* What is too long leaves in pieces, if it may, which user space makes. */
inline_always enum verdict pipeline_user_answer(ctx_t *ctx, const struct packet *packet, enum verdict verdict)
{
	enum verdict translated;

	if (verdict && (verdict != VERDICT_DROP_MTU || !answer_may_be_split(ctx, packet)))
		return verdict;
	translated = answer_translate(ctx, packet);
	return translated ? translated : verdict;
}

/* JUMP_USER */
inline_always int pipeline_user(ctx_t *ctx)
{
	struct scratch *room = scratch_get();
	enum verdict verdict;
	struct flow *flow;

	if (!room)
		return CTX_DROP;
	verdict = user(ctx, &room->packet, room);
	if (unlikely(room->answers))
		verdict = pipeline_user_answer(ctx, &room->packet, verdict);
	flow = bpf_map_lookup_elem(&session_templates, &room->template);
	if (unlikely(verdict || !flow))
		return pipeline_end(ctx, &room->packet, flow, verdict);
	return pipeline_translate_other(ctx, &room->packet, flow);
}

/* JUMP_UPLINK: what stays in its tunnel goes on as any other packet of one. */
inline_always int pipeline_uplink(ctx_t *ctx)
{
	struct scratch *room = scratch_get();
	enum verdict verdict;

	if (!room)
		return CTX_DROP;
	verdict = uplink(ctx, &room->packet, room);
	return verdict == SESSION_NONE ? pipeline_jump(ctx, JUMP_SESSION)
				       : pipeline_end(ctx, &room->packet, NULL, verdict);
}

/* JUMP_DOWNLINK */
inline_always int pipeline_downlink(ctx_t *ctx)
{
	struct scratch *room = scratch_get();
	enum verdict verdict;
	struct flow *flow;

	if (!room)
		return CTX_DROP;
	verdict = downlink(ctx, &room->packet, room);
	flow = bpf_map_lookup_elem(&session_templates, &room->template);
	return pipeline_end(ctx, &room->packet, flow, verdict);
}

/* There the flow is looked up once more. */
inline_always int pipeline_jump_flow(ctx_t *ctx)
{
	trace_take_back(1);
	return pipeline_jump(ctx, JUMP_FLOW);
}

/* JUMP_ANSWER: what belongs to no flow goes to the user as it came. What user space translates is routed as ever. */
inline_always int pipeline_answer(ctx_t *ctx)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	struct packet *packet;
	enum verdict verdict;
	struct flow *flow;
	__u32 way;

	if (!settings || !room)
		return CTX_DROP;
	packet = &room->packet;
	verdict = answer_parse(ctx, packet, room);
	if (verdict == VERDICT_PASS_PROTOCOL || verdict == VERDICT_PASS_NEIGHBOUR_DISCOVERY)
		return pipeline_jump_way(ctx, room->user_way);
	if (verdict)
		return pipeline_end(ctx, packet, NULL, verdict);
	flow = answer_find(packet);
	if (!flow)
		return pipeline_jump_way(ctx, room->user_way);
	if (flow->flags & FLOW_FLAG_PUNT)
		return pipeline_jump_flow(ctx);
	verdict = pipeline_step(ctx, packet, flow, false);
	if (!verdict)
		verdict = answer_keep(packet, flow, room);
	if (verdict)
		return pipeline_end(ctx, packet, flow, verdict);
	way = pipeline_user_way(packet, settings, &room->answer.source);
	return way ? pipeline_jump_way(ctx, way) : pipeline_jump_flow(ctx);
}

/* JUMP_TRANSLATE */
inline_always int pipeline_other(ctx_t *ctx)
{
	struct scratch *room = scratch_get();

	if (!room)
		return CTX_DROP;
	if (unlikely(explain))
		trace_translation(TRACE_TRANSLATED, flow_action(&room->flow), &room->packet, &room->flow);
	return pipeline_end(ctx, &room->packet, &room->flow, translate_other(ctx, &room->packet, &room->flow));
}

/* JUMP_ICMP */
inline_always int pipeline_icmp(ctx_t *ctx)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();

	if (!settings || !room)
		return CTX_DROP;
	return pipeline_end(ctx, &room->packet, &room->flow, icmp_error(ctx, &room->packet, settings, room));
}

/* The programs of an object: the first one, and those it jumps to. */
#define PIPELINE_PROGRAMS(section, prefix)                                              \
	SEC(section) int prefix(ctx_t *ctx) { return pipeline(ctx); }                   \
	SEC(section) int prefix##_new(ctx_t *ctx) { return pipeline_new(ctx); }         \
	SEC(section) int prefix##_session(ctx_t *ctx) { return pipeline_session(ctx); } \
	SEC(section) int prefix##_other(ctx_t *ctx) { return pipeline_other(ctx); }     \
	SEC(section) int prefix##_icmp(ctx_t *ctx) { return pipeline_icmp(ctx); }       \
	SEC(section) int prefix##_flow(ctx_t *ctx) { return pipeline_again(ctx); }      \
	SEC(section) int prefix##_user(ctx_t *ctx) { return pipeline_user(ctx); }       \
	SEC(section) int prefix##_uplink(ctx_t *ctx) { return pipeline_uplink(ctx); }   \
	SEC(section) int prefix##_downlink(ctx_t *ctx) { return pipeline_downlink(ctx); } \
	SEC(section) int prefix##_answer(ctx_t *ctx) { return pipeline_answer(ctx); }
