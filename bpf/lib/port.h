/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Free source ports towards one endpoint. The bitmap only says where to look: whether a port is really free is
 * decided by inserting the flow. Ports that are never given out are marked by the control plane. */
#pragma once
#include "maps.h"
#include "hash.h"

enum port_numbers { PORT_NONE = 0 };

/* Where the only bit of a number stands, found by the upper six bits of a product (de Bruijn). */
static const __u8 port_bit_table[64] = {
	0, 1, 2, 53, 3, 7, 54, 27, 4, 38, 41, 8, 34, 55, 48, 28,
	62, 5, 39, 46, 44, 42, 22, 9, 24, 35, 59, 56, 49, 18, 29, 11,
	63, 52, 6, 26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10,
	51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};

inline_always __u32 port_bit(__u64 single)
{
	return port_bit_table[(single * 0x022fdd63cc95386dULL) >> 58];
}

inline_always __u64 *port_word(struct port_block *block, __u32 word)
{
	/* clang 14 drops the mask where it knows the range; Linux 6.1 does not know it behind a byte swap. */
	barrier_var(word);
	return &block->words[word & (PORT_WORDS - 1)];
}

struct port_search {
	struct port_block *block;
	__u32 word;
	__u32 first;
	__u32 last;
	__u32 port;
};

static long port_search_word(__u32 index, struct port_search *search)
{
	__u32 word = search->word & (PORT_WORDS - 1);
	__u64 *bits = port_word(search->block, word);
	__u64 free = ~*bits & (*bits + 1); /* the lowest zero bit */

	if (free && !(__sync_fetch_and_or(bits, free) & free)) {
		search->port = word * 64 + port_bit(free);
		return 1;
	}
	search->word = word < search->last ? word + 1 : search->first;
	return 0;
}

/* Takes a free port, searching from a place that the hash gives; PORT_NONE when all are in use. */
rarely __u32 port_take(__u32 block_id, __u32 hash)
{
	const struct settings *settings = settings_get();
	struct port_search search = {};
	__u32 count;

	search.block = bpf_map_lookup_elem(&port_blocks, &block_id);
	if (!search.block || !settings)
		return PORT_NONE;
	search.first = settings->snat_first / 64;
	search.last = settings->snat_last / 64;
	count = search.last - search.first + 1;
	search.word = search.first + hash_scale(hash, count);
	bpf_loop(count, port_search_word, &search, 0);
	return search.port;
}

/* Any port of the range, in use or not. */
inline_always __u32 port_any(__u32 hash)
{
	const struct settings *settings = settings_get();

	if (!settings || settings->snat_last < settings->snat_first)
		return PORT_NONE;
	return settings->snat_first + hash_scale(hash, settings->snat_last - settings->snat_first + 1);
}

inline_always void port_give_back(__u32 block_id, __u32 port)
{
	const struct settings *settings = settings_get();
	struct port_block *block;

	/* A port from outside the range, given out under another configuration, stays marked. */
	if (!block_id || !settings || port < settings->snat_first || port > settings->snat_last)
		return;
	block = bpf_map_lookup_elem(&port_blocks, &block_id);
	if (block)
		__sync_fetch_and_and(port_word(block, port / 64), ~(1ULL << (port & 63)));
}
