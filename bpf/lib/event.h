/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flow events, which the daemon writes to its log. A lost event leaves a gap in its CPU's sequence. */
#pragma once
#include "maps.h"

rarely int event_emit(__u8 kind, const struct flow_key *key, const struct flow *flow, __u32 now)
{
	__u32 zero = 0;
	__u32 *last = bpf_map_lookup_elem(&event_sequence, &zero);
	struct flow_event *event;
	__u32 sequence;

	if (!last || !key || !flow)
		return -1;
	sequence = ++*last; /* a packet may interrupt the expiry program here, and count on */
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return -1;
	event->sequence = sequence;
	event->cpu = bpf_get_smp_processor_id();
	event->kind = kind;
	event->state = flow->state;
	event->at = now;
	event->service = flow->service;
	event->endpoint = flow->endpoint;
	event->reserved = 0;
	event->client = *key;
	event->endpoint_side.source = flow->destination;
	event->endpoint_side.destination = flow->source;
	event->endpoint_side.source_port = flow->destination_port;
	event->endpoint_side.destination_port = flow->source_port;
	event->endpoint_side.zone = key->zone;
	event->endpoint_side.protocol = key->protocol;
	event->endpoint_side.reserved = 0;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

inline_always void event(const struct settings *settings, __u8 kind, const struct flow_key *key,
			 const struct flow *flow, __u32 now)
{
	if (unlikely(settings->events))
		event_emit(kind, key, flow, now);
}
