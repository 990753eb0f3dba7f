/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pools of source addresses (RFC 6888): a client keeps its address, and its ports stand close together, while there are
 * any. Each address has a bitmap of ports towards each endpoint, in a row. */
#pragma once
#include "maps.h"
#include "hash.h"

inline_always const struct snat_pool *pool_get(const struct endpoint *endpoint)
{
	__u32 id = endpoint->pool;

	return id ? bpf_map_lookup_elem(&snat_pools, &id) : NULL;
}

/* A number that is the client's, whatever it connects to. */
inline_always __u32 pool_client(const struct address *client)
{
	struct flow_key key = {};

	key.source = *client;
	return hash_finish(hash_digest(&key), 0);
}

/* The address that a client has as its nth choice. */
inline_always __u32 pool_choice(const struct snat_pool *pool, __u32 client, __u32 nth)
{
	__u32 count = pool->count, index;

	if (!count || count > SNAT_POOL_ADDRESSES)
		return 0;
	index = hash_scale(client, count) + nth;
	return (index < count ? index : index - count) & (SNAT_POOL_ADDRESSES - 1);
}

struct pool_search {
	const struct snat_pool *pool;
	__be32 words[2]; /* the last ones of the address */
	__u32 found;
};

static long pool_search_step(__u32 index, struct pool_search *search)
{
	const struct address *address = &search->pool->addresses[index & (SNAT_POOL_ADDRESSES - 1)];

	if (address->words[3] != search->words[1] || address->words[2] != search->words[0])
		return 0;
	search->found = index;
	return 1;
}

/* The bitmap of an address that is of the endpoint's pool, or its only one. */
rarely __u32 pool_block(const struct endpoint *endpoint, const struct address *source)
{
	struct pool_search search = {};

	if (!endpoint || !source)
		return 0;
	search.pool = pool_get(endpoint);
	if (!search.pool)
		return endpoint->port_block;
	search.words[0] = source->words[2];
	search.words[1] = source->words[3];
	search.found = SNAT_POOL_ADDRESSES;
	bpf_loop(search.pool->count < SNAT_POOL_ADDRESSES ? search.pool->count : SNAT_POOL_ADDRESSES, pool_search_step,
		 &search, 0);
	return search.found < SNAT_POOL_ADDRESSES ? endpoint->port_block + search.found : 0;
}
