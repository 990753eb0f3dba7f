/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Egress masquerade: what inside clients send to the outside, and nothing else, is for a service whose endpoint is
 * "where it goes anyway". */
#pragma once
#include "maps.h"
#include "vip.h"

/* The service of the most specific prefix that has the address; NULL: it is not inside. The trie frees an entry only
 * after a grace period. */
inline_always const struct service *masquerade_of(const struct address *address, __u8 protocol, struct scratch *room)
{
	struct source_key *key = &room->source_key;

	key->prefix_bits = 8 * (sizeof(key->service) + sizeof(key->address));
	key->service = bpf_htonl(protocol);
	key->address = *address;
	return bpf_map_lookup_elem(&masquerades, key);
}

/* Not multicast, not broadcast, nothing that stays on its link or its machine. */
inline_always bool masquerade_is_routed(const struct address *address)
{
	__u32 v4 = bpf_ntohl(address->words[3]);

	if (address_is_v4(address))
		return v4 >> 24 && v4 >> 24 != 127 && v4 >> 16 != 0xa9fe && v4 < 0xe0000000;
	if (address->bytes[0] == 0xff || (address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80))
		return false;
	return address->words[0] || address->words[1] || address->words[2] || v4 > 1;
}

/* Whether the packet is an inside client's to the outside; its service is copied into the scratch room. */
rarely bool masquerade_takes(const struct packet *packet, struct scratch *room)
{
	const struct service *found;
	struct vip_key key = {};

	if (!packet || !room)
		return false;
	found = masquerade_of(&packet->key.source, packet->key.protocol, room);
	if (!found || !masquerade_is_routed(&packet->key.destination))
		return false;
	if (vip_of(&packet->key.destination, packet->key.zone) & (VIP_COUNT | VIP_POOL))
		return false;
	key.address = packet->key.destination;
	key.zone = packet->key.zone;
	if (bpf_map_lookup_elem(&local_addresses, &key))
		return false;
	if (masquerade_of(&packet->key.destination, packet->key.protocol, room))
		return false;
	room->service = *found;
	return true;
}
