/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Uplink classifiers: what a user sends to a local place leaves its tunnel here and is routed; what comes from there
 * gets the tunnel of the way back. Whatever else there is about the tunnel is the user plane's, and goes on to it. */
#pragma once
#include "encap.h"
#include "user.h"

enum uplink_values {
	UPLINK_GTPU = 16,                              /* header, optional part, PDU session container */
	UPLINK_GROWTH = sizeof(struct udphdr) + UPLINK_GTPU, /* beside the IP header */
	UPLINK_PDU_SESSION = 0x85,                     /* extension header type (TS 38.415) */
	UPLINK_QFI = 0x3f,
};

struct uplink_header {
	__be16 source;
	__be16 dest;
	__be16 length;
	__be16 checksum; /* 0: over IPv4; over IPv6 where it is not known without reading all (RFC 6935, RFC 6936) */
	struct gtpu gtpu;
	__be32 next;      /* no sequence number, and which extension header follows */
	__u8 container[4]; /* its length, PDU type 0, QFI, and that nothing follows */
};
_Static_assert(sizeof(struct uplink_header) == UPLINK_GROWTH, "uplink_header");

/* The QFI of a place that is local; NULL: it is none. The trie frees an entry after a grace period. */
inline_always const __u8 *uplink_classifier(struct scratch *room, __u32 places, const struct address *place)
{
	struct source_key *key = &room->source_key;

	key->prefix_bits = 8 * (sizeof(key->service) + sizeof(key->address));
	key->service = bpf_htonl(places);
	key->address = *place;
	return bpf_map_lookup_elem(&classifiers, key);
}

inline_always bool uplink_may_be(const struct packet *packet)
{
	return packet->key.protocol == IPPROTO_UDP && !packet->fragment &&
	       packet->key.destination_port == bpf_htons(GTPU_PORT);
}

/* IPv4 with options is not for us: its checksum is dear. */
inline_always bool uplink_read_v4(const struct iphdr *ip, void *end, struct uplink_inner *inner)
{
	const __u32 *words = (const __u32 *)ip;

	if ((void *)(ip + 1) > end || *(const __u8 *)ip != 0x45 || ip->ttl <= 1)
		return false;
	if (checksum_fold((__u64)words[0] + words[1] + words[2] + words[3] + words[4]) != 0xffff)
		return false;
	address_from_v4(&inner->source, ip->saddr);
	address_from_v4(&inner->destination, ip->daddr);
	inner->length = bpf_ntohs(ip->tot_len);
	inner->protocol = ip->protocol;
	inner->tos = ip->tos;
	inner->v6 = false;
	return inner->length >= sizeof(*ip);
}

inline_always bool uplink_read_v6(const struct ipv6hdr *ip, void *end, struct uplink_inner *inner)
{
	if ((void *)(ip + 1) > end || ip->version != 6 || ip->hop_limit <= 1)
		return false;
	__builtin_memcpy(&inner->source, &ip->saddr, 16);
	__builtin_memcpy(&inner->destination, &ip->daddr, 16);
	inner->length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	inner->protocol = ip->nexthdr;
	inner->tos = bpf_ntohs(*(const __be16 *)ip) >> 4;
	inner->v6 = true;
	return !address_is_v4(&inner->source) && !address_is_v4(&inner->destination);
}

/* Reads a G-PDU that is as it should be. */
rarely bool uplink_read(ctx_t *ctx, const struct packet *packet, struct uplink_inner *inner)
{
	struct gtpu found = {};
	const __u8 *ip;
	__u32 ends, content, at = GTPU_HEADER;

	if (!packet || !inner || gtpu_check(ctx, packet, &found, &content) || found.type != GTPU_G_PDU)
		return false;
	ends = bpf_ntohs(found.length) + GTPU_HEADER;
	if (found.flags & GTPU_EXTENDED)
		at = gtpu_extensions(ctx, packet, ends);
	else if (found.flags & GTPU_OPTIONAL)
		at = GTPU_LONG_HEADER;
	at &= GTPU_AT_MASK;
	inner->at = at;
	ip = (const __u8 *)gtpu_of(ctx, packet) + at;
	if ((void *)(ip + 1) > ctx_end(ctx))
		return false;
	if (!(*ip >> 4 == 4 ? uplink_read_v4((const void *)ip, ctx_end(ctx), inner)
			    : uplink_read_v6((const void *)ip, ctx_end(ctx), inner)))
		return false;
	return at + inner->length <= ends;
}

enum uplink_tries { UPLINK_TRIES = 2 }; /* an entry that is replaced while it is read is looked up again */

inline_always bool uplink_same_user(const struct uplink *tunnel, const struct uplink_inner *inner)
{
	if (!inner->v6)
		return tunnel->user_v4 == inner->source.words[3];
	return *(const __u64 *)tunnel->user_v6 == *(const __u64 *)&inner->source;
}

/* The tunnel that a packet comes by, and a copy of what is said of it. A deleted element may at once be another key's:
 * the tag, its first word, is compared behind all that is read. */
inline_always struct uplink *uplink_find(ctx_t *ctx, const struct packet *packet, struct uplink *copy)
{
	const __u64 *halves = (const __u64 *)&packet->key.destination;
	const struct gtpu *message;
	struct uplink_key key;
	struct uplink *found;
	__u64 *words = (__u64 *)&key;

	ctx_pull(ctx, packet_l4(packet) + sizeof(struct udphdr) + GTPU_PULL);
	message = gtpu_of(ctx, packet);
	if ((void *)(message + 1) > ctx_end(ctx) || message->type != GTPU_G_PDU)
		return NULL;
	words[0] = halves[0];
	words[1] = halves[1];
	words[2] = message->teid;
	copy->tag = hash_tag(&key, sizeof(key));
	for (int i = 0; i < UPLINK_TRIES; i++) {
		found = bpf_map_lookup_elem(&uplinks, &key);
		if (!found)
			return NULL;
		copy->places = found->places;
		copy->user_v4 = found->user_v4;
		*(__u64 *)copy->user_v6 = *(const __u64 *)found->user_v6;
		barrier();
		if (likely(found->tag == copy->tag))
			return found;
	}
	return NULL;
}

/* Takes the packet out: its link header is written anew, and it is one hop further. */
inline_always enum verdict uplink_take_out(ctx_t *ctx, const struct packet *packet, const struct flow *flow,
					   const struct uplink_inner *inner)
{
	__u32 l3 = packet_l3(packet);
	__u32 bytes = packet_l4(packet) - l3 + sizeof(struct udphdr) + (inner->at & GTPU_AT_MASK);
	struct packet hop = {};
	struct link_tags tags = {};

	if (unlikely(l3 != sizeof(struct ethhdr)))
		link_save(ctx, l3, &tags);
	if (ctx_decapsulate(ctx, bytes, l3, packet->v6, inner->v6))
		return VERDICT_DROP_NOT_TRANSLATABLE;
	hop.l3 = l3;
	hop.v6 = inner->v6;
	if (link_write(ctx, l3, &tags, flow, inner->v6) || encap_inner(ctx, &hop))
		return VERDICT_DROP_INTERNAL;
	return VERDICT_FORWARD;
}

inline_always __u32 uplink_template(const struct address *address)
{
	const __u64 *halves = (const __u64 *)address;
	__u64 digest = session_digest(halves[0] ^ halves[1]);

	return SESSION_TEMPLATES / 2 + (hash_finish(digest, 0) & (SESSION_TEMPLATES / 2 - 1));
}

/* The packet inside is asked about, not the one around it. */
inline_always enum verdict uplink_route(ctx_t *ctx, struct packet *packet, struct flow *flow,
					const struct settings *settings, const struct uplink_inner *inner)
{
	__u32 unit = packet->unit;
	__u8 protocol = packet->key.protocol, tos = packet->tos;
	enum verdict verdict;

	packet->unit = inner->length;
	packet->key.protocol = inner->protocol;
	packet->tos = inner->tos;
	verdict = route(ctx, packet, flow, settings);
	packet->unit = unit;
	packet->key.protocol = protocol;
	packet->tos = tos;
	/* Too long for the local way: the user plane tells the user, or takes it elsewhere. */
	return verdict == VERDICT_DROP_MTU ? SESSION_NONE : verdict;
}

/* Who may not use the service that has the tunnels may not leave them either. Without one, only martians may not. */
inline_always enum verdict uplink_filter(const struct packet *packet, struct scratch *room)
{
	enum verdict verdict = session_service(packet, room);

	if (unlikely(verdict == VERDICT_PASS_NOT_SERVICE)) {
		room->service.flags = 0;
		verdict = VERDICT_CONTINUE;
	}
	return likely(!verdict) ? filter(packet, &room->service) : verdict;
}

/* SESSION_NONE: it goes on as it came. */
inline_always enum verdict uplink(ctx_t *ctx, struct packet *packet, struct scratch *room)
{
	const struct settings *settings = settings_get();
	struct uplink_inner *inner = &room->inner;
	struct session_template *template;
	struct uplink *found, tunnel;
	enum verdict verdict;
	struct flow *flow;

	if (!settings)
		return VERDICT_DROP_INTERNAL;
	found = uplink_find(ctx, packet, &tunnel);
	if (!found || ctx_segment_payload(ctx) || parse_check(ctx, packet) || !uplink_read(ctx, packet, inner) ||
	    !uplink_same_user(&tunnel, inner) || !uplink_classifier(room, tunnel.places, &inner->destination))
		return SESSION_NONE;
	verdict = uplink_filter(packet, room);
	if (verdict)
		return verdict;
	room->template = uplink_template(&inner->destination);
	template = session_template(packet, room->template, &inner->destination, 0);
	if (!template)
		return VERDICT_DROP_INTERNAL;
	flow = &template->flow;
	flow->service = 0;
	flow->source = inner->source;
	flow->source_port = 0;
	flow->destination_port = 0;
	flow->flags = 0;
	verdict = uplink_route(ctx, packet, flow, settings, inner);
	if (verdict)
		return verdict;
	verdict = uplink_take_out(ctx, packet, flow, inner);
	/* Packets of one session may come in on several CPUs. Should the element be another's by now, this sees it, but
	 * for the moment between two lines: then a packet is counted there, and nothing else comes of it. */
	barrier();
	if (likely(verdict == VERDICT_FORWARD && found->tag == tunnel.tag)) {
		__sync_fetch_and_add(&found->packets, 1);
		__sync_fetch_and_add(&found->bytes, inner->length);
	}
	return verdict;
}

/* Of the user that a packet is for. */
inline_always struct downlink *downlink_find(const struct address *user, __u32 *tag)
{
	struct address prefix __attribute__((aligned(8))); /* it is read by the word */

	user_prefix(&prefix, user);
	*tag = hash_tag(&prefix, sizeof(prefix));
	return bpf_map_lookup_elem(&downlinks, &prefix);
}

/* Whether the packet, as one from `source`, comes from a local place of the user it is for. Then QFI and a copy of the
 * way back, made as that of uplink_find(), are in the scratch room. */
rarely bool downlink_is(const struct packet *packet, const struct address *source)
{
	struct scratch *room = scratch_get();
	const struct downlink *found;
	const __u8 *qfi;
	__u32 tag;

	if (!packet || !source || !room)
		return false;
	for (int i = 0; i < UPLINK_TRIES; i++) {
		found = downlink_find(&packet->key.destination, &tag);
		if (!found)
			return false;
		room->downlink = *found;
		barrier();
		if (unlikely(found->tag != tag))
			continue;
		qfi = uplink_classifier(room, room->downlink.places, source);
		room->downlink_qfi = qfi ? *qfi : 0;
		return qfi;
	}
	return false;
}

/* See the end of uplink(). */
inline_always void downlink_count(const struct packet *packet)
{
	__u32 tag;
	struct downlink *found = downlink_find(&packet->key.destination, &tag);

	if (unlikely(!found || found->tag != tag))
		return;
	__sync_fetch_and_add(&found->packets, 1);
	__sync_fetch_and_add(&found->bytes, packet->length);
}

inline_always void downlink_write_v4(struct iphdr *ip, const struct packet *packet, const struct flow *flow)
{
	const __u32 *words = (const __u32 *)ip;

	*(__u8 *)ip = 0x45;
	ip->tos = packet->tos;
	ip->tot_len = bpf_htons(packet->length + sizeof(*ip) + UPLINK_GROWTH);
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = ENCAP_TTL;
	ip->protocol = IPPROTO_UDP;
	ip->check = 0;
	ip->saddr = flow->source.words[3];
	ip->daddr = flow->destination.words[3];
	ip->check = ~checksum_fold((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
}

inline_always void downlink_write_v6(struct ipv6hdr *ip, const struct packet *packet, const struct flow *flow)
{
	*(__be32 *)ip = bpf_htonl(6U << 28 | (__u32)packet->tos << 20 | (packet->digest >> 44));
	ip->payload_len = bpf_htons(packet->length + UPLINK_GROWTH);
	ip->nexthdr = IPPROTO_UDP;
	ip->hop_limit = ENCAP_TTL;
	__builtin_memcpy(&ip->saddr, &flow->source, sizeof(flow->source));
	__builtin_memcpy(&ip->daddr, &flow->destination, sizeof(flow->destination));
}

/* Its source port varies with what is inside (TS 29.281, 4.4.2.3), so that receive queues share the load. */
inline_always void downlink_write_gtpu(struct uplink_header *header, const struct packet *packet, __be32 teid, __u8 qfi)
{
	header->source = bpf_htons(ENCAP_PORTS | ((packet->digest >> 40) & 0x3fff));
	header->dest = bpf_htons(GTPU_PORT);
	header->length = bpf_htons(packet->length + sizeof(*header));
	header->checksum = 0;
	header->gtpu.flags = GTPU_VERSION | GTPU_EXTENDED;
	header->gtpu.type = GTPU_G_PDU;
	header->gtpu.length = bpf_htons(packet->length + UPLINK_GTPU - GTPU_HEADER);
	header->gtpu.teid = teid;
	header->next = bpf_htonl(UPLINK_PDU_SESSION);
	header->container[0] = 1;
	header->container[1] = 0;
	header->container[2] = qfi & UPLINK_QFI;
	header->container[3] = 0;
}

/* Whether all that follows the header is under a checksum. */
inline_always bool downlink_is_checked(const struct udphdr *udp, __u8 protocol, bool v6, __u32 bytes)
{
	if (protocol == IPPROTO_UDP)
		return udp->check && bpf_ntohs(udp->len) == bytes;
	return protocol == IPPROTO_TCP || protocol == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* What a packet that goes inside adds to a checksum around it: its own checksums make that known without its bytes
 * being read. False: it has none, or only together with other fragments. */
rarely bool downlink_sum(ctx_t *ctx, const struct packet *packet, __u64 *sum)
{
	const struct ipv6hdr *v6;
	const struct udphdr *udp;
	const struct iphdr *v4;
	__u32 header, bytes;
	__u8 protocol;

	if (!packet || !sum)
		return false;
	header = packet_l4(packet) - packet_l3(packet);
	bytes = packet->length - header;
	v4 = ctx_start(ctx) + packet_l3(packet);
	v6 = (const void *)v4;
	udp = ctx_start(ctx) + packet_l4(packet);
	if ((void *)(v4 + 1) > ctx_end(ctx) || (void *)(udp + 1) > ctx_end(ctx))
		return false;
	if (packet->v6) {
		if ((void *)(v6 + 1) > ctx_end(ctx) || header != sizeof(*v6))
			return false;
		/* Addresses and length stand in what the checksum inside covers, and are gone from the sum. */
		protocol = v6->nexthdr;
		*sum = (__u64)*(const __u32 *)v6 + bpf_htons(protocol << 8 | v6->hop_limit) +
		       (__u16)~bpf_htons(protocol);
		return downlink_is_checked(udp, protocol, true, bytes);
	}
	/* The header's own sum is nothing, in ones' complement, and so is that of ICMP. */
	protocol = v4->protocol;
	*sum = 0;
	if (protocol != IPPROTO_ICMP)
		*sum = (__u64)(__u32)~v4->saddr + (__u32)~v4->daddr + (__u16)~bpf_htons(protocol) +
		       (__u16)~bpf_htons(bytes);
	return !(v4->frag_off & bpf_htons(0x3fff)) && downlink_is_checked(udp, protocol, false, bytes);
}

/* Over IPv6, where receivers want a checksum (RFC 8200, 8.1). `sum`: that of the packet inside. */
inline_always __be16 downlink_checksum(const struct uplink_header *header, const struct flow *flow, __u64 sum)
{
	const __u32 *words = (const __u32 *)header;
	__u16 folded;

	sum += checksum_address(&flow->source) + checksum_address(&flow->destination);
	sum += (__u64)header->length + bpf_htons(IPPROTO_UDP);
	for (__u32 i = 0; i < sizeof(*header) / sizeof(*words); i++)
		sum += words[i];
	folded = ~checksum_fold(sum);
	return folded ? folded : 0xffff;
}

inline_always enum verdict downlink_put_in(ctx_t *ctx, const struct packet *packet, const struct flow *flow,
					   __be32 teid, __u8 qfi)
{
	bool v6 = !address_is_v4(&flow->destination);
	__u32 l3 = packet_l3(packet), outer = v6 ? ROUTE_V6 : ROUTE_V4;
	struct uplink_header *header;
	struct link_tags tags = {};
	bool is_known;
	__u64 sum = 0;
	void *start;

	if (ctx_segment_payload(ctx)) /* each of its segments needs a length of its own */
		return VERDICT_DROP_GSO;
	if (encap_inner(ctx, packet))
		return VERDICT_DROP_INTERNAL;
	is_known = v6 && downlink_sum(ctx, packet, &sum);
	if (unlikely(l3 != sizeof(struct ethhdr)))
		link_save(ctx, l3, &tags);
	if (ctx_encapsulate(ctx, outer + UPLINK_GROWTH, l3, v6, true, false))
		return VERDICT_DROP_NOT_TRANSLATABLE;
	if (link_write(ctx, l3, &tags, flow, v6))
		return VERDICT_DROP_INTERNAL;
	start = ctx_start(ctx) + l3;
	if (start + ROUTE_V6 + UPLINK_GROWTH > ctx_end(ctx))
		return VERDICT_DROP_INTERNAL;
	if (v6)
		downlink_write_v6(start, packet, flow);
	else
		downlink_write_v4(start, packet, flow);
	header = start + outer;
	downlink_write_gtpu(header, packet, teid, qfi);
	if (is_known)
		header->checksum = downlink_checksum(header, flow, sum);
	return VERDICT_FORWARD;
}

inline_always enum verdict downlink(ctx_t *ctx, struct packet *packet, struct scratch *room)
{
	const struct settings *settings = settings_get();
	const struct downlink *back = &room->downlink;
	struct session_template *template;
	enum verdict verdict;
	struct flow *flow;

	if (!settings)
		return VERDICT_DROP_INTERNAL;
	if (likely(!room->answers))
		user_parse(ctx, packet);
	verdict = parse_check(ctx, packet);
	if (verdict)
		return verdict;
	room->template = uplink_template(&back->access);
	template = session_template(packet, room->template, &back->access, 0);
	if (!template)
		return VERDICT_DROP_INTERNAL;
	flow = &template->flow;
	flow->service = 0;
	flow->source = back->core;
	flow->source_port = 0;
	flow->destination_port = bpf_htons(GTPU_PORT);
	flow->flags = ACTION_ENCAP_GTPU << FLOW_ACTION_SHIFT;
	verdict = route(ctx, packet, flow, settings);
	if (verdict)
		return verdict;
	if (unlikely(room->answers)) {
		verdict = answer_translate(ctx, packet);
		if (verdict)
			return verdict;
	}
	verdict = downlink_put_in(ctx, packet, flow, back->teid, room->downlink_qfi);
	if (likely(verdict == VERDICT_FORWARD))
		downlink_count(packet);
	return verdict;
}
