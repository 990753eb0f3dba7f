/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses that are ours to answer for, and what for: map `vips`. */
#pragma once
#include "maps.h"

enum vip_bits {
	VIP_COUNT = 0x1fffffff,     /* of the value: services of the address */
	VIP_POOL = 1U << 29,        /* beside it: traffic is masqueraded by the address */
	VIP_ENDPOINT = 1U << 30,    /* beside it: an endpoint has the address */
	VIP_RANGES = 1U << 31,      /* beside it: a service has more than one port */
};

inline_always __u32 vip_of(const struct address *address, __u16 zone)
{
	struct vip_key key = {};
	const __u32 *found;

	key.address = *address;
	key.zone = zone;
	found = bpf_map_lookup_elem(&vips, &key);
	return found ? *found : 0;
}
