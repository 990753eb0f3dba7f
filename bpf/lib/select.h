/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The endpoint a new flow gets: by a hint, by what the client had before, by the fewest connections, or a slot of the
 * service's table. What selection remembers changes only when the flow has been made, so that a packet which XDP hands
 * to TC does not count twice. */
#pragma once
#include "hint.h"
#include "punt.h"
#include "quic.h"

inline_always __u64 select_client_digest(const struct packet *packet)
{
	struct flow_key key = {};

	key.source = packet->key.source;
	return hash_digest(&key);
}

inline_always enum verdict select_member(const struct service *service, __u32 index, __u32 *endpoint_id)
{
	const __u64 *member;

	if (index >= service->member_count)
		return VERDICT_DROP_INTERNAL;
	index += service->member_base;
	member = bpf_map_lookup_elem(&members, &index);
	if (!member)
		return VERDICT_DROP_INTERNAL;
	*endpoint_id = *member;
	return VERDICT_CONTINUE;
}

inline_always enum verdict select_from_slot(const struct service *service, __u32 slot, __u32 *endpoint_id)
{
	__u32 index = service->first_page + slot / SLOTS_PER_PAGE;
	const struct slot_page *page = bpf_map_lookup_elem(&slots, &index);

	if (!page)
		return VERDICT_DROP_INTERNAL;
	index = page->slots[slot % SLOTS_PER_PAGE];
	return index == SLOT_EMPTY ? VERDICT_DROP_NO_ENDPOINT : select_member(service, index, endpoint_id);
}

inline_always enum verdict select_by_hash(const struct service *service, __u64 digest, __u32 *endpoint_id)
{
	if (!service->slot_count)
		return VERDICT_DROP_NO_ENDPOINT;
	return select_from_slot(service, hash_scale(hash_finish(digest, service->seed), service->slot_count),
				endpoint_id);
}

inline_always enum verdict select_in_turn(const struct service *service, __u32 *endpoint_id)
{
	__u32 *cursor = bpf_map_lookup_elem(&cursors, &service->id), slot;

	if (!service->slot_count)
		return VERDICT_DROP_NO_ENDPOINT;
	slot = cursor ? *cursor : 0;
	return select_from_slot(service, slot < service->slot_count ? slot : 0, endpoint_id);
}

inline_always void select_affinity_key(struct affinity_key *key, const struct service *service,
				       const struct packet *packet)
{
	key->client = packet->key.source;
	key->service = service->id;
}

rarely enum verdict select_persist(const struct service *service, const struct packet *packet, __u32 *endpoint_id)
{
	const struct endpoint *endpoint;
	const struct affinity *known;
	struct affinity_key key;
	__u32 id;

	if (!service || !packet || !endpoint_id)
		return VERDICT_DROP_INTERNAL;
	select_affinity_key(&key, service, packet);
	known = bpf_map_lookup_elem(&affinities, &key);
	if (known && clock_since(packet->now, known->seen) < service->affinity_ticks) {
		id = known->endpoint;
		endpoint = bpf_map_lookup_elem(&endpoints, &id);
		if (hint_endpoint_serves(endpoint, service->id) && endpoint->flags & ENDPOINT_ACCEPTS) {
			*endpoint_id = id;
			return VERDICT_CONTINUE;
		}
	}
	return select_by_hash(service, select_client_digest(packet), endpoint_id);
}

rarely int select_remember(const struct service *service, const struct packet *packet, __u32 endpoint)
{
	struct affinity_key key;
	struct affinity value;

	if (!service || !packet)
		return -1;
	value.endpoint = endpoint;
	value.seen = packet->now;
	select_affinity_key(&key, service, packet);
	return bpf_map_update_elem(&affinities, &key, &value, BPF_ANY);
}

struct select_least {
	const struct service *service;
	__u32 start;
	__u32 best;
	__u64 best_active;
	__u32 best_weight; /* 0: none yet */
};

/* One of the endpoints compared: fewer flows for its weight, with the new one counted. */
static long select_least_step(__u32 index, struct select_least *walk)
{
	__u32 at = walk->start + index, id;
	const struct endpoint *endpoint;
	const __s64 *active;
	__u64 flows;

	if (at >= walk->service->member_count)
		at -= walk->service->member_count;
	if (select_member(walk->service, at, &id))
		return 1;
	endpoint = bpf_map_lookup_elem(&endpoints, &id);
	active = bpf_map_lookup_elem(&active_flows, &id);
	if (!endpoint || !active || !(endpoint->flags & ENDPOINT_ACCEPTS) || !endpoint->weight)
		return 0;
	flows = (*active > 0 ? *active : 0) + 1;
	if (walk->best_weight && flows * walk->best_weight >= walk->best_active * endpoint->weight)
		return 0;
	walk->best = id;
	walk->best_active = flows;
	walk->best_weight = endpoint->weight;
	return 0;
}

rarely enum verdict select_least(const struct service *service, const struct packet *packet, __u32 *endpoint_id)
{
	struct select_least walk = {};
	__u32 count;

	if (!service || !packet || !endpoint_id)
		return VERDICT_DROP_INTERNAL;
	count = service->member_count;
	walk.service = service;
	walk.best_weight = loop_zero();
	walk.best_active = loop_zero();
	if (count > LC_SAMPLE) {
		walk.start = hash_scale(hash_finish(packet->digest, service->seed), count);
		count = LC_SAMPLE;
	}
	bpf_loop(count, select_least_step, &walk, 0);
	if (!walk.best_weight) /* none of the sample: the table has those that take flows */
		return select_by_hash(service, packet->digest, endpoint_id);
	*endpoint_id = walk.best;
	return VERDICT_CONTINUE;
}

/* The session key that a service looks for, in the scratch room; of the flow itself, or its client. */
rarely enum verdict select_by_hint(ctx_t *ctx, const struct packet *packet, __u32 *endpoint_id)
{
	struct scratch *room = scratch_get();
	const struct service *service;
	const struct hint *hint;
	struct hint_key *key;

	if (!room || !packet || !endpoint_id)
		return VERDICT_DROP_INTERNAL;
	service = &room->service;
	if (service->hint == HINT_CLIENT) {
		key = hint_key(room, service->id, HINT_CLIENT, sizeof(packet->key.source));
		__builtin_memcpy(key->bytes, &packet->key.source, sizeof(packet->key.source));
	} else {
		key = hint_key(room, service->id, HINT_FLOW, sizeof(packet->digest));
		__builtin_memcpy(key->bytes, &packet->digest, sizeof(packet->digest));
	}
	hint = hint_find(room, packet->now);
	if (hint) {
		*endpoint_id = hint->endpoint;
		return VERDICT_CONTINUE;
	}
	if (service->miss == MISS_DROP)
		return VERDICT_DROP_NO_HINT;
	if (service->miss == MISS_PASS)
		return VERDICT_PASS_NOT_SERVICE;
	return select_by_hash(service, service->hint == HINT_CLIENT ? select_client_digest(packet) : packet->digest,
			      endpoint_id);
}

/* By the server id of a connection id; by a hash where it says nothing. */
rarely enum verdict select_quic(ctx_t *ctx, const struct packet *packet, __u32 *endpoint_id)
{
	struct scratch *room = scratch_get();
	const struct service *service;
	const struct hint *hint = NULL;
	struct hint_key *key;
	bool routable;

	if (!room || !packet || !endpoint_id)
		return VERDICT_DROP_INTERNAL;
	service = &room->service;
	if (service->flags & SERVICE_QUIC_ENCRYPTED) {
		key = hint_key(room, service->id, HINT_FLOW, sizeof(packet->digest));
		__builtin_memcpy(key->bytes, &packet->digest, sizeof(packet->digest));
		hint = hint_find(room, packet->now);
		if (!hint && quic_is_routable(ctx, packet, service) && !packet->fragment) {
			enum verdict verdict = punt(ctx, packet, NULL, PUNT_QUIC);

			/* Without user space the hash is the best there is. */
			if (verdict == VERDICT_PUNT)
				return verdict;
		}
	} else {
		routable = quic_is_routable(ctx, packet, service);
		if (routable && quic_server_id(ctx, packet, service, room))
			hint = hint_find(room, packet->now);
	}
	if (!hint)
		return select_by_hash(service, packet->digest, endpoint_id);
	*endpoint_id = hint->endpoint;
	return VERDICT_CONTINUE;
}

inline_always enum verdict select_endpoint(ctx_t *ctx, const struct service *service, const struct packet *packet,
					   __u32 *endpoint_id)
{
	switch (service->select) {
	case SELECT_RR:
		return select_in_turn(service, endpoint_id);
	case SELECT_PERSIST:
		return select_persist(service, packet, endpoint_id);
	case SELECT_LC:
		return select_least(service, packet, endpoint_id);
	case SELECT_HINT:
		return select_by_hint(ctx, packet, endpoint_id);
	case SELECT_QUIC:
		return select_quic(ctx, packet, endpoint_id);
	default:
		return select_by_hash(service, packet->digest, endpoint_id);
	}
}

inline_always void select_advance(const struct service *service, const struct packet *packet, const struct flow *flow)
{
	__u32 *cursor;

	if (service->select == SELECT_PERSIST)
		select_remember(service, packet, flow->endpoint);
	if (service->select != SELECT_RR)
		return;
	cursor = bpf_map_lookup_elem(&cursors, &service->id);
	if (cursor)
		*cursor = *cursor < service->slot_count ? *cursor + 1 : 1;
}
