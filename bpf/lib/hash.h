/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One digest of a flow key serves as tag and as input of selection. It does not depend on the machine, so every node
 * chooses the same endpoint; src/lb/selection/flow-hash.ts computes the same. */
#pragma once
#include "common.h"

#define HASH_PORTS 0xff51afd7ed558ccdULL

inline_always __u64 hash_digest(const struct flow_key *key)
{
	const __u64 *words = (const __u64 *)key;

	/* The products do not wait for each other. Constants: the golden ratio and other odd numbers without
	 * structure. */
	return words[0] * 0x9e3779b97f4a7c15ULL + words[1] * 0xc2b2ae3d27d4eb4fULL + words[2] * 0x165667b19e3779f9ULL +
	       words[3] * 0xd6e8feb86659fd93ULL + words[4] * HASH_PORTS;
}

/* The tag of a key of 16 bytes, or of 24. */
inline_always __u32 hash_tag(const void *key, const __u32 bytes)
{
	const __u64 *words = key;
	__u64 digest = words[0] * 0x9e3779b97f4a7c15ULL + words[1] * 0xc2b2ae3d27d4eb4fULL;

	return (bytes > 16 ? digest + words[2] * 0x165667b19e3779f9ULL : digest) >> 32;
}

inline_always __u32 hash_finish(__u64 digest, __u32 seed)
{
	__u64 x = digest + (__u64)seed * 0x9e3779b97f4a7c15ULL;

	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x >> 32;
}

/* 0 to count - 1, evenly. */
inline_always __u32 hash_scale(__u32 hash, __u32 count)
{
	return ((__u64)hash * count) >> 32;
}
