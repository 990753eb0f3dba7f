/* SPDX-License-Identifier: Apache-2.0 */
/* Opaque JavaScript objects that own a C structure. The tag keeps one kind from being passed for another. */
#pragma once
#include <node_api.h>

struct handle_kind {
	napi_type_tag tag;
	const char *name;
};

/* `finalize` runs once: when the object is collected, or when its environment ends. On failure the caller still owns
 * `data`, and an exception is pending. */
napi_value handle_make(napi_env env, const struct handle_kind *kind, void *data, napi_finalize finalize);

/* The structure, or NULL with a TypeError. */
void *handle_read(napi_env env, napi_value value, const struct handle_kind *kind);
