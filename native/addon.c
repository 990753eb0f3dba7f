/* SPDX-License-Identifier: Apache-2.0 */
/* The module's entry: puts the functions of every file into `exports`. Their types are in index.d.ts. */
#include "addon.h"
#include <bpf/libbpf.h>

bool define_functions(napi_env env, napi_value exports, const struct function *functions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		napi_value function;

		if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL,
					 &function) != napi_ok ||
		    napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
			return false;
	}
	return true;
}

NAPI_MODULE_INIT()
{
	/* libbpf writes warnings to stderr. What matters of them comes back in the errors. This is one setting for
	 * the whole process; every environment sets the same, so it does not matter which came first. */
	libbpf_set_print(NULL);

	if (!define_object(env, exports) || !define_descriptors(env, exports) || !define_map(env, exports) ||
	    !define_map_batch(env, exports) || !define_program(env, exports) || !define_link(env, exports) ||
	    !define_ring(env, exports) || !define_socket(env, exports) || !define_system(env, exports) ||
	    !define_crc32c(env, exports))
		return NULL;
	return exports;
}
