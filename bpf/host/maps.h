/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps on the host: small, slow and watched. Between two entries, and around each record of a ring, stands memory that
 * nobody may touch. */
#pragma once
#include <stdbool.h>
#include <linux/types.h>

enum host_map_limits {
	HOST_ENTRIES = 128,        /* of a hash, trie or queue: so few that they fill up */
	HOST_ARRAY_BYTES = 1 << 20, /* of an array: entries beyond are not there */
	HOST_MAPS = 64,
};

struct host_map {
	const char *name;
	__u32 type; /* enum bpf_map_type */
	__u32 capacity;
	__u32 key_bytes;
	__u32 value_bytes;
	__u32 count; /* of a hash, trie or queue */
	__u32 next;  /* LRU: who goes next */
	bool touched;
	__u8 *used;  /* of an array: touched */
	__u32 *dirty; /* of an array: the places that were touched, */
	__u32 dirty_count; /* so many */
	__u8 *keys;
	__u8 *values;
	struct host_map *saved;
};

/* Adds a map; `variable` is what the programs have of it. Arrays are all zero. */
#define HOST_MAP(map) host_map_add(&(map), #map, HOST_COUNT((map).type), HOST_COUNT((map).max_entries), \
				   sizeof(*(map).key), sizeof(*(map).value))
#define HOST_QUEUE(map) host_map_add(&(map), #map, HOST_COUNT((map).type), HOST_COUNT((map).max_entries), 0, \
				     sizeof(*(map).value))
#define HOST_RING(map) host_map_add(&(map), #map, HOST_COUNT((map).type), HOST_COUNT((map).max_entries), 0, 0)
#define HOST_COUNT(member) (sizeof(*(member)) / sizeof(int))

void host_map_add(void *variable, const char *name, __u32 type, __u32 max_entries, __u32 key_bytes, __u32 value_bytes);

/* What stands in the maps now is what host_maps_restore brings back. */
void host_maps_save(void);
void host_maps_restore(void);

__u32 host_map_capacity(const void *variable);
const __u8 *host_map_value(const void *variable, __u32 place); /* NULL: no entry there */
const __u8 *host_map_key(const void *variable, __u32 place);

/* Ring buffers take nothing while this is set. */
extern bool host_ring_full;
/* Records that were taken and neither submitted nor discarded. */
extern int host_ring_open;
