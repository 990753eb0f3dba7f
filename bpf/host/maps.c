/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "maps.h"
#include <bpf/bpf_helpers.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanitizer/asan_interface.h>

enum { GUARD = 32 };

bool host_ring_full;
int host_ring_open;

static struct host_map maps[HOST_MAPS];
static int map_count;

static struct host_map *map_of(const void *variable)
{
	struct host_map *map = *(struct host_map *const *)variable;

	if (map)
		return map;
	fprintf(stderr, "a map is not in the list of fuzz.c\n");
	abort();
}

static __u32 stride(const struct host_map *map)
{
	return ((map->value_bytes + 7) & ~7U) + GUARD;
}

static bool is_array(const struct host_map *map)
{
	return map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static __u8 *value_at(const struct host_map *map, __u32 place)
{
	return map->values + place * stride(map);
}

static __u8 *key_at(const struct host_map *map, __u32 place)
{
	return map->keys + place * map->key_bytes;
}

static __u32 capacity_of(__u32 type, __u32 max_entries, __u32 value_bytes)
{
	__u32 most = HOST_ENTRIES;

	if (type == BPF_MAP_TYPE_RINGBUF)
		return 0;
	if (type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY)
		most = HOST_ARRAY_BYTES / (value_bytes + GUARD);
	return max_entries < most ? max_entries : most;
}

static void allocate(struct host_map *map)
{
	map->used = calloc(map->capacity + 1, 1);
	map->dirty = calloc(map->capacity + 1, sizeof(*map->dirty));
	map->keys = calloc(map->capacity + 1, map->key_bytes + 1);
	map->values = calloc(map->capacity + 1, stride(map));
	for (__u32 i = 0; i < map->capacity; i++)
		__asan_poison_memory_region(value_at(map, i) + map->value_bytes, stride(map) - map->value_bytes);
}

void host_map_add(void *variable, const char *name, __u32 type, __u32 max_entries, __u32 key_bytes, __u32 value_bytes)
{
	struct host_map *map = &maps[map_count++];

	if (map_count > HOST_MAPS)
		abort();
	map->name = name;
	map->type = type;
	map->key_bytes = key_bytes;
	map->value_bytes = value_bytes;
	map->capacity = capacity_of(type, max_entries, value_bytes);
	allocate(map);
	*(struct host_map **)variable = map;
}

/* Arrays may be large: only what was touched comes back. */
static void restore_array(struct host_map *map)
{
	for (__u32 i = 0; i < map->dirty_count; i++) {
		__u32 place = map->dirty[i];

		map->used[place] = 0;
		memcpy(value_at(map, place), value_at(map->saved, place), map->value_bytes);
	}
	map->dirty_count = 0;
}

static void copy(struct host_map *to, const struct host_map *from)
{
	to->count = from->count;
	to->next = from->next;
	memcpy(to->used, from->used, from->capacity);
	memcpy(to->keys, from->keys, from->capacity * from->key_bytes);
	for (__u32 i = 0; i < from->capacity; i++)
		memcpy(value_at(to, i), value_at(from, i), from->value_bytes);
}

void host_maps_save(void)
{
	for (int i = 0; i < map_count; i++) {
		maps[i].saved = malloc(sizeof(struct host_map));
		*maps[i].saved = maps[i];
		allocate(maps[i].saved);
		copy(maps[i].saved, &maps[i]);
		maps[i].touched = false;
		if (is_array(&maps[i]))
			restore_array(&maps[i]);
	}
}

void host_maps_restore(void)
{
	for (int i = 0; i < map_count; i++) {
		if (is_array(&maps[i]))
			restore_array(&maps[i]);
		else if (maps[i].touched)
			copy(&maps[i], maps[i].saved);
		maps[i].touched = false;
	}
}

__u32 host_map_capacity(const void *variable)
{
	return map_of(variable)->capacity;
}

const __u8 *host_map_value(const void *variable, __u32 place)
{
	const struct host_map *map = map_of(variable);

	return is_array(map) || map->used[place] ? value_at(map, place) : NULL;
}

const __u8 *host_map_key(const void *variable, __u32 place)
{
	return key_at(map_of(variable), place);
}

/* ---- keyed entries ---------------------------------------------------------------------------------------------- */

static bool bits_match(const __u8 *a, const __u8 *b, __u32 bits)
{
	if (memcmp(a, b, bits / 8))
		return false;
	return !(bits & 7) || !((a[bits / 8] ^ b[bits / 8]) >> (8 - (bits & 7)));
}

/* A trie's key starts with how many bits count. The longest prefix that the wanted key has is found. */
static int find_prefix(const struct host_map *map, const __u8 *key)
{
	__u32 wanted, bits, longest = 0;
	int found = -1;

	memcpy(&wanted, key, 4);
	for (__u32 i = 0; i < map->capacity; i++) {
		if (!map->used[i])
			continue;
		memcpy(&bits, key_at(map, i), 4);
		if (bits <= wanted && (found < 0 || bits > longest) && bits_match(key_at(map, i) + 4, key + 4, bits)) {
			found = i;
			longest = bits;
		}
	}
	return found;
}

static int find_exactly(const struct host_map *map, const __u8 *key)
{
	__u32 left = map->count;

	for (__u32 i = 0; left && i < map->capacity; i++) {
		if (!map->used[i])
			continue;
		if (!memcmp(key_at(map, i), key, map->key_bytes))
			return i;
		left--;
	}
	return -1;
}

/* The copy finds out whether all of the key may be read. */
static int find(const struct host_map *map, const void *key, bool exactly)
{
	__u8 whole[64];

	memcpy(whole, key, map->key_bytes);
	return map->type == BPF_MAP_TYPE_LPM_TRIE && !exactly ? find_prefix(map, whole) : find_exactly(map, whole);
}

static __u8 *array_entry(struct host_map *map, __u32 place)
{
	if (!map->used[place]) {
		map->used[place] = 1;
		map->dirty[map->dirty_count++] = place;
	}
	return value_at(map, place);
}

void *bpf_map_lookup_elem(void *variable, const void *key)
{
	struct host_map *map = map_of(variable);
	__u32 index;
	int found;

	map->touched = true;
	if (is_array(map)) {
		memcpy(&index, key, sizeof(index));
		return index < map->capacity ? array_entry(map, index) : NULL;
	}
	found = find(map, key, false);
	return found < 0 ? NULL : value_at(map, found);
}

static int free_place(struct host_map *map)
{
	int place;

	if (map->count == map->capacity) {
		if (map->type != BPF_MAP_TYPE_LRU_HASH)
			return -1;
		place = map->next++ % map->capacity;
		map->used[place] = 0;
		map->count--;
		return place;
	}
	for (place = 0; map->used[place]; place++)
		;
	return place;
}

long bpf_map_update_elem(void *variable, const void *key, const void *value, __u64 flags)
{
	struct host_map *map = map_of(variable);
	int place;
	void *entry;

	map->touched = true;
	if (is_array(map)) {
		entry = bpf_map_lookup_elem(variable, key);
		if (entry)
			memcpy(entry, value, map->value_bytes);
		return entry ? 0 : -E2BIG;
	}
	place = find(map, key, true);
	if (place >= 0 && flags == BPF_NOEXIST)
		return -EEXIST;
	if (place < 0 && flags == BPF_EXIST)
		return -ENOENT;
	if (place < 0) {
		place = free_place(map);
		if (place < 0)
			return -E2BIG;
		map->used[place] = 1;
		map->count++;
		memcpy(key_at(map, place), key, map->key_bytes);
	}
	memcpy(value_at(map, place), value, map->value_bytes);
	return 0;
}

long bpf_map_delete_elem(void *variable, const void *key)
{
	struct host_map *map = map_of(variable);
	int place = find(map, key, true);

	map->touched = true;
	if (place < 0)
		return -ENOENT;
	map->used[place] = 0;
	map->count--;
	return 0;
}

/* ---- queues and rings ------------------------------------------------------------------------------------------- */

long bpf_map_push_elem(void *variable, const void *value, __u64 flags)
{
	struct host_map *map = map_of(variable);

	map->touched = true;
	if (map->count == map->capacity)
		return -E2BIG;
	memcpy(value_at(map, (map->next + map->count++) % map->capacity), value, map->value_bytes);
	return 0;
}

long bpf_map_peek_elem(void *variable, void *value)
{
	const struct host_map *map = map_of(variable);

	if (!map->count)
		return -ENOENT;
	memcpy(value, value_at(map, map->next % map->capacity), map->value_bytes);
	return 0;
}

long bpf_map_pop_elem(void *variable, void *value)
{
	struct host_map *map = map_of(variable);

	if (bpf_map_peek_elem(variable, value))
		return -ENOENT;
	map->touched = true;
	map->next++;
	map->count--;
	return 0;
}

/* What a record holds is as undefined as the kernel leaves it. */
void *bpf_ringbuf_reserve(void *variable, __u64 size, __u64 flags)
{
	void *record;

	map_of(variable);
	if (host_ring_full)
		return NULL;
	host_ring_open++;
	record = malloc(size);
	memset(record, 0xa5, size);
	return record;
}

void bpf_ringbuf_submit(void *record, __u64 flags)
{
	host_ring_open--;
	free(record);
}

void bpf_ringbuf_discard(void *record, __u64 flags)
{
	bpf_ringbuf_submit(record, flags);
}
