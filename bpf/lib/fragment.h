/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Datagrams in pieces. The first fragment has ports and teaches the rest. While they come in order, each one follows
 * here; from the first that does not, the rest goes through user space, which has room to compare them. XDP leaves
 * fragments to TC: it would see a second one before TC has seen the first. */
#pragma once
#include "clock.h"
#include "masquerade.h"
#include "punt.h"
#include "vip.h"

enum fragment_limits {
	FRAGMENT_SECONDS_SHIFT = 5, /* remembered for about 32 seconds, longer than any host waits for the rest */
	FRAGMENT_LONGEST = 65535,   /* bytes of a datagram */
};

inline_always __u32 fragment_payload(const struct packet *packet)
{
	return packet->length - (packet->l4 - packet->l3);
}

inline_always __u32 fragment_start(const struct packet *packet)
{
	return (packet->fragment & FRAGMENT_OFFSET) * 8;
}

inline_always const struct fragment_key *fragment_key(const struct packet *packet, struct scratch *room)
{
	struct fragment_key *key = &room->fragment_key;

	key->source = packet->key.source;
	key->destination = packet->key.destination;
	key->id = packet->fragment_id;
	key->zone = packet->key.zone;
	key->protocol = packet->key.protocol;
	key->reserved = 0;
	return key;
}

inline_always bool fragment_is_fresh(const struct packet *packet, const struct fragment *known)
{
	return clock_since(packet->now, known->seen) >> route_shift < 1U << FRAGMENT_SECONDS_SHIFT;
}

/* To an address of a service, or from one of an endpoint; masqueraded, or an answer to that. */
inline_always bool fragment_may_be_ours(const struct packet *packet)
{
	const struct settings *settings = settings_get();

	return vip_of(&packet->key.destination, packet->key.zone) & (VIP_COUNT | VIP_POOL) ||
	       vip_of(&packet->key.source, packet->key.zone) & VIP_ENDPOINT ||
	       (settings && settings->features & FEATURE_MASQUERADE && masquerade_takes(packet, scratch_get()));
}

/* A later one of which nothing is known: the first is still to come, if any of this is for us. */
inline_always enum verdict fragment_early(ctx_t *ctx, const struct packet *packet, const struct fragment_key *key)
{
	struct fragment held = {};
	enum verdict verdict;

	if (!fragment_may_be_ours(packet))
		return VERDICT_PASS_PROTOCOL;
	held.seen = packet->now;
	held.state = FRAGMENT_HELD;
	verdict = punt(ctx, packet, NULL, PUNT_FRAGMENT);
	if (verdict == VERDICT_PUNT)
		bpf_map_update_elem(&fragments, key, &held, BPF_ANY);
	return verdict;
}

inline_always enum verdict fragment_follow(ctx_t *ctx, struct packet *packet, struct fragment *known,
					   struct scratch *room)
{
	__u32 start = fragment_start(packet), end = start + fragment_payload(packet);

	if (known->state == FRAGMENT_DROP)
		return VERDICT_DROP_FRAGMENT;
	if (known->state == FRAGMENT_PASS)
		return VERDICT_PASS_NOT_SERVICE;
	if (known->state == FRAGMENT_KNOWN && start < known->ends) {
		known->state = FRAGMENT_DROP;
		return VERDICT_DROP_FRAGMENT_OVERLAP;
	}
	if (known->state != FRAGMENT_KNOWN || start > known->ends) {
		known->state = FRAGMENT_HELD;
		return punt(ctx, packet, NULL, PUNT_FRAGMENT);
	}
	known->ends = end;
	room->session_endpoint = known->endpoint;
	packet->key.source_port = known->source_port;
	packet->key.destination_port = known->destination_port;
	if (packet->key.protocol == IPPROTO_ICMP)
		packet->kind = known->source_port ? PACKET_ECHO_REQUEST : PACKET_ECHO_REPLY;
	return VERDICT_CONTINUE;
}

/* A later fragment: gives the packet the ports of its first one, or a verdict. */
rarely enum verdict fragment_later(ctx_t *ctx, struct packet *packet)
{
	struct scratch *room = scratch_get();
	const struct fragment_key *key;
	struct fragment *known;

	if (CTX_HAS_NEXT)
		return VERDICT_TO_TC_FRAGMENT;
	if (!packet || !room)
		return VERDICT_DROP_INTERNAL;
	if (fragment_start(packet) + fragment_payload(packet) > FRAGMENT_LONGEST ||
	    (packet->fragment & FRAGMENT_MORE && fragment_payload(packet) & 7))
		return VERDICT_DROP_MALFORMED;
	key = fragment_key(packet, room);
	known = bpf_map_lookup_elem(&fragments, key);
	if (!known || !fragment_is_fresh(packet, known))
		return fragment_early(ctx, packet, key);
	known->seen = packet->now;
	return fragment_follow(ctx, packet, known, room);
}

/* What the rest will do; 0: nobody asks. What is not for us is remembered where the rest would be taken for ours. */
inline_always __u8 fragment_taught(const struct packet *packet, enum verdict verdict)
{
	if (verdict == VERDICT_FORWARD)
		return FRAGMENT_KNOWN;
	if (verdict > VERDICT_PUNT)
		return FRAGMENT_DROP;
	if (verdict != VERDICT_PASS_NOT_SERVICE && verdict != VERDICT_PASS_TTL)
		return 0;
	return fragment_may_be_ours(packet) ? FRAGMENT_PASS : 0;
}

/* A first fragment whose fate is known: the rest follows. */
rarely int fragment_teach(const struct packet *packet, enum verdict verdict)
{
	struct scratch *room = scratch_get();
	const struct fragment_key *key;
	struct fragment fragment = {};
	const struct fragment *known;

	if (CTX_HAS_NEXT || !packet || !room || packet_is_later_fragment(packet))
		return 0;
	fragment.state = fragment_taught(packet, verdict);
	if (!fragment.state)
		return 0;
	key = fragment_key(packet, room);
	known = bpf_map_lookup_elem(&fragments, key);
	fragment.seen = packet->now;
	if (verdict == VERDICT_FORWARD && known && known->state == FRAGMENT_HELD && fragment_is_fresh(packet, known))
		fragment.state = FRAGMENT_HELD; /* later ones wait in user space: those to come go there too */
	fragment.verdict = verdict;
	fragment.ends = fragment_payload(packet);
	fragment.source_port = packet->key.source_port;
	fragment.destination_port = packet->key.destination_port;
	fragment.endpoint = room->session_endpoint; /* of an earlier packet, where this one has a flow: not asked for */
	return bpf_map_update_elem(&fragments, key, &fragment, BPF_ANY);
}
