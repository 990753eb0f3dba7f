/* SPDX-License-Identifier: Apache-2.0 */
/* Wraps and unwraps the C structures behind the opaque handles. */
#include "handles.h"
#include "errors.h"
#include <stdbool.h>

napi_value handle_make(napi_env env, const struct handle_kind *kind, void *data, napi_finalize finalize)
{
	napi_value object;

	/* The wrap comes last: once it is there, the finaliser owns the data. */
	if (napi_create_object(env, &object) != napi_ok || napi_type_tag_object(env, object, &kind->tag) != napi_ok ||
	    napi_wrap(env, object, data, finalize, NULL, NULL) != napi_ok)
		return throw_napi(env);
	return object;
}

void *handle_read(napi_env env, napi_value value, const struct handle_kind *kind)
{
	napi_valuetype type = napi_undefined;
	bool tagged = false;
	void *data;

	if (napi_typeof(env, value, &type) != napi_ok || type != napi_object ||
	    napi_check_object_type_tag(env, value, &kind->tag, &tagged) != napi_ok || !tagged ||
	    napi_unwrap(env, value, &data) != napi_ok)
		return throw_type(env, "a handle of a %s was expected", kind->name);
	return data;
}
