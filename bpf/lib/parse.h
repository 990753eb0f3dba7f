/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ethernet, VLAN tags, IPv4 with options, IPv6 with extension headers, and the transport's ports. Fills the flow key;
 * nothing is changed.
 *
 * What the kernel drops by itself (a lying IP header) is passed unless it is for a VIP; a transport header that lies
 * would be forwarded by the kernel, so for a VIP it is dropped here. */
#pragma once
#include "maps.h"
#include "fragment.h"
#include "hash.h"

enum parse_lengths {
	PARSE_PULL = sizeof(struct ethhdr) + sizeof(struct ipv6hdr) + sizeof(struct tcphdr),
	PARSE_MOST_HEADERS = 400, /* bytes up to the transport header */
};

struct vlan_tag {
	__be16 tci;
	__be16 type; /* of what follows */
};

enum ether_types {
	ETHER_VLAN = 0x8100,
	ETHER_SERVICE_VLAN = 0x88a8,
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
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12,
	ICMP6_UNREACHABLE = 1,
	ICMP6_PACKET_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER_PROBLEM = 4,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_MLD_QUERY = 130,
	ICMP6_REDIRECT = 137,
};

struct sctp_header {
	__be16 source;
	__be16 dest;
	__be32 tag;
	__u32 crc;
};

rarely bool parse_is_vip(const struct flow_key *flow_key)
{
	if (!flow_key)
		return false;
	return vip_of(&flow_key->destination, flow_key->zone) & VIP_COUNT;
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

inline_always bool parse_is_tag(__be16 type)
{
	return type == bpf_htons(ETHER_VLAN) || type == bpf_htons(ETHER_SERVICE_VLAN);
}

/* Steps over the tags: where the IP header starts in the low half, the type of what it is in the high half. */
rarely __u32 parse_tags(ctx_t *ctx)
{
	__u32 offset = sizeof(struct ethhdr);
	const struct vlan_tag *tag = ctx_start(ctx) + offset;
	__be16 type = 0;

	for (int i = 0; i < LIMIT_VLAN_TAGS; i++) {
		if ((void *)(tag + 1) > ctx_end(ctx))
			return 0;
		type = tag->type;
		tag++;
		offset += sizeof(*tag);
		if (!parse_is_tag(type))
			break;
	}
	return (__u32)type << 16 | offset;
}

inline_always void parse_start(struct packet *packet)
{
	packet->key.zone = 0;
	packet->key.reserved = 0;
	packet->segments = 1;
	packet->tcp_flags = 0;
	packet->kind = PACKET_PLAIN;
	packet->device = 0;
	packet->next_hop = NEXT_HOP_KNOWN;
	packet->sctp_tag = 0;
	packet->fragment = 0;
	packet->fragment_id = 0;
	packet->reserved = 0;
}

/* The last word of the key, see address_from_v4(). */
inline_always void parse_ports(struct packet *packet, __be16 source, __be16 destination)
{
	__u64 *word = (__u64 *)&packet->key.source_port;

	*word = source | (__u32)destination << 16 | (__u64)packet->key.zone << 32 | (__u64)packet->key.protocol << 48;
}

inline_always enum verdict parse_tcp(const struct tcphdr *tcp, void *end, struct packet *packet, __u32 payload)
{
	__u32 header;

	if ((void *)(tcp + 1) > end)
		return VERDICT_DROP_MALFORMED;
	header = tcp->doff * 4;
	if (header < sizeof(*tcp) || header > payload)
		return VERDICT_DROP_MALFORMED;
	parse_ports(packet, tcp->source, tcp->dest);
	packet->tcp_flags = ((const __u8 *)tcp)[13];
	packet->unit += header;
	return VERDICT_CONTINUE;
}

inline_always enum verdict parse_udp(const struct udphdr *udp, void *end, struct packet *packet, __u32 payload,
				     bool in_parts)
{
	if ((void *)(udp + 1) > end)
		return VERDICT_DROP_MALFORMED;
	if (bpf_ntohs(udp->len) < sizeof(*udp) || (bpf_ntohs(udp->len) > payload && !in_parts))
		return VERDICT_DROP_MALFORMED;
	parse_ports(packet, udp->source, udp->dest);
	packet->unit += sizeof(*udp);
	return VERDICT_CONTINUE;
}

inline_always enum verdict parse_sctp(const struct sctp_header *sctp, void *end, struct packet *packet, __u32 payload)
{
	if ((void *)(sctp + 1) > end || payload < sizeof(*sctp))
		return VERDICT_DROP_MALFORMED;
	parse_ports(packet, sctp->source, sctp->dest);
	packet->sctp_tag = sctp->tag;
	packet->unit += sizeof(*sctp);
	return VERDICT_CONTINUE;
}

inline_always enum packet_kind parse_icmp_kind(const struct icmp_echo *icmp, bool v6)
{
	if (icmp->type == (v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO_REQUEST))
		return icmp->code ? PACKET_PLAIN : PACKET_ECHO_REQUEST;
	if (icmp->type == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHO_REPLY))
		return icmp->code ? PACKET_PLAIN : PACKET_ECHO_REPLY;
	if (v6)
		return icmp->type >= ICMP6_UNREACHABLE && icmp->type <= ICMP6_PARAMETER_PROBLEM ? PACKET_ICMP_ERROR
												: PACKET_PLAIN;
	return icmp->type == ICMP_UNREACHABLE || icmp->type == ICMP_TIME_EXCEEDED ||
			       icmp->type == ICMP_PARAMETER_PROBLEM
		       ? PACKET_ICMP_ERROR
		       : PACKET_PLAIN;
}

inline_always enum verdict parse_icmp(const struct icmp_echo *icmp, void *end, struct packet *packet, __u32 payload)
{
	if ((void *)(icmp + 1) > end || payload < sizeof(*icmp))
		return VERDICT_DROP_MALFORMED;
	packet->key.source_port = 0;
	packet->key.destination_port = 0;
	packet->kind = parse_icmp_kind(icmp, packet->v6);
	if (packet->kind == PACKET_ECHO_REQUEST)
		packet->key.source_port = icmp->id;
	else if (packet->kind == PACKET_ECHO_REPLY)
		packet->key.destination_port = icmp->id;
	else if (packet->kind == PACKET_PLAIN)
		return packet->v6 && icmp->type >= ICMP6_MLD_QUERY && icmp->type <= ICMP6_REDIRECT
			       ? VERDICT_PASS_NEIGHBOUR_DISCOVERY
			       : VERDICT_PASS_PROTOCOL;
	packet->unit += sizeof(*icmp);
	return VERDICT_CONTINUE;
}

inline_always enum verdict parse_transport(ctx_t *ctx, struct packet *packet, __u32 payload, bool in_parts)
{
	void *l4 = ctx_start(ctx) + packet_l4(packet), *end = ctx_end(ctx);

	switch (packet->key.protocol) {
	case IPPROTO_TCP:
		return parse_tcp(l4, end, packet, payload);
	case IPPROTO_UDP:
		return parse_udp(l4, end, packet, payload, in_parts);
	case IPPROTO_SCTP:
		return parse_sctp(l4, end, packet, payload);
	default:
		return parse_icmp(l4, end, packet, payload);
	}
}

/* The whole frame must have what the IP header says. A GSO packet may be longer than the field can say: then it is 0,
 * or that of IPv6 without a payload. */
inline_always bool parse_length(ctx_t *ctx, struct packet *packet, __u32 field, __u32 least)
{
	__u32 frame;

	packet->length = field;
	packet->in_pieces = ctx_end(ctx) - ctx_start(ctx) < packet->l3 + field;
	frame = unlikely(packet->in_pieces || ctx_segment_payload(ctx)) ? ctx_length(ctx) : packet->l3 + field;
	if (unlikely(ctx_segment_payload(ctx) && field <= least))
		packet->length = frame - packet->l3;
	return likely(packet->length + packet->l3 <= frame);
}

inline_always enum verdict parse_v4(ctx_t *ctx, struct packet *packet)
{
	const struct iphdr *ip = ctx_start(ctx) + packet_l3(packet);
	__u32 header;

	if (unlikely((void *)(ip + 1) > ctx_end(ctx)))
		return VERDICT_PASS_NOT_IP;
	address_from_v4(&packet->key.source, ip->saddr);
	address_from_v4(&packet->key.destination, ip->daddr);
	packet->key.protocol = ip->protocol;
	packet->tos = ip->tos;
	packet->v6 = false;
	header = ip->ihl * 4;
	if (unlikely(ip->version != 4 || header < sizeof(*ip) ||
		     !parse_length(ctx, packet, bpf_ntohs(ip->tot_len), 0) || packet->length < header))
		return parse_refuse(packet, VERDICT_DROP_MALFORMED, VERDICT_PASS_NOT_IP);
	packet->l4 = packet->l3 + header;
	packet->fragment = bpf_ntohs(ip->frag_off) & (FRAGMENT_OFFSET | FRAGMENT_MORE);
	packet->fragment_id = ip->id;
	return packet->key.protocol == IPPROTO_TCP || packet->key.protocol == IPPROTO_UDP ||
			       packet->key.protocol == IPPROTO_ICMP || packet->key.protocol == IPPROTO_SCTP
		       ? VERDICT_CONTINUE
		       : VERDICT_PASS_PROTOCOL;
}

inline_always bool parse_is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_FRAGMENT;
}

/* Two bytes of every extension header say what follows and how long it is itself. */
struct extension_header {
	__u8 next;
	__u8 length; /* in units of 8 bytes, the first not counted; routing: then type and segments left */
	__be16 fragment;
	__be32 id;
};

struct parse_walk {
	ctx_t *ctx;
	struct packet *packet;
	__u32 offset;
	__u32 verdict;
	bool done;
};

/* Steps over one header; stops at the transport header, or where there is nothing to read. */
static long parse_extension(__u32 index, struct parse_walk *walk)
{
	__u32 at = walk->offset & PACKET_L4_MASK;
	const struct extension_header *header = ctx_start(walk->ctx) + at;
	struct packet *packet = walk->packet;
	__u8 protocol = packet->key.protocol;
	__u16 word;

	if (!parse_is_extension(protocol) || packet_is_later_fragment(packet)) {
		walk->done = true;
		return 1;
	}
	/* Not `at`: what lies beyond the mask would be looked for in the middle of the headers. */
	if ((void *)(header + 1) > ctx_end(walk->ctx) || walk->offset > PARSE_MOST_HEADERS) {
		walk->verdict = VERDICT_DROP_MALFORMED;
		return 1;
	}
	packet->key.protocol = header->next;
	walk->offset = at + 8;
	word = bpf_ntohs(header->fragment);
	if (protocol == IPPROTO_FRAGMENT) {
		packet->fragment = word >> 3 | (word & 1 ? FRAGMENT_MORE : 0);
		packet->fragment_id = header->id;
		return 0;
	}
	walk->offset += header->length * 8;
	/* A routing header that still has somewhere to go is for the node it names now; type 0 is deprecated. */
	if (protocol == IPPROTO_ROUTING && (!(word & 0xff00) || word & 0x00ff)) {
		walk->verdict = VERDICT_DROP_EXTENSION_HEADERS;
		return 1;
	}
	return 0;
}

/* Walks the extension headers. */
rarely __u32 parse_extensions(ctx_t *ctx, struct packet *packet)
{
	struct parse_walk walk = {};

	if (!packet)
		return VERDICT_DROP_INTERNAL;
	ctx_pull(ctx, PARSE_MOST_HEADERS);
	walk.ctx = ctx;
	walk.packet = packet;
	walk.offset = packet->l3 + sizeof(struct ipv6hdr) + loop_zero();
	packet->fragment = loop_zero();
	bpf_loop(LIMIT_EXTENSION_HEADERS + 1, parse_extension, &walk, 0);
	packet->l4 = walk.offset & PACKET_L4_MASK;
	if (walk.offset > PACKET_L4_MASK)
		return VERDICT_DROP_MALFORMED;
	return walk.verdict || walk.done ? walk.verdict : VERDICT_DROP_EXTENSION_HEADERS;
}

inline_always enum verdict parse_v6(ctx_t *ctx, struct packet *packet)
{
	const struct ipv6hdr *ip = ctx_start(ctx) + packet_l3(packet);
	enum verdict verdict;

	if (unlikely((void *)(ip + 1) > ctx_end(ctx)))
		return VERDICT_PASS_NOT_IP;
	__builtin_memcpy(&packet->key.source, &ip->saddr, 16);
	__builtin_memcpy(&packet->key.destination, &ip->daddr, 16);
	packet->key.protocol = ip->nexthdr;
	packet->tos = bpf_ntohs(*(const __be16 *)ip) >> 4;
	packet->v6 = true;
	if (unlikely(ip->version != 6 ||
		     !parse_length(ctx, packet, bpf_ntohs(ip->payload_len) + sizeof(*ip), sizeof(*ip)) ||
		     address_is_v4(&packet->key.source) || address_is_v4(&packet->key.destination)))
		return parse_refuse(packet, VERDICT_DROP_MALFORMED, VERDICT_PASS_NOT_IP);
	packet->l4 = packet->l3 + sizeof(*ip);
	if (unlikely(parse_is_extension(packet->key.protocol))) {
		verdict = parse_extensions(ctx, packet);
		if (verdict)
			return parse_refuse(packet, verdict, VERDICT_PASS_PROTOCOL);
		if (packet->l4 > packet->l3 + packet->length)
			return parse_refuse(packet, VERDICT_DROP_MALFORMED, VERDICT_PASS_NOT_IP);
	}
	if (packet->key.protocol == IPPROTO_ICMPV6) {
		packet->key.protocol = IPPROTO_ICMP; /* one name for both: a flow may have a side in each family */
		return VERDICT_CONTINUE;
	}
	return packet->key.protocol == IPPROTO_TCP || packet->key.protocol == IPPROTO_UDP ||
			       packet->key.protocol == IPPROTO_SCTP
		       ? VERDICT_CONTINUE
		       : VERDICT_PASS_PROTOCOL;
}

/* Finds the IP header. */
inline_always enum verdict parse_link(ctx_t *ctx, struct packet *packet, __be16 *type)
{
	const struct ethhdr *eth;
	__u32 inside;

	ctx_pull(ctx, PARSE_PULL);
	eth = ctx_start(ctx);
	if (unlikely((void *)(eth + 1) > ctx_end(ctx)))
		return VERDICT_PASS_NOT_IP;
	*type = eth->h_proto;
	packet->l3 = sizeof(*eth);
	if (unlikely(parse_is_tag(*type))) {
		inside = parse_tags(ctx);
		*type = inside >> 16;
		packet->l3 = inside & PACKET_L3_MASK;
		eth = ctx_start(ctx);
		if ((void *)(eth + 1) > ctx_end(ctx))
			return VERDICT_PASS_NOT_IP;
	}
	if (unlikely(*type != bpf_htons(ETH_P_IP) && *type != bpf_htons(ETH_P_IPV6)))
		return VERDICT_PASS_NOT_IP;
	return likely(parse_is_ours(ctx, eth)) ? VERDICT_CONTINUE : VERDICT_PASS_OTHER_HOST;
}

/* The link header and the IP headers: who sends to whom. */
inline_always enum verdict parse_ip(ctx_t *ctx, struct packet *packet)
{
	enum verdict verdict;
	__be16 type;

	parse_start(packet);
	verdict = parse_link(ctx, packet, &type);
	if (unlikely(verdict))
		return verdict;
	return type == bpf_htons(ETH_P_IP) ? parse_v4(ctx, packet) : parse_v6(ctx, packet);
}

/* The last step: lengths on the wire, and the digest. `unit` has the headers by now. */
inline_always void parse_measure(ctx_t *ctx, struct packet *packet)
{
	__u32 segment = ctx_segment_payload(ctx);

	if (segment) { /* the header stands once in the frame, and before each segment on the wire */
		packet->segments = ctx_segments(ctx);
		packet->wire_bytes += (packet->segments - 1) * packet->unit;
		packet->unit += segment;
	} else {
		packet->unit = packet->length;
	}
	packet->digest = hash_digest(&packet->key);
}

/* What stands behind the IP headers. */
inline_always enum verdict parse_rest(ctx_t *ctx, struct packet *packet)
{
	enum verdict verdict;

	if (CTX_HAS_NEXT && unlikely(packet->fragment))
		return VERDICT_TO_TC_FRAGMENT;
	packet->wire_bytes = packet->length;
	packet->unit = packet->l4 - packet->l3;
	if (unlikely(packet_is_later_fragment(packet))) {
		packet->unit = packet->length;
		packet->key.source_port = 0;
		packet->key.destination_port = 0;
		verdict = fragment_later(ctx, packet);
		if (verdict)
			return verdict;
	} else {
		/* In parts, UDP's length is not that of this packet. */
		verdict = parse_transport(ctx, packet, packet->length - packet->unit,
					  ctx_segment_payload(ctx) || packet->fragment);
		if (unlikely(verdict == VERDICT_DROP_MALFORMED))
			return parse_refuse(packet,
					    packet->fragment ? VERDICT_DROP_FRAGMENT_TINY : VERDICT_DROP_MALFORMED,
					    VERDICT_PASS_PROTOCOL);
		if (unlikely(verdict))
			return verdict;
	}
	parse_measure(ctx, packet);
	return VERDICT_CONTINUE;
}

/* What IPv4 options add to the header's checksum. Apart, so that the verifier forgets how many there were. */
rarely __u64 parse_options_v4(const ctx_t *ctx, const struct packet *packet)
{
	__u32 l3 = packet ? packet_l3(packet) : 0;
	const __u32 *words = ctx_start(ctx) + l3;
	__u64 sum = 0;

	for (int i = 5; i < 15; i++) {
		if (!packet || l3 + i * 4 >= packet->l4 || (void *)(words + i + 1) > ctx_end(ctx))
			break;
		sum += words[i];
	}
	return sum;
}

inline_always enum verdict parse_check_v4(const ctx_t *ctx, const struct packet *packet)
{
	__u32 l3 = packet_l3(packet);
	const struct iphdr *ip = ctx_start(ctx) + l3;
	const __u32 *words = (const __u32 *)ip;
	__u64 sum;

	if (unlikely((void *)(ip + 1) > ctx_end(ctx)))
		return VERDICT_DROP_INTERNAL;
	if (unlikely(ip->ttl <= 1))
		return VERDICT_PASS_TTL;
	sum = (__u64)words[0] + words[1] + words[2] + words[3] + words[4];
	if (unlikely(packet->l4 > l3 + sizeof(*ip)))
		sum += parse_options_v4(ctx, packet);
	return likely(checksum_fold(sum) == 0xffff) ? VERDICT_CONTINUE : VERDICT_DROP_BAD_CHECKSUM;
}

/* Asked once a packet is known to be for a flow or service. */
inline_always enum verdict parse_check(const ctx_t *ctx, const struct packet *packet)
{
	const struct ipv6hdr *ip = ctx_start(ctx) + packet_l3(packet);

	if (!packet->v6)
		return parse_check_v4(ctx, packet);
	if (unlikely((void *)(ip + 1) > ctx_end(ctx)))
		return VERDICT_DROP_INTERNAL;
	return unlikely(ip->hop_limit <= 1) ? VERDICT_PASS_TTL : VERDICT_CONTINUE;
}
