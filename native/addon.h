/* SPDX-License-Identifier: Apache-2.0 */
/* What every file of the addon shares: how its functions are declared to JavaScript. There is no state outside the
 * handles, so that the addon can be loaded in any number of workers. */
#pragma once
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct function {
	const char *name;
	napi_callback call;
};

bool define_functions(napi_env env, napi_value exports, const struct function *functions, size_t count);

/* One for each file that exports functions. */
bool define_object(napi_env env, napi_value exports);
bool define_descriptors(napi_env env, napi_value exports);
bool define_map(napi_env env, napi_value exports);
bool define_map_batch(napi_env env, napi_value exports);
bool define_program(napi_env env, napi_value exports);
bool define_link(napi_env env, napi_value exports);
bool define_ring(napi_env env, napi_value exports);
bool define_socket(napi_env env, napi_value exports);
bool define_system(napi_env env, napi_value exports);
bool define_crc32c(napi_env env, napi_value exports);
