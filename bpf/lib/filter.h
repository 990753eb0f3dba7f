/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who may make a new flow. Sources that nobody can answer may not, nor those the service is not for. */
#pragma once
#include "hash.h"
#include "route.h"
#include "trace.h"

/* Whom services have just refused, so that a flood of the same costs little; believed for as long as a cached next hop.
 * A CPU's own. */
struct refusal {
	struct flow_key key; /* without source port */
	__u32 stamp;         /* see route_stamp() */
	__u32 reserved;
};

enum filter_limits { FILTER_REFUSALS_BITS = 10 };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << FILTER_REFUSALS_BITS);
	__type(key, __u32);
	__type(value, struct refusal);
} refusals SEC(".maps");

/* The same for every source port: the digest is a sum. */
inline_always struct refusal *filter_refusal(const struct packet *packet)
{
	__u32 index = (packet->digest - packet->key.source_port * HASH_PORTS) >> (64 - FILTER_REFUSALS_BITS);

	return bpf_map_lookup_elem(&refusals, &index);
}

inline_always bool filter_has_refused(const struct packet *packet, const struct settings *settings)
{
	const struct refusal *refusal = filter_refusal(packet);
	const __u64 *key = (const __u64 *)&packet->key, *known = (const __u64 *)refusal;

	return refusal && refusal->stamp == route_stamp(settings, packet->now, 0) && key[0] == known[0] &&
	       key[1] == known[1] && key[2] == known[2] && key[3] == known[3] && key[4] >> 16 == known[4] >> 16 &&
	       !explain;
}

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

	const struct settings *settings = settings_get();
	struct refusal *refusal;

	if (!packet || !settings)
		return false;
	key.prefix_bits = 8 * (sizeof(key.service) + sizeof(key.address));
	key.service = bpf_htonl(service);
	key.address = packet->key.source;
	if (bpf_map_lookup_elem(&sources, &key))
		return true;
	refusal = filter_refusal(packet);
	/* With marks another service may be meant by the same addresses and ports. */
	if (refusal && !(settings->features & FEATURE_MARKS)) {
		refusal->key = packet->key;
		refusal->stamp = route_stamp(settings, packet->now, 0);
	}
	return false;
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
