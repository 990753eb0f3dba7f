/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tells the steps of a packet, in programs loaded with `explain` set. In all others the verifier takes this out. */
#pragma once
#include "maps.h"

/* Set before load. */
const volatile __u8 explain = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_TRACE);
	__type(key, __u32);
	__type(value, struct trace);
} trace_steps SEC(".maps");

/* Steps told so far. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} trace_count SEC(".maps");

rarely int trace_tell(__u8 step, bool found, __u32 value, const struct flow_key *key, const struct flow *flow)
{
	__u32 zero = 0, *count = bpf_map_lookup_elem(&trace_count, &zero), at;
	struct trace *trace;

	if (!count)
		return -1;
	at = *count;
	trace = bpf_map_lookup_elem(&trace_steps, &at);
	if (!trace)
		return -1;
	*count = at + 1;
	trace->step = step;
	trace->found = found;
	trace->hook = CTX_HOOK;
	trace->value = value;
	trace->service = flow ? flow->service : 0;
	trace->endpoint = flow ? flow->endpoint : 0;
	if (key)
		__builtin_memcpy(trace->data, key, sizeof(*key));
	return 0;
}

inline_always void trace(__u8 step, bool found, __u32 value, const struct flow_key *key)
{
	if (unlikely(explain))
		trace_tell(step, found, value, key, NULL);
}

/* The next program tells these steps again. */
inline_always void trace_take_back(__u32 steps)
{
	__u32 zero = 0, *count = unlikely(explain) ? bpf_map_lookup_elem(&trace_count, &zero) : NULL;

	if (unlikely(explain) && count)
		*count -= steps;
}

/* What a packet gets, in the form of a key. */
rarely int trace_translation(__u8 step, __u32 value, const struct packet *packet, const struct flow *flow)
{
	struct scratch *room = scratch_get();
	struct flow_key *key;

	if (!room || !packet || !flow)
		return -1;
	key = &room->other_key;
	key->source = flow->source;
	key->destination = flow->destination;
	key->source_port = flow->source_port;
	key->destination_port = flow->destination_port;
	key->zone = packet->key.zone;
	key->protocol = packet->key.protocol;
	key->reserved = 0;
	return trace_tell(step, true, value, key, flow);
}
