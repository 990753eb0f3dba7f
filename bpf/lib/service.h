/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The service a new flow is for. */
#pragma once
#include "maps.h"
#include "hash.h"
#include "masquerade.h"

inline_always __u32 service_tag(const struct service_key *key)
{
	return hash_tag(key, sizeof(*key));
}

/* The socket of a service: an address and port of the packet. Word by word, see address_from_v4(). */
inline_always void service_key(struct service_key *key, const struct packet *packet, const struct address *address,
			       __be16 port)
{
	__u64 *words = (__u64 *)key;
	const __u64 *halves = (const __u64 *)address;

	words[0] = halves[0];
	words[1] = halves[1];
	words[2] = port | (__u32)packet->key.zone << 16 | (__u64)packet->key.protocol << 32;
}

/* A copy, because the control plane may replace the entry at any time; then it is looked up again. */
inline_always enum verdict service_copy(const struct service_key *key, struct service *service)
{
	const struct service *found;

	for (int i = 0; i < 2; i++) {
		found = bpf_map_lookup_elem(&services, key);
		if (!found)
			return VERDICT_PASS_NOT_SERVICE;
		*service = *found;
		barrier();
		if (likely(service->tag == service_tag(key)))
			return VERDICT_CONTINUE;
	}
	return VERDICT_DROP_INTERNAL;
}

enum service_range_bits {
	SERVICE_RANGE_BITS = 8 * (sizeof(struct address) + 2 + 1 + 2), /* all of service_range_key that is compared */
};

/* A service with a range of ports, or with any port. The trie frees an entry only after a grace period. */
rarely enum verdict service_in_range(const struct packet *packet, struct scratch *room, const struct address *vip)
{
	struct service_range_key *key;
	const struct service *found;

	if (!packet || !room || !vip)
		return VERDICT_DROP_INTERNAL;
	key = &room->range_key;
	key->prefix_bits = SERVICE_RANGE_BITS;
	key->address = *vip;
	key->zone = packet->key.zone;
	key->protocol = packet->key.protocol;
	__builtin_memcpy(key->port, &packet->key.destination_port, sizeof(key->port));
	key->reserved = 0;
	found = bpf_map_lookup_elem(&service_ranges, key);
	if (!found)
		return VERDICT_PASS_NOT_SERVICE;
	room->service = *found;
	return VERDICT_CONTINUE;
}

/* A service on every address of this machine. */
rarely enum verdict service_of_host(const struct packet *packet, struct scratch *room, bool ranges)
{
	struct service_key key = {};
	struct vip_key local = {};
	enum verdict verdict;

	if (!packet || !room)
		return VERDICT_DROP_INTERNAL;
	local.address = packet->key.destination;
	local.zone = packet->key.zone;
	if (!bpf_map_lookup_elem(&local_addresses, &local))
		return VERDICT_PASS_NOT_SERVICE;
	if (address_is_v4(&local.address))
		address_from_v4(&key.address, 0);
	key.port = packet->key.destination_port;
	key.zone = packet->key.zone;
	key.protocol = packet->key.protocol;
	verdict = service_copy(&key, &room->service);
	return verdict == VERDICT_PASS_NOT_SERVICE && ranges ? service_in_range(packet, room, &key.address) : verdict;
}

enum service_marks { SERVICE_MARK_WORD = 0xfffe }; /* third word of the address under which a mark's service stands */

rarely enum verdict service_of_mark(__u32 mark, const struct packet *packet, struct service *service)
{
	struct service_key key = {};

	if (!packet || !service)
		return VERDICT_DROP_INTERNAL;
	key.address.words[2] = bpf_htonl(SERVICE_MARK_WORD);
	key.address.words[3] = bpf_htonl(mark);
	key.zone = packet->key.zone;
	key.protocol = packet->key.protocol;
	return service_copy(&key, service);
}

/* Into scratch.service. By mark, by address and port, by range, by any address of this machine; last, because
 * it takes whatever is left, by who sends it to the outside. */
inline_always enum verdict service_find(ctx_t *ctx, const struct packet *packet, const struct settings *settings,
					struct scratch *room)
{
	struct service_key key;
	enum verdict verdict;

	if (unlikely(settings->features & FEATURE_MARKS)) {
		if (CTX_HAS_NEXT)
			return VERDICT_TO_TC_MARK;
		verdict = VERDICT_PASS_NOT_SERVICE;
		if (ctx_mark(ctx))
			verdict = service_of_mark(ctx_mark(ctx), packet, &room->service);
		if (verdict != VERDICT_PASS_NOT_SERVICE)
			return verdict;
	}
	service_key(&key, packet, &packet->key.destination, packet->key.destination_port);
	verdict = service_copy(&key, &room->service);
	if (likely(verdict != VERDICT_PASS_NOT_SERVICE))
		return verdict;
	if (settings->features & FEATURE_RANGES) {
		verdict = service_in_range(packet, room, &packet->key.destination);
		if (verdict != VERDICT_PASS_NOT_SERVICE)
			return verdict;
	}
	if (settings->features & FEATURE_HOST) {
		verdict = service_of_host(packet, room, settings->features & FEATURE_RANGES);
		if (verdict != VERDICT_PASS_NOT_SERVICE)
			return verdict;
	}
	if (settings->features & FEATURE_MASQUERADE && masquerade_takes(packet, room))
		return VERDICT_CONTINUE;
	return verdict;
}
