/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ethernet, IPv4 with options, TCP, UDP, ICMP echo. Fills the flow key; nothing is changed.
 *
 * What the kernel drops by itself (a lying IP header) is passed unless it is for a VIP; a transport header that lies
 * would be forwarded by the kernel, so for a VIP it is dropped here. */
#pragma once
#include "maps.h"
#include "fragment.h"
#include "hash.h"

enum parse_lengths {
	PARSE_IP = sizeof(struct ethhdr),
	PARSE_PULL = sizeof(struct ethhdr) + 60 + sizeof(struct tcphdr),
};

struct icmp_echo {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 id;
	__be16 sequence;
};

enum icmp_types {
	ICMP_ECHO_REPLY = 0,
	ICMP_ECHO_REQUEST = 8,
};

inline_always void parse_v4(struct address *address, __be32 v4)
{
	address->words[0] = 0;
	address->words[1] = 0;
	address->words[2] = bpf_htonl(0xffff);
	address->words[3] = v4;
}

rarely bool parse_is_vip(const struct flow_key *flow_key)
{
	struct vip_key key = {};

	if (!flow_key)
		return false;
	key.address = flow_key->destination;
	key.zone = flow_key->zone;
	return bpf_map_lookup_elem(&vips, &key);
}

/* The verdict on a packet for which no flow or service can be looked up. */
inline_always enum verdict parse_refuse(const struct packet *packet, enum verdict drop, enum verdict pass)
{
	return parse_is_vip(&packet->key) ? drop : pass;
}

/* A frame to another machine's address is seen where a switch floods, or in promiscuous mode. */
inline_always bool parse_is_ours(const ctx_t *ctx, const struct ethhdr *eth)
{
	__u32 ifindex = ctx_ifindex(ctx);
	const struct device *device = bpf_map_lookup_elem(&devices, &ifindex);
	const __u16 *wanted, *found = (const __u16 *)eth->h_dest;

	if (!device || !(device->flags & DEVICE_KNOWN))
		return true;
	wanted = (const __u16 *)device->mac;
	return wanted[0] == found[0] && wanted[1] == found[1] && wanted[2] == found[2];
}

inline_always void parse_start(struct packet *packet, const struct iphdr *ip)
{
	parse_v4(&packet->key.source, ip->saddr);
	parse_v4(&packet->key.destination, ip->daddr);
	packet->key.source_port = 0;
	packet->key.destination_port = 0;
	packet->key.zone = 0;
	packet->key.protocol = ip->protocol;
	packet->key.reserved = 0;
	packet->length = bpf_ntohs(ip->tot_len);
	packet->segments = 1;
	packet->tos = ip->tos;
	packet->tcp_flags = 0;
	packet->echo_reply = false;
	packet->device = 0;
	packet->next_hop = 0;
}

inline_always enum verdict parse_transport(ctx_t *ctx, struct packet *packet, __u32 payload, bool in_parts)
{
	void *l4 = ctx_start(ctx) + packet->l4;
	void *end = ctx_end(ctx);

	if (packet->key.protocol == IPPROTO_TCP) {
		const struct tcphdr *tcp = l4;
		__u32 header;

		if ((void *)(tcp + 1) > end)
			return VERDICT_DROP_MALFORMED;
		header = tcp->doff * 4;
		if (header < sizeof(*tcp) || header > payload)
			return VERDICT_DROP_MALFORMED;
		packet->key.source_port = tcp->source;
		packet->key.destination_port = tcp->dest;
		packet->tcp_flags = ((const __u8 *)tcp)[13];
		packet->unit += header;
	} else if (packet->key.protocol == IPPROTO_UDP) {
		const struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end)
			return VERDICT_DROP_MALFORMED;
		if (bpf_ntohs(udp->len) < sizeof(*udp) || (bpf_ntohs(udp->len) > payload && !in_parts))
			return VERDICT_DROP_MALFORMED;
		packet->key.source_port = udp->source;
		packet->key.destination_port = udp->dest;
		packet->unit += sizeof(*udp);
	} else {
		const struct icmp_echo *icmp = l4;

		if ((void *)(icmp + 1) > end || payload < sizeof(*icmp))
			return VERDICT_DROP_MALFORMED;
		if (icmp->type == ICMP_ECHO_REQUEST && !icmp->code)
			packet->key.source_port = icmp->id;
		else if (icmp->type == ICMP_ECHO_REPLY && !icmp->code)
			packet->key.destination_port = icmp->id;
		else
			return VERDICT_PASS_PROTOCOL;
		packet->echo_reply = icmp->type == ICMP_ECHO_REPLY;
		packet->unit += sizeof(*icmp);
	}
	return VERDICT_CONTINUE;
}

inline_always enum verdict parse(ctx_t *ctx, struct packet *packet)
{
	const struct ethhdr *eth;
	const struct iphdr *ip;
	enum verdict verdict;
	__u32 header, frame, payload, segment;
	bool in_parts;

	ctx_pull(ctx, PARSE_PULL);
	eth = ctx_start(ctx);
	ip = (const void *)(eth + 1);
	if (unlikely((void *)(ip + 1) > ctx_end(ctx) || eth->h_proto != bpf_htons(ETH_P_IP) || ctx_tagged(ctx)))
		return VERDICT_PASS_NOT_IP;
	if (unlikely(!parse_is_ours(ctx, eth)))
		return VERDICT_PASS_OTHER_HOST;

	parse_start(packet, ip);
	header = ip->ihl * 4;
	packet->in_pieces = ctx_end(ctx) - ctx_start(ctx) < PARSE_IP + packet->length;
	frame = unlikely(packet->in_pieces) ? ctx_length(ctx) : PARSE_IP + packet->length;
	segment = ctx_segment_payload(ctx);
	if (unlikely(segment && !packet->length))
		packet->length = frame - PARSE_IP; /* a GSO packet longer than the field can say */
	if (unlikely(ip->version != 4 || header < sizeof(*ip) || packet->length < header ||
		     packet->length + PARSE_IP > frame))
		return parse_refuse(packet, VERDICT_DROP_MALFORMED, VERDICT_PASS_NOT_IP);
	payload = packet->length - header;

	if (packet->key.protocol != IPPROTO_TCP && packet->key.protocol != IPPROTO_UDP &&
	    packet->key.protocol != IPPROTO_ICMP)
		return VERDICT_PASS_PROTOCOL;
	if (unlikely(ip->frag_off & bpf_htons(FRAGMENT_OFFSET))) /* a later fragment: it has no ports */
		return parse_refuse(packet, VERDICT_DROP_FRAGMENT,
				    fragment_was_dropped(packet, ip) ? VERDICT_DROP_FRAGMENT : VERDICT_PASS_PROTOCOL);

	packet->l4 = PARSE_IP + header;
	packet->unit = header;
	/* Then UDP's length is not that of this packet. */
	in_parts = segment || ip->frag_off & bpf_htons(FRAGMENT_MORE);
	verdict = parse_transport(ctx, packet, payload, in_parts);
	if (unlikely(verdict == VERDICT_DROP_MALFORMED))
		return parse_refuse(packet, VERDICT_DROP_MALFORMED, VERDICT_PASS_PROTOCOL);
	if (unlikely(verdict))
		return verdict;

	packet->wire_bytes = packet->length;
	if (segment) { /* the header stands once in the frame, and before each segment on the wire */
		packet->segments = ctx_segments(ctx);
		packet->wire_bytes += (packet->segments - 1) * packet->unit;
		packet->unit += segment;
	} else {
		packet->unit = packet->length;
	}
	packet->digest = hash_digest(&packet->key);
	return VERDICT_CONTINUE;
}

/* Asked once a packet is known to be for a flow or service. */
inline_always enum verdict parse_check(const ctx_t *ctx, const struct packet *packet)
{
	const struct iphdr *ip = ctx_start(ctx) + PARSE_IP;
	const __u32 *words = (const __u32 *)ip;
	__u64 sum;

	if (unlikely((void *)(ip + 1) > ctx_end(ctx)))
		return VERDICT_DROP_INTERNAL;
	if (unlikely(ip->frag_off & bpf_htons(FRAGMENT_MORE))) {
		fragment_remember(packet, ip);
		return VERDICT_DROP_FRAGMENT;
	}
	if (unlikely(ip->ttl <= 1))
		return VERDICT_DROP_TTL;
	sum = (__u64)words[0] + words[1] + words[2] + words[3] + words[4];
	if (unlikely(packet->l4 > PARSE_IP + sizeof(*ip))) {
		for (int i = 5; i < 15; i++) {
			if (PARSE_IP + i * 4 >= packet->l4)
				break;
			if ((void *)(words + i + 1) > ctx_end(ctx))
				return VERDICT_DROP_INTERNAL;
			sum += words[i];
		}
	}
	return likely(checksum_fold(sum) == 0xffff) ? VERDICT_CONTINUE : VERDICT_DROP_BAD_CHECKSUM;
}
