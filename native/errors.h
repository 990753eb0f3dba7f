/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions. Each function returns NULL, so that a caller can write `return throw_...`. */
#pragma once
#include <node_api.h>

#define FORMAT_CHECKED(text, first) __attribute__((format(printf, text, first)))

/* A NativeError (index.d.ts): the kernel or libbpf refused `call` on the object that is described by the format. */
napi_value throw_errno(napi_env env, int error, const char *call, const char *object, ...) FORMAT_CHECKED(4, 5);

/* The same; the message ends with `detail`, which says more than errno can. */
napi_value throw_errno_detail(napi_env env, int error, const char *call, const char *detail, const char *object, ...)
	FORMAT_CHECKED(5, 6);

/* A TypeError: the caller passed something wrong. */
napi_value throw_type(napi_env env, const char *format, ...) FORMAT_CHECKED(2, 3);

/* Node-API itself failed: its own pending exception, or one that says so. */
napi_value throw_napi(napi_env env);

/* `ENOENT` for ENOENT. Writes into `text` only for a number that has no name. */
const char *error_name(int error, char *text, size_t size);
