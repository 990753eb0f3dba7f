/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fragments are not balanced yet. The first one has ports: it is found to be for a service or flow and dropped, and
 * teaches the rest, which have none. */
#pragma once
#include "clock.h"

enum fragment_bits {
	FRAGMENT_OFFSET = 0x1fff,
	FRAGMENT_MORE = 0x2000,
	FRAGMENT_SECONDS_SHIFT = 5, /* remembered for about 32 seconds, longer than any host waits for the rest */
};

inline_always void fragment_key(struct fragment_key *key, const struct packet *packet, const struct iphdr *ip)
{
	key->source = packet->key.source;
	key->destination = packet->key.destination;
	key->id = ip->id;
	key->protocol = ip->protocol;
	key->reserved = 0;
}

rarely void fragment_remember(const struct packet *packet, const struct iphdr *ip)
{
	struct fragment_key key;
	__u32 now = packet->now;

	fragment_key(&key, packet, ip);
	bpf_map_update_elem(&fragments, &key, &now, BPF_ANY);
}

rarely bool fragment_was_dropped(const struct packet *packet, const struct iphdr *ip)
{
	struct fragment_key key;
	const __u32 *dropped;

	fragment_key(&key, packet, ip);
	dropped = bpf_map_lookup_elem(&fragments, &key);
	return dropped && clock_since(packet->now, *dropped) >> route_shift < 1U << FRAGMENT_SECONDS_SHIFT;
}
