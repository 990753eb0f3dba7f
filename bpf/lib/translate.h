/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes the flow's addresses, ports and next hop into the packet. The checksum helper comes last: it may move
 * the packet. */
#pragma once
#include "parse.h"

/* Both addresses in one go; a copy of bytes would be done byte by byte. */
inline_always void translate_ethernet(void *start, const struct flow *flow)
{
	const __u32 *from = (const __u32 *)flow->route_destination_mac;
	__u32 *to = start;

	_Static_assert(offsetof(struct flow, route_source_mac) == offsetof(struct flow, route_destination_mac) + 6,
		       "both addresses stand together");
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}

inline_always void translate_ip(struct iphdr *ip, const struct flow *flow)
{
	ip->saddr = flow->source.words[3];
	ip->daddr = flow->destination.words[3];
	ip->ttl--;
	/* In the word of TTL and protocol, one TTL less is 0x0100 less on the wire. */
	ip->check = checksum_apply(ip->check, (__u32)flow->address_delta + (__u16)~bpf_htons(0x0100));
}

inline_always enum verdict translate(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	void *start = ctx_start(ctx), *end = ctx_end(ctx);
	struct iphdr *ip = start + PARSE_IP;
	__u32 l4_offset = packet->l4 & 0x7f;
	__be16 *ports = start + l4_offset;
	__u32 address_delta = flow->address_delta, port_delta = flow->port_delta;
	__u8 protocol = packet->key.protocol;
	struct icmp_echo *icmp;
	int error;

	if ((void *)(ip + 1) > end || (void *)(ports + 4) > end)
		return VERDICT_DROP_INTERNAL;
	translate_ethernet(start, flow);
	if (protocol == IPPROTO_ICMP) {
		icmp = (void *)ports;
		icmp->id = packet->echo_reply ? flow->destination_port : flow->source_port;
	} else {
		ports[0] = flow->source_port;
		ports[1] = flow->destination_port;
	}
	translate_ip(ip, flow);
	/* A deleted element may become another flow at any moment; if it has, what was written is wrong. */
	barrier();
	if (unlikely(flow->tag != packet_tag(packet)))
		return VERDICT_DROP_NO_FLOW;

	if (protocol == IPPROTO_TCP)
		error = ctx_l4_checksum(ctx, l4_offset + 16, address_delta, port_delta, false);
	else if (protocol == IPPROTO_UDP)
		error = ctx_l4_checksum(ctx, l4_offset + 6, address_delta, port_delta, true);
	else
		error = ctx_l4_checksum(ctx, l4_offset + 2, 0, port_delta, false);
	return unlikely(error) ? VERDICT_DROP_INTERNAL : VERDICT_FORWARD;
}
