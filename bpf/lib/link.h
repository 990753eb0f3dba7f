/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The link header: MAC addresses of the next hop; VLAN tags are kept as they came. */
#pragma once
#include "parse.h"

/* Both addresses in one go; a copy of bytes would be done byte by byte. */
inline_always void link_addresses(void *start, const struct flow *flow)
{
	const __u32 *from = (const __u32 *)flow->route_destination_mac;
	__u32 *to = start;

	_Static_assert(offsetof(struct flow, route_source_mac) == offsetof(struct flow, route_destination_mac) + 6,
		       "both addresses stand together");
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}

/* The type and tags from byte 12 on, up to the IP header, of a frame whose headers move. */
struct link_tags {
	__be16 words[5];
};

rarely int link_save(ctx_t *ctx, __u32 l3, struct link_tags *tags)
{
	const __be16 *from = ctx_start(ctx) + 12;

	if (!tags)
		return -1;
	for (int i = 0; i < 5; i++) {
		if (14 + 2 * i > l3 || (void *)(from + i + 1) > ctx_end(ctx))
			break;
		tags->words[i] = from[i];
	}
	return 0;
}

/* Writes the link header anew, after it was moved or covered. */
inline_always int link_write(ctx_t *ctx, __u32 l3, const struct link_tags *tags, const struct flow *flow, bool v6)
{
	void *start = ctx_start(ctx);
	__be16 type = v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP), *to = start + 12;

	if (start + 22 > ctx_end(ctx))
		return -1;
	link_addresses(start, flow);
	if (likely(l3 == sizeof(struct ethhdr))) {
		*to = type;
		return 0;
	}
	to[0] = tags->words[0];
	to[1] = tags->words[1];
	to[2] = tags->words[2];
	if (l3 == sizeof(struct ethhdr) + sizeof(struct vlan_tag)) {
		to[2] = type;
		return 0;
	}
	to[3] = tags->words[3];
	to[4] = type;
	return 0;
}
