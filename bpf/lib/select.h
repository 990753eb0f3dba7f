/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The endpoint a new flow gets: a slot of the service's table. Round robin moves on only when the flow has been
 * made, so that a packet which XDP hands to TC does not count twice. */
#pragma once
#include "maps.h"
#include "hash.h"

inline_always __u32 select_slot(const struct service *service, const struct packet *packet)
{
	__u32 *cursor, slot;

	if (service->select == SELECT_HASH)
		return hash_scale(hash_finish(packet->digest, service->seed), service->slot_count);
	cursor = bpf_map_lookup_elem(&cursors, &service->id);
	if (!cursor)
		return 0;
	slot = *cursor;
	return slot < service->slot_count ? slot : 0;
}

inline_always void select_advance(const struct service *service)
{
	__u32 *cursor = bpf_map_lookup_elem(&cursors, &service->id);

	if (cursor && service->select == SELECT_RR)
		*cursor = *cursor < service->slot_count ? *cursor + 1 : 1;
}

inline_always enum verdict select_endpoint(const struct service *service, const struct packet *packet,
					   __u32 *endpoint_id)
{
	const struct slot_page *page;
	const __u64 *member;
	__u32 slot, index;

	if (!service->slot_count)
		return VERDICT_DROP_NO_ENDPOINT;
	slot = select_slot(service, packet);
	index = service->first_page + slot / SLOTS_PER_PAGE;
	page = bpf_map_lookup_elem(&slots, &index);
	if (!page)
		return VERDICT_DROP_INTERNAL;
	index = page->slots[slot % SLOTS_PER_PAGE];
	if (index == SLOT_EMPTY)
		return VERDICT_DROP_NO_ENDPOINT;
	if (index >= service->member_count)
		return VERDICT_DROP_INTERNAL;
	index += service->member_base;
	member = bpf_map_lookup_elem(&members, &index);
	if (!member)
		return VERDICT_DROP_INTERNAL;
	*endpoint_id = *member;
	return VERDICT_CONTINUE;
}
