/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the address families (RFC 7915): the IP headers are replaced, what they carry is kept. */
#pragma once
#include "link.h"
#include "load.h"
#include "route.h"
#include "sctp.h"

enum nat64_values {
	NAT64_USUAL_MTU = 1500, /* where the next link is not known yet */
	NAT64_HEADERS = 60,  /* of IPv6 and TCP */
	NAT64_SMALL = 1260,  /* an IPv4 packet this short may be fragmented on its way (RFC 7915, 5.1) */
	NAT64_DONT_FRAGMENT = 0x4000,
	NAT64_ROUND = 64,    /* bytes summed at once */
	NAT64_ROUNDS = 160,
	NAT64_TCP_OPTIONS = 40, /* bytes */
	NAT64_MSS_KIND = 2,
};

struct nat64_sum {
	ctx_t *ctx;
	__u64 sum;
	__u32 offset;
	__u32 left;
	long error;
	__u32 words[NAT64_ROUND / 4];
};

static long nat64_sum_round(__u32 index, struct nat64_sum *run)
{
	__u32 bytes = run->left < NAT64_ROUND ? run->left : NAT64_ROUND;

	if (!run->left)
		return 1;
	for (int i = 0; i < NAT64_ROUND / 4; i++)
		run->words[i] = 0;
	if (bytes == NAT64_ROUND)
		run->error = ctx_load(run->ctx, run->offset, run->words, NAT64_ROUND);
	else if (bytes && bytes < NAT64_ROUND)
		run->error = load_some(run->ctx, run->offset, run->words, bytes, NAT64_ROUND);
	if (run->error)
		return 1;
	for (int i = 0; i < NAT64_ROUND / 4; i++)
		run->sum += run->words[i];
	run->offset += bytes;
	run->left -= bytes;
	return 0;
}

/* UDP over IPv4 may do without a checksum, over IPv6 it may not. The pseudo-header is that of the packet as it is. */
rarely __u32 nat64_udp_checksum(ctx_t *ctx, const struct packet *packet)
{
	struct nat64_sum run = {};
	__u16 checksum;

	if (!packet)
		return 0;
	run.ctx = ctx;
	run.offset = packet->l4;
	run.left = packet->length - (packet->l4 - packet->l3);
	run.sum = checksum_address(&packet->key.source) + checksum_address(&packet->key.destination) +
		  bpf_htonl(run.left) + bpf_htonl(IPPROTO_UDP);
	if (run.left > NAT64_ROUNDS * NAT64_ROUND)
		return 0;
	bpf_loop(NAT64_ROUNDS, nat64_sum_round, &run, 0);
	if (run.error || run.left)
		return 0;
	checksum = ~checksum_fold(run.sum);
	return checksum ? checksum : 0xffff;
}

/* Before the headers change: what needs the packet as it is. Every error is a verdict, and the packet still whole. */
rarely enum verdict nat64_prepare(ctx_t *ctx, const struct packet *packet)
{
	__u16 *checksum, value;

	if (!packet)
		return VERDICT_DROP_INTERNAL;
	if (ctx_segment_payload(ctx) && packet->key.protocol != IPPROTO_TCP)
		return VERDICT_DROP_GSO;
	if (packet->key.protocol == IPPROTO_ICMP && packet->fragment)
		return VERDICT_DROP_NOT_TRANSLATABLE; /* its checksum covers a length that no fragment tells */
	if (packet->v6 || packet->key.protocol != IPPROTO_UDP || packet_is_later_fragment(packet))
		return VERDICT_CONTINUE;
	checksum = ctx_checksum_field(ctx, packet_l4(packet) + 6);
	if (!checksum)
		return VERDICT_DROP_INTERNAL;
	if (*checksum)
		return VERDICT_CONTINUE;
	value = packet->fragment ? 0 : nat64_udp_checksum(ctx, packet);
	checksum = ctx_checksum_field(ctx, packet_l4(packet) + 6);
	if (!value || !checksum)
		return VERDICT_DROP_NOT_TRANSLATABLE;
	*checksum = value;
	return VERDICT_CONTINUE;
}

/* Steps over one TCP option; stops at the maximum segment size. */
static long nat64_option(__u32 index, void *context)
{
	struct scratch *room = scratch_get();
	struct tcp_options *options;
	__u32 at;

	if (!room)
		return 1;
	options = &room->options;
	at = options->at;

	if (at + 4 > options->length || at > NAT64_TCP_OPTIONS)
		return 1;
	if (options->bytes[at] == NAT64_MSS_KIND) {
		options->found = options->bytes[at + 1] == 4;
		return 1;
	}
	if (!options->bytes[at] || (options->bytes[at] != 1 && options->bytes[at + 1] < 2))
		return 1;
	options->at = options->bytes[at] == 1 ? at + 1 : at + options->bytes[at + 1];
	return 0;
}

/* A SYN announces the longest segment its sender takes; on the other side there may be less room. */
rarely int nat64_clamp(ctx_t *ctx, __u32 l4, __u32 most)
{
	struct scratch *room = scratch_get();
	struct tcp_options *options;
	struct tcphdr *tcp = ctx_start(ctx) + (l4 & PACKET_L4_MASK);
	__u32 change, at, length;
	__u16 before, after = bpf_htons(most);

	if ((void *)(tcp + 1) > ctx_end(ctx) || !room)
		return -1;
	options = &room->options;
	length = tcp->doff * 4 - sizeof(*tcp);
	if (length < 4 || length > NAT64_TCP_OPTIONS || ctx_load(ctx, l4 + sizeof(*tcp), options->bytes, length))
		return 0;
	options->length = length;
	options->at = 0;
	options->found = false;
	bpf_loop(NAT64_TCP_OPTIONS, nat64_option, &length, 0);
	at = options->at;
	if (!options->found || at > NAT64_TCP_OPTIONS)
		return 0;
	before = options->bytes[at + 2] << 8 | options->bytes[at + 3];
	if (before <= most)
		return 0;
	if (ctx_store(ctx, l4 + sizeof(*tcp) + at + 2, &after, sizeof(after)))
		return -1;
	/* At an odd place the change counts with its bytes swapped. */
	change = checksum_fold((__u64)(__u16)~bpf_htons(before) + after);
	if (at & 1)
		change = (change >> 8 | change << 8) & 0xffff;
	return ctx_l4_checksum(ctx, l4 + 16, 0, change, false);
}

/* What the pseudo-header of ICMPv6 adds to a sum; ICMP over IPv4 has none. */
inline_always __u32 nat64_icmp_pseudo(const struct address *source, const struct address *destination, __u32 length)
{
	return checksum_fold(checksum_address(source) + checksum_address(destination) + bpf_htonl(length) +
			     bpf_htonl(IPPROTO_ICMPV6));
}

/* The echo's type and identifier; returns what that and the pseudo-header change in its checksum. */
inline_always __u32 nat64_echo(struct icmp_echo *icmp, const struct packet *packet, const struct flow *flow, bool to_v6)
{
	bool reply = packet->kind == PACKET_ECHO_REPLY;
	__u32 length = packet->length - (packet->l4 - packet->l3), pseudo;
	__u16 *word = (__u16 *)icmp, before = *word;
	__u16 id = icmp->id;
	__u64 sum;

	if (to_v6)
		icmp->type = reply ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST;
	else
		icmp->type = reply ? ICMP_ECHO_REPLY : ICMP_ECHO_REQUEST;
	icmp->id = reply ? flow->destination_port : flow->source_port;
	pseudo = to_v6 ? nat64_icmp_pseudo(&flow->source, &flow->destination, length)
		       : (__u16)~nat64_icmp_pseudo(&packet->key.source, &packet->key.destination, length);
	sum = (__u64)(__u16)~before + *word + (__u16)~id + icmp->id + pseudo;
	return checksum_fold(sum);
}

inline_always void nat64_write_v4(struct iphdr *ip, const struct packet *packet, const struct flow *flow, __u8 hops)
{
	__u16 length = packet->length - (packet->l4 - packet->l3) + sizeof(*ip);
	const __u32 *words = (const __u32 *)ip;
	/* A whole packet may have a fragment header all the same: then others may cut it on its way (5.1.1). */
	bool numbered = packet->fragment || packet->fragment_id, small = length <= NAT64_SMALL;

	ip->version = 4;
	ip->ihl = 5;
	ip->tos = packet->tos;
	ip->tot_len = bpf_htons(length);
	/* One that others may cut needs a number that its neighbours do not have. */
	ip->id = numbered ? packet->fragment_id >> 16 : small ? bpf_htons(flow->packets + flow->tag) : 0;
	ip->frag_off = bpf_htons(numbered ? packet->fragment : small ? 0 : NAT64_DONT_FRAGMENT);
	ip->ttl = hops - 1;
	ip->protocol = packet->key.protocol;
	ip->check = 0;
	ip->saddr = flow->source.words[3];
	ip->daddr = flow->destination.words[3];
	ip->check = ~checksum_fold((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
}

inline_always void nat64_write_v6(struct ipv6hdr *ip, const struct packet *packet, const struct flow *flow, __u8 hops)
{
	__u32 length = packet->length - (packet->l4 - packet->l3) + (packet->fragment ? ROUTE_FRAGMENT : 0);
	__u8 protocol = packet->key.protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : packet->key.protocol;

	*(__be32 *)ip = bpf_htonl(6U << 28 | (__u32)packet->tos << 20);
	/* A GSO packet may be longer than the field can say. */
	ip->payload_len = length > 0xffff ? 0 : bpf_htons(length);
	ip->nexthdr = packet->fragment ? IPPROTO_FRAGMENT : protocol;
	ip->hop_limit = hops - 1;
	__builtin_memcpy(&ip->saddr, &flow->source, sizeof(flow->source));
	__builtin_memcpy(&ip->daddr, &flow->destination, sizeof(flow->destination));
}

inline_always void nat64_write_fragment(struct extension_header *header, const struct packet *packet)
{
	header->next = packet->key.protocol;
	header->length = 0;
	header->fragment = bpf_htons((packet->fragment & FRAGMENT_OFFSET) << 3 | !!(packet->fragment & FRAGMENT_MORE));
	/* The 16 bits of IPv4 are the lower ones; as they came they stand in the lower half of a little-endian word. */
	header->id = packet->fragment_id << 16;
}

/* The transport's ports and checksum, once the headers before it are new. */
inline_always int nat64_transport(ctx_t *ctx, const struct packet *packet, const struct flow *flow, __u32 l4,
				  bool to_v6)
{
	__be16 *ports = ctx_start(ctx) + (l4 & PACKET_L4_MASK);
	__u8 protocol = packet->key.protocol;
	__u32 change;

	if ((void *)(ports + 4) > ctx_end(ctx))
		return -1;
	if (protocol == IPPROTO_ICMP) {
		change = nat64_echo((struct icmp_echo *)ports, packet, flow, to_v6);
		return ctx_l4_checksum(ctx, l4 + 2, 0, change, false);
	}
	ports[0] = flow->source_port;
	ports[1] = flow->destination_port;
	if (protocol == IPPROTO_UDP)
		return ctx_l4_checksum(ctx, l4 + 6, flow->address_delta, flow->port_delta, true);
	if (protocol == IPPROTO_SCTP)
		return sctp_patch(ctx, packet, flow, l4);
	if (ctx_l4_checksum(ctx, l4 + 16, flow->address_delta, flow->port_delta, false))
		return -1;
	if (likely(!(packet->tcp_flags & TCP_SYN)))
		return 0;
	return nat64_clamp(ctx, l4, (flow->route_mtu ? flow->route_mtu : NAT64_USUAL_MTU) - NAT64_HEADERS);
}

inline_always __u8 nat64_hops(ctx_t *ctx, __u32 l3, bool to_v6)
{
	const __u8 *ip = ctx_start(ctx) + l3;

	if ((void *)(ip + sizeof(struct iphdr)) > ctx_end(ctx))
		return 0;
	return ip[to_v6 ? offsetof(struct iphdr, ttl) : offsetof(struct ipv6hdr, hop_limit)];
}

/* The IP headers; what they carry then starts at *l4. */
inline_always enum verdict nat64_headers(ctx_t *ctx, const struct packet *packet, const struct flow *flow, __u32 *l4)
{
	bool to_v6 = !packet->v6;
	__u32 l3 = packet_l3(packet), before = packet->l4 - packet->l3;
	__u32 after = to_v6 ? ROUTE_V6 + (packet->fragment ? ROUTE_FRAGMENT : 0) : ROUTE_V4;
	struct link_tags tags = {};
	void *start;
	__u8 hops;

	hops = nat64_hops(ctx, l3, to_v6);
	if (unlikely(l3 != sizeof(struct ethhdr)))
		link_save(ctx, l3, &tags);
	if (ctx_change_family(ctx, before, after, l3, to_v6))
		return VERDICT_DROP_NOT_TRANSLATABLE;
	start = ctx_start(ctx);
	*l4 = l3 + after;
	if (to_v6) {
		if (start + l3 + sizeof(struct ipv6hdr) + ROUTE_FRAGMENT > ctx_end(ctx))
			return VERDICT_DROP_INTERNAL;
		nat64_write_v6(start + l3, packet, flow, hops);
		if (packet->fragment)
			nat64_write_fragment(start + l3 + sizeof(struct ipv6hdr), packet);
	} else {
		if (start + l3 + sizeof(struct iphdr) > ctx_end(ctx))
			return VERDICT_DROP_INTERNAL;
		nat64_write_v4(start + l3, packet, flow, hops);
	}
	if (link_write(ctx, l3, &tags, flow, to_v6))
		return VERDICT_DROP_INTERNAL;
	return unlikely(flow->tag != packet_tag(packet)) ? VERDICT_DROP_NO_FLOW : VERDICT_CONTINUE;
}

inline_always enum verdict nat64(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	bool to_v6 = !packet->v6;
	enum verdict verdict;
	__u32 l4;

	verdict = nat64_prepare(ctx, packet);
	if (!verdict)
		verdict = nat64_headers(ctx, packet, flow, &l4);
	if (verdict)
		return verdict;
	if (packet_is_later_fragment(packet))
		return VERDICT_FORWARD;
	return nat64_transport(ctx, packet, flow, l4, to_v6) ? VERDICT_DROP_INTERNAL : VERDICT_FORWARD;
}

/* The same for a packet of TCP that says nothing about segment sizes. */
inline_always enum verdict nat64_tcp(ctx_t *ctx, const struct packet *packet, const struct flow *flow)
{
	enum verdict verdict;
	__be16 *ports;
	__u32 l4;

	verdict = nat64_headers(ctx, packet, flow, &l4);
	if (verdict)
		return verdict;
	ports = ctx_start(ctx) + (l4 & PACKET_L4_MASK);
	if ((void *)(ports + 2) > ctx_end(ctx))
		return VERDICT_DROP_INTERNAL;
	ports[0] = flow->source_port;
	ports[1] = flow->destination_port;
	return ctx_l4_checksum(ctx, l4 + 16, flow->address_delta, flow->port_delta, false) ? VERDICT_DROP_INTERNAL
											    : VERDICT_FORWARD;
}
