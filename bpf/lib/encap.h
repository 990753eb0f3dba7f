/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Direct return through routers: the packet as it came, behind a new IP header to its endpoint (RFC 2003, RFC 2473), or
 * behind IP, UDP and GUE (draft-ietf-intarea-gue, variant 0). */
#pragma once
#include "link.h"
#include "route.h"

enum encap_values {
	ENCAP_TTL = 64,
	ENCAP_ECN = 3, /* bits of the traffic class that are not copied blindly (RFC 6040, normal mode: they are) */
	ENCAP_PORTS = 49152, /* UDP source ports that vary with the flow */
};

struct encap_gue {
	__be16 source;
	__be16 dest;
	__be16 length;
	__be16 checksum; /* 0: the packet inside has its own (RFC 6935, RFC 6936) */
	__u8 version;    /* and control bit, and length of the header in words: all 0 */
	__u8 protocol;
	__be16 flags;
};
_Static_assert(sizeof(struct encap_gue) == ROUTE_GUE, "encap_gue");

/* What the packet inside is, and one hop less for it: it is forwarded. */
inline_always int encap_inner(ctx_t *ctx, const struct packet *packet)
{
	struct iphdr *v4 = ctx_start(ctx) + packet_l3(packet);
	struct ipv6hdr *v6 = (void *)v4;

	if ((void *)(v4 + 1) > ctx_end(ctx))
		return -1;
	if (packet->v6) {
		if ((void *)(v6 + 1) > ctx_end(ctx))
			return -1;
		v6->hop_limit--;
	} else {
		v4->ttl--;
		v4->check = checksum_apply(v4->check, (__u16)~bpf_htons(0x0100));
	}
	return 0;
}

inline_always void encap_write_v4(struct iphdr *ip, const struct packet *packet, const struct flow *flow,
				  const struct settings *settings, __u32 growth, __u8 protocol)
{
	const __u32 *words = (const __u32 *)ip;

	*(__u8 *)ip = 0x45;
	ip->tos = packet->tos;
	ip->tot_len = bpf_htons(packet->length + growth);
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = ENCAP_TTL;
	ip->protocol = protocol;
	ip->check = 0;
	/* The outer source varies with the flow, so that receive queues share the load. */
	ip->saddr = settings->encap_source4.words[3] ^ bpf_htonl((packet->digest >> 32) & 0xffff);
	ip->daddr = flow->destination.words[3];
	ip->check = ~checksum_fold((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
}

inline_always void encap_write_v6(struct ipv6hdr *ip, const struct packet *packet, const struct flow *flow,
				  const struct settings *settings, __u32 growth, __u8 protocol)
{
	__u32 length = packet->length + growth - sizeof(*ip);

	/* The flow label is an entropy field as well (RFC 6438). */
	*(__be32 *)ip = bpf_htonl(6U << 28 | (__u32)packet->tos << 20 | (packet->digest >> 44));
	ip->payload_len = length > 0xffff ? 0 : bpf_htons(length);
	ip->nexthdr = protocol;
	ip->hop_limit = ENCAP_TTL;
	__builtin_memcpy(&ip->saddr, &settings->encap_source6, sizeof(settings->encap_source6));
	ip->saddr.s6_addr32[3] ^= bpf_htonl((packet->digest >> 32) & 0xffff);
	__builtin_memcpy(&ip->daddr, &flow->destination, sizeof(flow->destination));
}

inline_always void encap_write_gue(struct encap_gue *gue, const struct packet *packet, const struct settings *settings)
{
	gue->source = bpf_htons(ENCAP_PORTS | ((packet->digest >> 40) & 0x3fff));
	gue->dest = settings->gue_port;
	gue->length = bpf_htons(packet->length + sizeof(*gue));
	gue->checksum = 0;
	gue->version = 0;
	gue->protocol = packet->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	gue->flags = 0;
}

inline_always enum verdict encap(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	const struct settings *settings = settings_get();
	struct link_tags tags = {};
	bool outer_v6, gue;
	__u32 l3, growth;
	__u8 protocol;
	void *start;

	if (!settings)
		return VERDICT_DROP_INTERNAL;
	if (ctx_segment_payload(ctx) && packet->key.protocol != IPPROTO_TCP)
		return VERDICT_DROP_GSO;
	l3 = packet_l3(packet);
	outer_v6 = !address_is_v4(&flow->destination);
	gue = flow_action(flow) == ACTION_ENCAP_GUE;
	growth = (outer_v6 ? ROUTE_V6 : ROUTE_V4) + (gue ? ROUTE_GUE : 0);
	protocol = gue ? IPPROTO_UDP : packet->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	if (encap_inner(ctx, packet))
		return VERDICT_DROP_INTERNAL;
	if (unlikely(l3 != sizeof(struct ethhdr)))
		link_save(ctx, l3, &tags);
	if (ctx_encapsulate(ctx, growth, l3, outer_v6, gue, ctx_segment_payload(ctx)))
		return VERDICT_DROP_NOT_TRANSLATABLE;
	if (link_write(ctx, l3, &tags, flow, outer_v6))
		return VERDICT_DROP_INTERNAL;
	start = ctx_start(ctx) + l3;
	if (outer_v6) {
		if (start + sizeof(struct ipv6hdr) + sizeof(struct encap_gue) > ctx_end(ctx))
			return VERDICT_DROP_INTERNAL;
		encap_write_v6(start, packet, flow, settings, growth, protocol);
		if (gue)
			encap_write_gue(start + sizeof(struct ipv6hdr), packet, settings);
	} else {
		if (start + sizeof(struct iphdr) + sizeof(struct encap_gue) > ctx_end(ctx))
			return VERDICT_DROP_INTERNAL;
		encap_write_v4(start, packet, flow, settings, growth, protocol);
		if (gue)
			encap_write_gue(start + sizeof(struct iphdr), packet, settings);
	}
	return unlikely(flow->tag != packet_tag(packet)) ? VERDICT_DROP_NO_FLOW : VERDICT_FORWARD;
}
