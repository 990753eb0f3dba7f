/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frees flows on the control plane's request, in the kernel, where age and partner can be checked at the moment of
 * deletion. */
#pragma once
#include "flow.h"

struct expire_run {
	const struct settings *settings;
	__u32 now;
	__u32 expired;
	__u32 closed;
	bool force;
};

inline_always const struct service_idle *expire_of_service(const struct flow *flow)
{
	__u32 service = flow->service;

	return bpf_map_lookup_elem(&service_idle, &service);
}

/* A service may have a time-out of its own, for flows that both sides have taken up. */
inline_always __u32 expire_timeout(const struct settings *settings, const struct flow *flow)
{
	const struct service_idle *idle = expire_of_service(flow);

	if (idle && idle->ticks && (flow->state == FLOW_ESTABLISHED || flow->state == FLOW_REPLIED))
		return idle->ticks;
	return settings->timeouts[flow->state & 15];
}

/* User space is to tell both sides of a connection. Until it has, or the time-out of closing connections is over, the
 * flow stays and sends all its packets there. */
rarely bool expire_reset(const struct flow_key *key, struct flow *flow, __u32 now)
{
	const struct service_idle *idle;
	struct flow_key partner_key;
	struct flow *partner;
	__u32 zero = 0, *sequence = bpf_map_lookup_elem(&punt_sequence, &zero);
	struct punt *punt;

	if (!key || !flow || !sequence)
		return false;
	idle = expire_of_service(flow);
	if (!idle || !idle->reset || key->protocol != IPPROTO_TCP || flow->state != FLOW_ESTABLISHED ||
	    flow->flags & FLOW_FLAG_PUNT || !flow_has_partner(flow))
		return false;
	flow_partner_key(&partner_key, key, flow);
	partner = flow_find_key(&partner_key);
	punt = partner ? bpf_ringbuf_reserve(&punts, sizeof(*punt), 0) : NULL;
	if (!punt)
		return false;
	flow->state = FLOW_CLOSING;
	partner->state = FLOW_CLOSING;
	flow->flags |= FLOW_FLAG_PUNT;
	partner->flags |= FLOW_FLAG_PUNT;
	flow->seen = now;
	__builtin_memset(punt, 0, sizeof(*punt));
	punt->sequence = ++*sequence;
	punt->cpu = bpf_get_smp_processor_id();
	punt->reason = PUNT_RESET;
	punt->at = now;
	punt->service = flow->service;
	punt->endpoint = flow->endpoint;
	punt->key = *key;
	punt->flow = *flow;
	bpf_ringbuf_submit(punt, 0);
	return true;
}

/* Ticks without a packet, given the client's side. The pair is as young as its younger half. */
inline_always __u32 expire_idle(const struct expire_run *run, const struct flow_key *key, struct flow *flow)
{
	struct flow_key partner_key;
	struct flow *partner;
	__u32 idle, partner_idle;

	flow_partner_key(&partner_key, key, flow);
	partner = flow_has_partner(flow) ? flow_find_key(&partner_key) : NULL;
	idle = clock_since(run->now, flow->seen);
	if (partner) {
		partner_idle = clock_since(run->now, partner->seen);
		if (partner_idle < idle) {
			idle = partner_idle;
			flow->seen = partner->seen; /* the next sweep need not ask again */
		}
	}
	return idle;
}

/* An endpoint's side without its client's side: nothing makes one on purpose, and nothing else would find it. */
inline_always bool expire_orphan(struct expire_run *run, const struct flow_key *key, const struct flow *flow)
{
	struct flow_key client;

	flow_partner_key(&client, key, flow);
	if (clock_since(run->now, flow->seen) < expire_timeout(run->settings, flow) || flow_find_key(&client))
		return false;
	return bpf_map_delete_elem(&flows, key) == 0;
}

inline_always bool expire_flow(struct expire_run *run, const struct flow_key *key)
{
	struct flow *flow = flow_find_key(key);

	if (!flow)
		return false;
	if (flow_is_reverse(flow))
		return expire_orphan(run, key, flow);
	if (!run->force && (expire_idle(run, key, flow) < expire_timeout(run->settings, flow) ||
			    expire_reset(key, flow, run->now)))
		return false;
	return flow_delete(key, flow, run->now) == 0;
}

static long expire_step_key(__u32 index, struct expire_run *run)
{
	const struct flow_key *key = bpf_map_lookup_elem(&expire_keys, &index);
	struct flow_key copy;

	if (!key)
		return 1;
	copy = *key;
	run->expired += expire_flow(run, &copy);
	return 0;
}

/* The queue is in the order of closing: the first one that is too young ends the walk. A flow that was opened again
 * meanwhile is left alone; one that still has packets, since a side repeats what the other has not heard, waits
 * again. */
static long expire_step_closed(__u32 index, struct expire_run *run)
{
	struct closing oldest;
	struct flow *flow;

	if (bpf_map_peek_elem(&closing_flows, &oldest))
		return 1;
	if (clock_since(run->now, oldest.closed) < run->settings->timeouts[FLOW_CLOSED])
		return 1;
	if (bpf_map_pop_elem(&closing_flows, &oldest))
		return 1;
	run->closed++;
	flow = flow_find_key(&oldest.key);
	if (!flow || flow->state != FLOW_CLOSED || flow_is_reverse(flow))
		return 0;
	if (expire_idle(run, &oldest.key, flow) < run->settings->timeouts[FLOW_CLOSED])
		flow_queue_closed(&oldest.key, run->now);
	else
		run->expired += flow_delete(&oldest.key, flow, run->now) == 0;
	return 0;
}

inline_always void expire(void)
{
	struct expire_run run = {};
	struct expire_request *request;
	__u32 zero = 0, count;

	request = bpf_map_lookup_elem(&expire_request, &zero);
	run.settings = settings_get();
	if (!request || !run.settings)
		return;
	count = request->count;
	run.now = clock_now(run.settings);
	run.force = request->force;
	bpf_loop(LIMIT_CLOSING_BATCH, expire_step_closed, &run, 0);
	bpf_loop(count < LIMIT_EXPIRE_BATCH ? count : LIMIT_EXPIRE_BATCH, expire_step_key, &run, 0);
	request->expired = run.expired;
	request->closed = run.closed;
	request->now = run.now;
}
