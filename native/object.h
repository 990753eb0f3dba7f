/* SPDX-License-Identifier: Apache-2.0 */
/* The handle of an opened ELF object. */
#pragma once
#include "addon.h"
#include "values.h"
#include <bpf/libbpf.h>

struct object {
	struct bpf_object *bpf; /* NULL once closed */
	char *path;
};

/* NULL with an exception: not an object, or closed. */
struct object *object_read(napi_env env, napi_value value);

/* bpf_object__load, with the verifier's log in the exception. */
napi_value object_load(napi_env env, napi_callback_info info);

/* Sets a `const volatile` variable. */
napi_value object_set_rodata(napi_env env, napi_callback_info info);
