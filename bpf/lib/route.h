/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the translated packet goes. The kernel's tables decide; their answer is kept in the flow for at most a
 * second, and no longer than the route generation stays the same. It is asked before the packet is changed, so that XDP
 * can still pass it on as it came. */
#pragma once
#include "maps.h"
#include "clock.h"

inline_always __u32 route_stamp(const struct settings *settings, __u32 now, __u32 tag)
{
	/* Flows made together do not all ask again together: the tag shifts their seconds. */
	__u32 second = (now + (tag & ((1U << route_shift) - 1))) >> route_shift;

	return settings->route_generation << 16 | (second & 0xffff) | 1U << 31;
}

inline_always enum verdict route_failure(__s64 result)
{
	switch (result) {
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return CTX_HAS_NEXT ? VERDICT_TO_TC_MTU : VERDICT_DROP_MTU;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return VERDICT_DROP_FORWARDING_OFF;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return VERDICT_DROP_NO_ROUTE;
	default:
		return CTX_HAS_NEXT ? VERDICT_TO_TC_ROUTE : VERDICT_DROP_NO_ROUTE;
	}
}

inline_always void route_keep(struct flow *flow, const struct bpf_fib_lookup *fib, __u32 stamp)
{
	const struct device *device = bpf_map_lookup_elem(&devices, &fib->ifindex);
	__u32 xdp = device && device->flags & DEVICE_XDP_TRANSMIT ? ROUTE_XDP : 0;

	flow->route_stamp = 0; /* nobody takes a half-written next hop for valid */
	barrier();
	__builtin_memcpy(flow->route_destination_mac, fib->dmac, sizeof(fib->dmac));
	__builtin_memcpy(flow->route_source_mac, fib->smac, sizeof(fib->smac));
	flow->route_device = fib->ifindex | xdp;
	flow->route_mtu = fib->mtu_result;
	barrier();
	flow->route_stamp = stamp;
}

/* Asks the kernel and keeps the answer in the flow. When only the MAC address is missing, nothing is kept. */
rarely enum verdict route_lookup(ctx_t *ctx, struct packet *packet, struct flow *flow, __u32 stamp)
{
	struct bpf_fib_lookup fib = {};
	__s64 result;

	fib.family = AF_INET;
	fib.l4_protocol = packet->key.protocol;
	fib.tos = packet->tos;
	fib.tot_len = packet->unit;
	fib.sport = flow->source_port;
	fib.dport = flow->destination_port;
	fib.ipv4_src = flow->source.words[3];
	fib.ipv4_dst = flow->destination.words[3];
	fib.ifindex = ctx_ifindex(ctx);
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);

	if (result == BPF_FIB_LKUP_RET_NO_NEIGH) {
		packet->device = fib.ifindex;
		packet->next_hop = fib.family == AF_INET ? fib.ipv4_dst : NEXT_HOP_ASK;
		return CTX_HAS_NEXT ? VERDICT_TO_TC_NEIGHBOUR : VERDICT_CONTINUE;
	}
	if (result != BPF_FIB_LKUP_RET_SUCCESS)
		return route_failure(result);
	route_keep(flow, &fib, stamp);
	packet->device = flow->route_device;
	return VERDICT_CONTINUE;
}

inline_always enum verdict route(ctx_t *ctx, struct packet *packet, struct flow *flow, const struct settings *settings)
{
	__u32 stamp = route_stamp(settings, packet->now, flow->tag);
	enum verdict verdict;

	packet->device = flow->route_device;
	if (unlikely(flow->route_stamp != stamp)) {
		verdict = route_lookup(ctx, packet, flow, stamp);
		if (verdict)
			return verdict;
	} else if (unlikely(packet->unit > flow->route_mtu)) {
		return CTX_HAS_NEXT ? VERDICT_TO_TC_MTU : VERDICT_DROP_MTU;
	}
	/* The other hook may have filled the cache. Not every device that takes frames takes them in pieces. */
	if (CTX_HAS_NEXT && unlikely(!(packet->device & ROUTE_XDP) || packet->in_pieces))
		return VERDICT_TO_TC_DEVICE;
	packet->device &= ~ROUTE_XDP;
	return VERDICT_CONTINUE;
}
