/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments in, results out. A reader that returns false has thrown a TypeError that names the argument. Only
 * read_property runs JavaScript, so the memory of a `struct bytes` stays where it is until JavaScript runs again. */
#pragma once
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *data;
	size_t length;
};

/* Arguments that were not passed are `undefined`. */
bool read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);

/* A property of an options object. Runs its getter, if it has one. */
bool read_property(napi_env env, napi_value object, const char *name, napi_value *value);

/* undefined or null */
bool is_absent(napi_env env, napi_value value);

bool read_bytes(napi_env env, napi_value value, const char *name, struct bytes *bytes);

/* Absent: { NULL, 0 }. An empty array is refused: the kernel takes a length of 0 as "no limit". */
bool read_optional_bytes(napi_env env, napi_value value, const char *name, struct bytes *bytes);

bool read_integer(napi_env env, napi_value value, const char *name, int64_t least, int64_t most, int64_t *integer);
bool read_u32(napi_env env, napi_value value, const char *name, uint32_t *number);
/* Absent: 0. */
bool read_optional_u32(napi_env env, napi_value value, const char *name, uint32_t *number);
bool read_fd(napi_env env, napi_value value, const char *name, int *fd);
bool read_ifindex(napi_env env, napi_value value, uint32_t *ifindex);
bool read_text(napi_env env, napi_value value, const char *name, char *text, size_t size);
bool read_function(napi_env env, napi_value value, const char *name);

napi_value make_number(napi_env env, double number);
napi_value make_boolean(napi_env env, bool boolean);
napi_value make_text(napi_env env, const char *text);

/* An object's next property; false when Node-API has thrown. */
bool set_number(napi_env env, napi_value object, const char *name, double number);
bool set_text(napi_env env, napi_value object, const char *name, const char *text);
