/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hands packets to user space: a record of the ring has what is known of the packet, and its frame. */
#pragma once
#include "clock.h"

inline_always void punt_describe(struct punt *punt, ctx_t *ctx, const struct packet *packet, const struct flow *flow,
				 __u8 reason)
{
	punt->cpu = bpf_get_smp_processor_id();
	punt->reason = reason;
	punt->hook = CTX_HOOK;
	punt->at = packet->now;
	punt->ifindex = ctx_ifindex(ctx);
	punt->l3 = packet->l3;
	punt->l4 = packet->l4;
	punt->key = packet->key;
	if (flow) {
		punt->service = flow->service;
		punt->endpoint = flow->endpoint;
		punt->mtu = flow->route_mtu;
		punt->flow = *flow;
	} else {
		punt->service = 0;
		punt->endpoint = 0;
		punt->mtu = 0;
		__builtin_memset(&punt->flow, 0, sizeof(punt->flow));
	}
}

/* A record with room for `room` bytes of frame; the length is checked again, because the verifier must see it. Linux
 * 6.1 does not see that what is not 0 is at least 1, so it is the last byte's place that is checked. */
#define PUNT_RECORD(name, room)                                                                               \
	static __attribute__((noinline, unused)) long name(ctx_t *ctx, const struct packet *packet,           \
							   const struct flow *flow, __u32 reason, __u32 whole) \
	{                                                                                                      \
		struct {                                                                                       \
			struct punt punt;                                                                      \
			__u8 frame[room];                                                                      \
		} *record = bpf_ringbuf_reserve(&punts, sizeof(*record), 0);                                   \
		__u32 zero = 0, last = (whole < (room) ? whole : (room)) - 1, length;                          \
		__u32 *sequence = bpf_map_lookup_elem(&punt_sequence, &zero);                                  \
                                                                                                               \
		if (!record) {                                                                                 \
			if (sequence)                                                                          \
				++*sequence;                                                                   \
			return -1;                                                                             \
		}                                                                                              \
		if (!sequence || !packet || last >= (room)) {                                                  \
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                                         \
			return -1;                                                                             \
		}                                                                                              \
		punt_describe(&record->punt, ctx, packet, flow, reason);                                       \
		barrier_var(last);                                                                             \
		length = last + 1;                                                                             \
		record->punt.sequence = ++*sequence;                                                           \
		record->punt.length = length;                                                                  \
		record->punt.whole = whole;                                                                    \
		if (ctx_load(ctx, 0, record->frame, length)) {                                                 \
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                                         \
			return -1;                                                                             \
		}                                                                                              \
		bpf_ringbuf_submit(record, 0);                                                                 \
		return 0;                                                                                      \
	}

PUNT_RECORD(punt_short, PUNT_FRAME_SHORT)
PUNT_RECORD(punt_long, PUNT_FRAME_LONG)
PUNT_RECORD(punt_longest, PUNT_FRAME_LONGEST)

/* VERDICT_PUNT, or why it cannot be had. */
rarely enum verdict punt(ctx_t *ctx, const struct packet *packet, const struct flow *flow, __u32 reason)
{
	const struct settings *settings = settings_get();
	__u32 whole = ctx_length(ctx);
	long error;

	if (!packet || !settings)
		return VERDICT_DROP_INTERNAL;
	/* A second and a bit: route_shift makes ticks into parts of a second, at most. */
	if (!settings->punt_alive || clock_since(packet->now, settings->punt_alive) >> route_shift > 1)
		return VERDICT_DROP_SLOWPATH_ABSENT;
	if (whole <= PUNT_FRAME_SHORT)
		error = punt_short(ctx, packet, flow, reason, whole);
	else if (whole <= PUNT_FRAME_LONG)
		error = punt_long(ctx, packet, flow, reason, whole);
	else
		error = punt_longest(ctx, packet, flow, reason, whole);
	return error ? VERDICT_DROP_SLOWPATH_FULL : VERDICT_PUNT;
}
