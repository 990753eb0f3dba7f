/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The service a new flow is for. */
#pragma once
#include "maps.h"
#include "hash.h"

inline_always __u32 service_tag(const struct service_key *key)
{
	const __u64 *words = (const __u64 *)key;

	return (words[0] * 0x9e3779b97f4a7c15ULL + words[1] * 0xc2b2ae3d27d4eb4fULL +
		words[2] * 0x165667b19e3779f9ULL) >> 32;
}

/* A copy, because the control plane may replace the entry at any time; then it is looked up again. */
inline_always enum verdict service_find(const struct packet *packet, struct service *service)
{
	struct service_key key = {};
	const struct service *found;

	key.address = packet->key.destination;
	key.port = packet->key.destination_port;
	key.zone = packet->key.zone;
	key.protocol = packet->key.protocol;
	for (int i = 0; i < 2; i++) {
		found = bpf_map_lookup_elem(&services, &key);
		if (!found)
			return VERDICT_PASS_NOT_SERVICE;
		*service = *found;
		barrier();
		if (likely(service->tag == service_tag(&key)))
			return VERDICT_CONTINUE;
	}
	return VERDICT_DROP_INTERNAL;
}
