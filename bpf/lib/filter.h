/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who may make a new flow. Sources that nobody can answer may not, nor those the service is not for. */
#pragma once
#include "maps.h"

inline_always bool filter_is_martian(const struct address *source)
{
	__u32 v4 = bpf_ntohl(source->words[3]);

	if (address_is_v4(source))
		return v4 >> 24 == 0 || v4 >> 24 == 127 || v4 >= 0xe0000000;
	if (source->bytes[0] == 0xff) /* multicast */
		return true;
	return !source->words[0] && !source->words[1] && !source->words[2] && v4 <= 1; /* unspecified, loopback */
}

inline_always bool filter_same(const struct address *a, const struct address *b)
{
	return a->words[3] == b->words[3] && a->words[0] == b->words[0] && a->words[1] == b->words[1] &&
	       a->words[2] == b->words[2];
}

rarely bool filter_allows(const struct packet *packet, __u32 service)
{
	struct source_key key = {};

	if (!packet)
		return false;
	key.prefix_bits = 8 * (sizeof(key.service) + sizeof(key.address));
	key.service = bpf_htonl(service);
	key.address = packet->key.source;
	return bpf_map_lookup_elem(&sources, &key);
}

inline_always enum verdict filter(const struct packet *packet, const struct service *service)
{
	if (unlikely(filter_is_martian(&packet->key.source) ||
		     filter_same(&packet->key.source, &packet->key.destination)))
		return VERDICT_DROP_MARTIAN;
	if (service->flags & SERVICE_SOURCES && !filter_allows(packet, service->id))
		return VERDICT_DROP_SOURCE;
	return VERDICT_CONTINUE;
}
