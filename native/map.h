/* SPDX-License-Identifier: Apache-2.0 */
/* What a map's key and value arguments must measure. */
#pragma once
#include "values.h"

struct map_shape {
	int fd;
	uint32_t type;
	uint32_t entries;
	uint32_t flags;
	size_t key_bytes;
	/* What the kernel copies in and out: of a per-CPU map, one value for each possible CPU. */
	size_t value_bytes;
	char name[24]; /* `fd 12` where the map has none */
};

/* Asks the kernel each time: a number can be another map than the last time. */
bool map_read_shape(napi_env env, napi_value value, struct map_shape *shape);

/* A Uint8Array of exactly `wanted` bytes. `of` is `keys` or `values`, for the message. */
bool map_read_exact(napi_env env, napi_value value, const char *name, const struct map_shape *shape, size_t wanted,
		    struct bytes *bytes);

/* A Uint8Array with room for `count` elements of `each` bytes. */
bool map_read_array(napi_env env, napi_value value, const char *name, const struct map_shape *shape, size_t each,
		    uint32_t count, struct bytes *bytes);

napi_value throw_map(napi_env env, int error, const char *call, const struct map_shape *shape);
