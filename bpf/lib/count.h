/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters. Per CPU, so they cost next to nothing; a flow has its own beside. */
#pragma once
#include "maps.h"

inline_always void count_verdict(__u32 hook, enum verdict verdict)
{
	__u32 index = hook * VERDICT_MAX + verdict;
	__u64 *packets = bpf_map_lookup_elem(&verdicts, &index);

	if (packets)
		(*packets)++;
}

inline_always void count_in(void *map, __u32 id, __u64 packets, __u64 bytes, __u64 flows)
{
	struct counters *counters = bpf_map_lookup_elem(map, &id);

	if (counters) {
		counters->packets += packets;
		counters->bytes += bytes;
		counters->flows += flows;
	}
}

inline_always void count_packet(struct flow *flow, const struct packet *packet)
{
	/* Not atomic: one direction of a flow comes in by one queue, so on one CPU. Should it move, a packet may go
	 * uncounted here; the counters of service and endpoint are each CPU's own and exact. */
	flow->packets += packet->segments;
	flow->bytes += packet->wire_bytes;
	count_in(&service_counters, flow->service, packet->segments, packet->wire_bytes, 0);
	count_in(&endpoint_counters, flow->endpoint, packet->segments, packet->wire_bytes, 0);
}

inline_always void count_new_flow(__u32 service, __u32 endpoint)
{
	count_in(&service_counters, service, 0, 0, 1);
	count_in(&endpoint_counters, endpoint, 0, 0, 1);
}

/* Flows that live now; least connections and the freeing of ids rely on it. */
inline_always void count_active(__u32 endpoint, __s64 change)
{
	__s64 *active = bpf_map_lookup_elem(&active_flows, &endpoint);

	if (active)
		__sync_fetch_and_add(active, change);
}

/* Flows of a service that are not established yet. */
inline_always void count_embryonic(__u32 service, __s64 change)
{
	__s64 *count = bpf_map_lookup_elem(&embryonic, &service);

	if (count)
		__sync_fetch_and_add(count, change);
}

/* All flows that live now. */
inline_always void count_live(__s64 change)
{
	__u32 zero = 0;
	__s64 *live = bpf_map_lookup_elem(&live_flows, &zero);

	if (live)
		__sync_fetch_and_add(live, change);
}
