/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the translated packet goes. The kernel's tables decide; their answer is kept in the flow for at most a
 * second, and no longer than the route generation stays the same. It is asked before the packet is changed, so that XDP
 * can still pass it on as it came. */
#pragma once
#include "maps.h"
#include "trace.h"
#include "clock.h"

inline_always __u32 route_stamp(const struct settings *settings, __u32 now, __u32 tag)
{
	/* Flows made together do not all ask again together: the tag shifts their seconds. */
	__u32 second = (now + (tag & ((1U << route_shift) - 1))) >> route_shift;

	return settings->route_generation << 16 | (second & 0xffff) | 1U << 31;
}

enum route_lengths {
	ROUTE_V4 = sizeof(struct iphdr),
	ROUTE_V6 = sizeof(struct ipv6hdr),
	ROUTE_GUE = 12, /* UDP header and GUE header */
	ROUTE_GTPU = 24, /* UDP header, and GTP-U with a PDU session container */
	ROUTE_FRAGMENT = 8,
};

/* Bytes by which the packet grows on its way out. */
inline_always int route_growth(const struct packet *packet, const struct flow *flow)
{
	__u8 action = flow_action(flow);
	int outer;

	if (likely(action == ACTION_NAT || action == ACTION_L2))
		return 0;
	if (action == ACTION_NAT64)
		return ROUTE_V4 - (packet->l4 - packet->l3);
	if (action == ACTION_NAT46)
		return ROUTE_V6 + (packet->fragment ? ROUTE_FRAGMENT : 0) - (packet->l4 - packet->l3);
	outer = address_is_v4(&flow->destination) ? ROUTE_V4 : ROUTE_V6;
	if (action == ACTION_ENCAP_GTPU)
		return outer + ROUTE_GTPU;
	return action == ACTION_ENCAP_GUE ? outer + ROUTE_GUE : outer;
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

inline_always void route_question(struct bpf_fib_lookup *fib, const struct packet *packet, const struct flow *flow,
				  bool v6)
{
	bool same = v6 != address_is_v4(&flow->source);

	fib->l4_protocol = packet->key.protocol;
	fib->tot_len = packet->unit + route_growth(packet, flow);
	fib->sport = flow->source_port;
	fib->dport = flow->destination_port;
	if (v6) {
		fib->family = AF_INET6;
		fib->flowinfo = bpf_htonl((__u32)packet->tos << 20);
		if (same)
			__builtin_memcpy(fib->ipv6_src, &flow->source, sizeof(flow->source));
		__builtin_memcpy(fib->ipv6_dst, &flow->destination, sizeof(flow->destination));
		return;
	}
	fib->family = AF_INET;
	fib->tos = packet->tos;
	fib->ipv4_src = same ? flow->source.words[3] : 0;
	fib->ipv4_dst = flow->destination.words[3];
}

/* The kernel has put the gateway where the destination was, and may have changed the family. */
inline_always void route_next_hop(struct packet *packet, const struct bpf_fib_lookup *fib)
{
	struct scratch *room = scratch_get();

	packet->device = fib->ifindex;
	packet->next_hop = NEXT_HOP_ASK;
	if (!room)
		return;
	packet->next_hop = NEXT_HOP_GATEWAY;
	if (fib->family == AF_INET)
		address_from_v4(&room->next_hop, fib->ipv4_dst);
	else
		__builtin_memcpy(&room->next_hop, fib->ipv6_dst, sizeof(room->next_hop));
}

/* Asks the kernel and keeps the answer in the flow. When only the MAC address is missing, nothing is kept. */
rarely enum verdict route_lookup(ctx_t *ctx, struct packet *packet, struct flow *flow, __u32 stamp)
{
	struct bpf_fib_lookup fib = {};
	const struct endpoint *endpoint;
	__u32 id = flow->endpoint;
	__s64 result;

	/* Who blocks an endpoint makes a new route generation, so it is enough to look here. */
	endpoint = bpf_map_lookup_elem(&endpoints, &id);
	if (endpoint && endpoint->flags & ENDPOINT_BLOCKED)
		return VERDICT_DROP_BLOCKED;
	route_question(&fib, packet, flow, !address_is_v4(&flow->destination));
	fib.ifindex = ctx_ifindex(ctx);
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	if (unlikely(explain))
		trace_translation(TRACE_ROUTE, result ? -result : fib.ifindex, packet, flow);

	if (result == BPF_FIB_LKUP_RET_NO_NEIGH) {
		route_next_hop(packet, &fib);
		return CTX_HAS_NEXT ? VERDICT_TO_TC_NEIGHBOUR : VERDICT_CONTINUE;
	}
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		flow->route_mtu = fib.mtu_result;
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
	} else if (unlikely(packet->unit + route_growth(packet, flow) > flow->route_mtu)) {
		return CTX_HAS_NEXT ? VERDICT_TO_TC_MTU : VERDICT_DROP_MTU;
	}
	/* The other hook may have filled the cache. Not every device that takes frames takes them in pieces. */
	if (CTX_HAS_NEXT && unlikely(!(packet->device & ROUTE_XDP) || packet->in_pieces))
		return VERDICT_TO_TC_DEVICE;
	packet->device &= ~ROUTE_XDP;
	return VERDICT_CONTINUE;
}
