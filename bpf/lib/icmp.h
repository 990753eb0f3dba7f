/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ICMP errors, which belong to the flow of the packet inside them (RFC 5508). Echo needs nothing here, it has a flow of
 * its own.
 *
 * The packet inside is one that we have sent; turned round, its addresses and ports are those by which the answer to it
 * would come in. That entry says what it was before. */
#pragma once
#include "flow.h"
#include "translate.h"
#include "punt.h"

enum icmp_lengths {
	ICMP_HEADER = 8,
	ICMP_INSIDE = 8, /* bytes of transport header that every error has (RFC 792) */
	ICMP_PULL = 14 + 8 + 60 + ICMP_HEADER + 60 + 20,
	ICMP_MOST = 300, /* offset of the transport header inside */
};

/* The packet inside: reads its addresses and ports into the key, turned round. Returns the offset of its transport
 * header; 0: there is none to go by. */
inline_always __u32 icmp_inside_v4(ctx_t *ctx, struct packet *packet, __u32 at)
{
	const struct iphdr *ip = ctx_start(ctx) + at;

	if ((void *)(ip + 1) > ctx_end(ctx) || ip->version != 4 || ip->ihl < 5 ||
	    ip->frag_off & bpf_htons(FRAGMENT_OFFSET))
		return 0;
	if (address_is_v4(&packet->key.destination) && packet->key.destination.words[3] != ip->saddr)
		return 0;
	packet->key.protocol = ip->protocol;
	address_from_v4(&packet->key.source, ip->daddr);
	address_from_v4(&packet->key.destination, ip->saddr);
	return at + ip->ihl * 4;
}

inline_always __u32 icmp_inside_v6(ctx_t *ctx, struct packet *packet, __u32 at)
{
	const struct ipv6hdr *ip = ctx_start(ctx) + at;
	const struct extension_header *part = (const struct extension_header *)(ip + 1);
	__u8 protocol;

	if ((void *)(ip + 1) > ctx_end(ctx) || ip->version != 6 ||
	    !filter_same(&packet->key.destination, (const struct address *)&ip->saddr))
		return 0;
	__builtin_memcpy(&packet->key.source, &ip->daddr, sizeof(packet->key.source));
	__builtin_memcpy(&packet->key.destination, &ip->saddr, sizeof(packet->key.destination));
	protocol = ip->nexthdr;
	at += sizeof(*ip);
	if (protocol == IPPROTO_FRAGMENT) {
		if ((void *)(part + 1) > ctx_end(ctx) || part->fragment & bpf_htons(FRAGMENT_OFFSET << 3))
			return 0;
		protocol = part->next;
		at += sizeof(*part);
	}
	packet->key.protocol = protocol == IPPROTO_ICMPV6 ? IPPROTO_ICMP : protocol;
	return at;
}

/* Whether the error goes so far: behind it may stand what Ethernet has added. */
inline_always bool icmp_has(const struct packet *packet, __u32 end)
{
	return end <= packet->l3 + packet->length;
}

inline_always bool icmp_inside_ports(ctx_t *ctx, struct packet *packet, __u32 at)
{
	const struct icmp_echo *echo = ctx_start(ctx) + (at & PACKET_L4_MASK);
	const __be16 *ports = (const __be16 *)echo;

	if (at > ICMP_MOST || !icmp_has(packet, at + ICMP_INSIDE) || (void *)(echo + 1) > ctx_end(ctx))
		return false;
	if (packet->key.protocol == IPPROTO_TCP || packet->key.protocol == IPPROTO_UDP ||
	    packet->key.protocol == IPPROTO_SCTP) {
		packet->key.source_port = ports[1];
		packet->key.destination_port = ports[0];
		return true;
	}
	if (packet->key.protocol != IPPROTO_ICMP)
		return false;
	packet->kind = parse_icmp_kind(echo, packet->v6);
	if (packet->kind == PACKET_ECHO_REQUEST) /* its answer would be a reply */
		packet->key.destination_port = echo->id;
	else if (packet->kind == PACKET_ECHO_REPLY)
		packet->key.source_port = echo->id;
	return packet->kind == PACKET_ECHO_REQUEST || packet->kind == PACKET_ECHO_REPLY;
}

/* The transport's checksum inside, where there is so much of it: returns whether it was changed. Whoever gets the error
 * need not look at it, but some do. */
inline_always bool icmp_inside_checksum(ctx_t *ctx, const struct packet *packet, const struct flow *flow, __u32 at)
{
	bool icmp = packet->key.protocol == IPPROTO_ICMP, udp = packet->key.protocol == IPPROTO_UDP;
	__u32 delta = (icmp && !packet->v6 ? 0 : flow->address_delta) + flow->port_delta;
	__u16 *field, value;

	if (packet->key.protocol == IPPROTO_SCTP)
		return false;
	field = ctx_start(ctx) + (at & PACKET_L4_MASK) + (icmp ? 2 : udp ? 6 : 16);
	if ((void *)(field + 1) > ctx_end(ctx) || !icmp_has(packet, at + (icmp || udp ? ICMP_INSIDE : 18)) ||
	    (udp && !*field))
		return false;
	value = checksum_apply(*field, delta);
	*field = udp && !value ? 0xffff : value;
	return true;
}

inline_always void icmp_inside_addresses(void *ip, const struct packet *packet, const struct flow *flow)
{
	struct ipv6hdr *v6 = ip;
	struct iphdr *v4 = ip;

	if (packet->v6) {
		__builtin_memcpy(&v6->saddr, &flow->destination, sizeof(flow->destination));
		__builtin_memcpy(&v6->daddr, &flow->source, sizeof(flow->source));
		return;
	}
	v4->saddr = flow->destination.words[3];
	v4->daddr = flow->source.words[3];
	v4->check = checksum_apply(v4->check, flow->address_delta);
}

/* What the changes inside add to the sum of the ICMP message. Of IPv4, header and its checksum change each other's
 * change away; so do the ports and their checksum, but for the addresses, which are in no sum but that one. */
inline_always __u32 icmp_inside_change(const struct packet *packet, const struct flow *flow, bool checksum)
{
	__u32 address = packet->v6 ? flow->address_delta : 0, ports = flow->port_delta;

	if (!checksum)
		return address + ports;
	if (packet->key.protocol == IPPROTO_ICMP && !packet->v6)
		return 0;
	return packet->v6 ? 0 : (__u16)~flow->address_delta;
}

/* The packet around: to the flow's destination; from whom it came, unless that was the other side itself. Returns what
 * this changes in a sum. */
inline_always __u32 icmp_outer(void *ip, const struct packet *packet, const struct flow *flow)
{
	struct ipv6hdr *v6 = ip;
	struct iphdr *v4 = ip;
	struct address destination = packet->key.destination;
	struct address source __attribute__((aligned(8))); /* it is written by the word */
	__u64 sum;

	if (packet->v6)
		__builtin_memcpy(&source, &v6->saddr, sizeof(source));
	else
		address_from_v4(&source, v4->saddr);
	sum = checksum_address_change(&destination, &flow->destination);
	if (filter_same(&source, &packet->key.source)) {
		sum += checksum_address_change(&source, &flow->source);
		source = flow->source;
	}
	if (packet->v6) {
		__builtin_memcpy(&v6->saddr, &source, sizeof(source));
		__builtin_memcpy(&v6->daddr, &flow->destination, sizeof(flow->destination));
		v6->hop_limit--;
	} else {
		v4->saddr = source.words[3];
		v4->daddr = flow->destination.words[3];
		v4->ttl--;
		v4->check = checksum_apply(v4->check, checksum_fold(sum) + (__u16)~bpf_htons(0x0100));
	}
	return checksum_fold(sum);
}

inline_always enum verdict icmp_translate(ctx_t *ctx, const struct packet *packet, const struct flow *flow,
					  __u32 inside)
{
	__u32 l3 = packet_l3(packet), l4 = packet_l4(packet), header = l4 + ICMP_HEADER, outer;
	__be16 *ports = ctx_start(ctx) + (inside & PACKET_L4_MASK);
	void *start = ctx_start(ctx);
	bool checksum;

	if ((void *)(ports + 4) > ctx_end(ctx) || start + l3 + sizeof(struct ipv6hdr) > ctx_end(ctx) ||
	    start + header + (packet->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) > ctx_end(ctx))
		return VERDICT_DROP_INTERNAL;
	if (packet->key.protocol == IPPROTO_ICMP) {
		ports[2] = packet->kind == PACKET_ECHO_REQUEST ? flow->destination_port : flow->source_port;
	} else {
		ports[0] = flow->destination_port;
		ports[1] = flow->source_port;
	}
	checksum = icmp_inside_checksum(ctx, packet, flow, inside);
	start = ctx_start(ctx);
	if (packet->v6) {
		if (start + header + sizeof(struct ipv6hdr) > ctx_end(ctx))
			return VERDICT_DROP_INTERNAL;
	} else if (start + header + sizeof(struct iphdr) > ctx_end(ctx)) {
		return VERDICT_DROP_INTERNAL;
	}
	icmp_inside_addresses(start + header, packet, flow);
	if (start + l3 + sizeof(struct ipv6hdr) > ctx_end(ctx) || start + sizeof(struct ethhdr) > ctx_end(ctx))
		return VERDICT_DROP_INTERNAL;
	outer = icmp_outer(start + l3, packet, flow);
	link_addresses(start, flow);
	if (ctx_l4_checksum(ctx, l4 + 2, packet->v6 ? outer : 0,
			    checksum_fold(icmp_inside_change(packet, flow, checksum)), false))
		return VERDICT_DROP_INTERNAL;
	return VERDICT_FORWARD;
}

/* Whether a socket of this machine has sent the packet inside: that of a service whose messages end here, at an address
 * that others share with it. */
rarely bool icmp_of_socket(ctx_t *ctx, const struct packet *packet)
{
	struct bpf_sock_tuple tuple = {};
	__u32 length = sizeof(tuple.ipv4);
	const struct flow_key *key;
	struct bpf_sock *socket;

	if (!packet || packet->key.protocol != IPPROTO_UDP)
		return false;
	key = &packet->key;
	if (packet->v6) {
		length = sizeof(tuple.ipv6);
		__builtin_memcpy(tuple.ipv6.saddr, &key->source, sizeof(tuple.ipv6.saddr));
		__builtin_memcpy(tuple.ipv6.daddr, &key->destination, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.sport = key->source_port;
		tuple.ipv6.dport = key->destination_port;
	} else {
		tuple.ipv4.saddr = key->source.words[3];
		tuple.ipv4.daddr = key->destination.words[3];
		tuple.ipv4.sport = key->source_port;
		tuple.ipv4.dport = key->destination_port;
	}
	socket = bpf_sk_lookup_udp(ctx, &tuple, length, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return false;
	bpf_sk_release(socket);
	return true;
}

/* Does all there is to do for an error: finds the flow, routes and translates. */
inline_always enum verdict icmp_error(ctx_t *ctx, struct packet *packet, const struct settings *settings,
				      struct scratch *room)
{
	__u32 inside = packet_l4(packet) + ICMP_HEADER;
	const struct flow *found;
	enum verdict verdict;

	if (packet->fragment)
		return parse_refuse(packet, VERDICT_DROP_FRAGMENT, VERDICT_PASS_PROTOCOL);
	ctx_pull(ctx, ICMP_PULL);
	room->other_key = packet->key;
	inside = packet->v6 ? icmp_inside_v6(ctx, packet, inside) : icmp_inside_v4(ctx, packet, inside);
	if (!inside || !icmp_inside_ports(ctx, packet, inside)) {
		packet->key = room->other_key;
		return VERDICT_PASS_PROTOCOL;
	}
	packet->digest = hash_digest(&packet->key);
	found = flow_find(&packet->key, packet_tag(packet));
	if (!found && icmp_of_socket(ctx, packet))
		return VERDICT_PASS_NOT_SERVICE;
	if (!found)
		return parse_refuse(packet, VERDICT_DROP_ICMP_NO_FLOW, VERDICT_PASS_PROTOCOL);
	verdict = parse_check(ctx, packet);
	if (verdict)
		return verdict;
	room->flow = *found;
	barrier();
	if (room->flow.tag != packet_tag(packet))
		return VERDICT_DROP_ICMP_NO_FLOW;
	if (flow_action(&room->flow) == ACTION_NAT64 || flow_action(&room->flow) == ACTION_NAT46)
		return punt(ctx, packet, &room->flow, PUNT_ICMP_ERROR);
	verdict = route(ctx, packet, &room->flow, settings);
	if (verdict)
		return verdict;
	if (unlikely(explain))
		trace_translation(TRACE_TRANSLATED, flow_action(&room->flow), packet, &room->flow);
	if (!flow_has_partner(&room->flow))
		return translate_other(ctx, packet, &room->flow);
	return icmp_translate(ctx, packet, &room->flow, inside);
}
