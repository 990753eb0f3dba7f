/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes the flow's addresses, ports and next hop into the packet. The checksum helper comes last: it may move
 * the packet. */
#pragma once
#include "encap.h"
#include "nat64.h"

inline_always void translate_v4(struct iphdr *ip, const struct flow *flow, const bool hop)
{
	ip->saddr = flow->source.words[3];
	ip->daddr = flow->destination.words[3];
	if (hop)
		ip->ttl--;
	/* In the word of TTL and protocol, one TTL less is 0x0100 less on the wire. */
	ip->check = checksum_apply(ip->check, (__u32)flow->address_delta + (hop ? (__u16)~bpf_htons(0x0100) : 0));
}

inline_always void translate_v6(struct ipv6hdr *ip, const struct flow *flow, const bool hop)
{
	__u32 *to = (__u32 *)&ip->saddr;

	for (int i = 0; i < 4; i++) {
		to[i] = flow->source.words[i];
		to[4 + i] = flow->destination.words[i];
	}
	if (hop)
		ip->hop_limit--;
}

/* Only the MAC addresses, and a hop less. */
inline_always enum verdict translate_l2(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	if (encap_inner(ctx, packet) || ctx_start(ctx) + sizeof(struct ethhdr) > ctx_end(ctx))
		return VERDICT_DROP_INTERNAL;
	link_addresses(ctx_start(ctx), flow);
	return unlikely(flow->tag != packet_tag(packet)) ? VERDICT_DROP_NO_FLOW : VERDICT_FORWARD;
}

inline_always enum verdict translate_other(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	switch (flow_action(flow)) {
	case ACTION_NAT64:
	case ACTION_NAT46:
		return nat64(ctx, packet, flow);
	case ACTION_L2:
		return translate_l2(ctx, packet, flow);
	default:
		return encap(ctx, packet, flow);
	}
}

/* What needs new headers and nothing beside: for this a call costs less than a jump, for which packet and flow have to
 * be copied. */
inline_always bool translate_is_short(const struct packet *packet, const struct flow *flow)
{
	return !(flow->flags & FLOW_FLAG_PUNT) && !packet->fragment &&
	       (!flow_has_partner(flow) || (packet->key.protocol == IPPROTO_TCP && !(packet->tcp_flags & TCP_SYN)));
}

rarely enum verdict translate_short(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	if (!packet || !flow)
		return VERDICT_DROP_INTERNAL;
	if (flow_has_partner(flow))
		return nat64_tcp(ctx, packet, flow);
	return flow_action(flow) == ACTION_L2 ? translate_l2(ctx, packet, flow) : encap(ctx, packet, flow);
}

inline_always int translate_checksum(ctx_t *ctx, const struct packet *packet, const struct flow *flow, __u32 l4,
				     __u32 address_delta, __u32 port_delta)
{
	switch (packet->key.protocol) {
	case IPPROTO_TCP:
		return ctx_l4_checksum(ctx, l4 + 16, address_delta, port_delta, false);
	case IPPROTO_UDP:
		return ctx_l4_checksum(ctx, l4 + 6, address_delta, port_delta, true);
	case IPPROTO_SCTP:
		return sctp_patch(ctx, packet, flow, l4);
	default:
		return ctx_l4_checksum(ctx, l4 + 2, packet->v6 ? address_delta : 0, port_delta, false);
	}
}

/* Without a hop the packet is not sent by this: its link header and TTL are for somebody else to write. */
inline_always enum verdict translate_with(ctx_t *ctx, const struct packet *packet, const struct flow *flow,
					  const bool hop)
{
	__u32 l3 = packet_l3(packet), l4 = packet_l4(packet);
	__u32 address_delta = flow->address_delta, port_delta = flow->port_delta;
	void *start, *end, *ip;
	__be16 *ports;

	start = ctx_start(ctx);
	end = ctx_end(ctx);
	ip = start + l3;
	ports = start + l4;
	if (start + sizeof(struct ethhdr) > end)
		return VERDICT_DROP_INTERNAL;
	if (packet->v6) {
		if (ip + sizeof(struct ipv6hdr) > end)
			return VERDICT_DROP_INTERNAL;
		translate_v6(ip, flow, hop);
	} else {
		if (ip + sizeof(struct iphdr) > end)
			return VERDICT_DROP_INTERNAL;
		translate_v4(ip, flow, hop);
	}
	if (hop)
		link_addresses(start, flow);
	if (unlikely(packet_is_later_fragment(packet)))
		return flow->tag != packet_tag(packet) ? VERDICT_DROP_NO_FLOW : VERDICT_FORWARD;
	if ((void *)(ports + 4) > end)
		return VERDICT_DROP_INTERNAL;
	if (packet->key.protocol == IPPROTO_ICMP) {
		ports[2] = packet->kind == PACKET_ECHO_REPLY ? flow->destination_port : flow->source_port;
	} else {
		ports[0] = flow->source_port;
		ports[1] = flow->destination_port;
	}
	/* A deleted element may become another flow at any moment; if it has, what was written is wrong. */
	barrier();
	if (unlikely(flow->tag != packet_tag(packet)))
		return VERDICT_DROP_NO_FLOW;
	return unlikely(translate_checksum(ctx, packet, flow, l4, address_delta, port_delta)) ? VERDICT_DROP_INTERNAL
												: VERDICT_FORWARD;
}

inline_always enum verdict translate(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	return translate_with(ctx, packet, flow, true);
}
