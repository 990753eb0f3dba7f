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

inline_always __u32 expire_timeout(const struct settings *settings, __u8 state)
{
	return settings->timeouts[state & 15];
}

/* Ticks without a packet, given the client's side. The pair is as young as its younger half. */
inline_always __u32 expire_idle(const struct expire_run *run, const struct flow_key *key, struct flow *flow)
{
	struct flow_key partner_key;
	struct flow *partner;
	__u32 idle, partner_idle;

	flow_partner_key(&partner_key, key, flow);
	partner = flow_find_key(&partner_key);
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
	if (clock_since(run->now, flow->seen) < expire_timeout(run->settings, flow->state) || flow_find_key(&client))
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
	if (!run->force && expire_idle(run, key, flow) < expire_timeout(run->settings, flow->state))
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
	if (clock_since(run->now, oldest.closed) < expire_timeout(run->settings, FLOW_CLOSED))
		return 1;
	if (bpf_map_pop_elem(&closing_flows, &oldest))
		return 1;
	run->closed++;
	flow = flow_find_key(&oldest.key);
	if (!flow || flow->state != FLOW_CLOSED || flow_is_reverse(flow))
		return 0;
	if (expire_idle(run, &oldest.key, flow) < expire_timeout(run->settings, FLOW_CLOSED))
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
