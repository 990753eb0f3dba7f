/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes the flow's addresses, ports and next hop into the packet. The checksum helper comes last: it may move
 * the packet. */
#pragma once
#include "parse.h"

/* What of the flow goes into the packet. It is read whole before the tag is compared: a deleted element may become
 * another flow at any moment. */
struct translation {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
	__u16 address_delta;
	__u16 port_delta;
	__u32 macs[3];
};

inline_always bool translate_read(struct translation *to, const struct flow *flow, __u32 tag)
{
	const __u32 *macs = (const __u32 *)flow->route_destination_mac;

	_Static_assert(offsetof(struct flow, route_source_mac) == offsetof(struct flow, route_destination_mac) + 6, "MACs");
	to->source = flow->source.words[3];
	to->destination = flow->destination.words[3];
	to->source_port = flow->source_port;
	to->destination_port = flow->destination_port;
	to->address_delta = flow->address_delta;
	to->port_delta = flow->port_delta;
	/* Both in one go; a copy of bytes would be done byte by byte. */
	to->macs[0] = macs[0];
	to->macs[1] = macs[1];
	to->macs[2] = macs[2];
	barrier();
	return likely(flow->tag == tag);
}

inline_always void translate_headers(void *start, struct iphdr *ip, const struct translation *to)
{
	__u32 *macs = start;

	macs[0] = to->macs[0];
	macs[1] = to->macs[1];
	macs[2] = to->macs[2];
	ip->saddr = to->source;
	ip->daddr = to->destination;
	ip->ttl--;
	/* In the word of TTL and protocol, one TTL less is 0x0100 less on the wire. */
	ip->check = checksum_apply(ip->check, (__u32)to->address_delta + (__u16)~bpf_htons(0x0100));
}

inline_always enum verdict translate(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	void *start = ctx_start(ctx), *end = ctx_end(ctx);
	struct iphdr *ip = start + PARSE_IP;
	__u32 l4_offset = packet->l4 & 0x7f;
	__be16 *ports = start + l4_offset;
	__u8 protocol = packet->key.protocol;
	struct translation to;
	struct icmp_echo *icmp;
	int error;

	if ((void *)(ip + 1) > end || (void *)(ports + 4) > end)
		return VERDICT_DROP_INTERNAL;
	if (!translate_read(&to, flow, packet_tag(packet)))
		return VERDICT_DROP_NO_FLOW;
	if (protocol == IPPROTO_ICMP) {
		icmp = (void *)ports;
		icmp->id = packet->echo_reply ? to.destination_port : to.source_port;
	} else {
		ports[0] = to.source_port;
		ports[1] = to.destination_port;
	}
	translate_headers(start, ip, &to);

	if (protocol == IPPROTO_TCP)
		error = ctx_l4_checksum(ctx, l4_offset + 16, to.address_delta, to.port_delta, false);
	else if (protocol == IPPROTO_UDP)
		error = ctx_l4_checksum(ctx, l4_offset + 6, to.address_delta, to.port_delta, true);
	else
		error = ctx_l4_checksum(ctx, l4_offset + 2, 0, to.port_delta, false);
	return unlikely(error) ? VERDICT_DROP_INTERNAL : VERDICT_FORWARD;
}
