/* SPDX-License-Identifier: Apache-2.0 */
/* Reads arguments of every type the addon takes, strictly: nothing is converted or rounded. */
#include "values.h"
#include "errors.h"
#include <limits.h>
#include <math.h>
#include <string.h>

bool read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments)
{
	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok)
		return true;
	throw_napi(env);
	return false;
}

static napi_valuetype type_of(napi_env env, napi_value value)
{
	napi_valuetype type = napi_undefined;

	napi_typeof(env, value, &type);
	return type;
}

bool read_property(napi_env env, napi_value object, const char *name, napi_value *value)
{
	if (type_of(env, object) != napi_object) {
		throw_type(env, "an object that may have %s was expected", name);
		return false;
	}
	if (napi_get_named_property(env, object, name, value) == napi_ok)
		return true;
	throw_napi(env);
	return false;
}

bool is_absent(napi_env env, napi_value value)
{
	napi_valuetype type = type_of(env, value);

	return type == napi_undefined || type == napi_null;
}

bool read_bytes(napi_env env, napi_value value, const char *name, struct bytes *bytes)
{
	napi_typedarray_type type = napi_int8_array;
	bool typed = false;
	void *data = NULL;

	if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed ||
	    napi_get_typedarray_info(env, value, &type, &bytes->length, &data, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array) {
		throw_type(env, "%s must be a Uint8Array", name);
		return false;
	}
	bytes->data = data;
	return true;
}

bool read_optional_bytes(napi_env env, napi_value value, const char *name, struct bytes *bytes)
{
	*bytes = (struct bytes){ 0 };
	if (is_absent(env, value))
		return true;
	if (!read_bytes(env, value, name, bytes))
		return false;
	if (bytes->length > 0)
		return true;
	throw_type(env, "%s must not be empty", name);
	return false;
}

bool read_integer(napi_env env, napi_value value, const char *name, int64_t least, int64_t most, int64_t *integer)
{
	double number;

	if (napi_get_value_double(env, value, &number) == napi_ok && number == trunc(number) &&
	    number >= (double)least && number <= (double)most) {
		*integer = (int64_t)number;
		return true;
	}
	throw_type(env, "%s must be an integer from %lld to %lld", name, (long long)least, (long long)most);
	return false;
}

bool read_u32(napi_env env, napi_value value, const char *name, uint32_t *number)
{
	int64_t integer;

	if (!read_integer(env, value, name, 0, UINT32_MAX, &integer))
		return false;
	*number = (uint32_t)integer;
	return true;
}

bool read_optional_u32(napi_env env, napi_value value, const char *name, uint32_t *number)
{
	*number = 0;
	return is_absent(env, value) || read_u32(env, value, name, number);
}

bool read_fd(napi_env env, napi_value value, const char *name, int *fd)
{
	int64_t integer;

	if (!read_integer(env, value, name, 0, INT_MAX, &integer))
		return false;
	*fd = (int)integer;
	return true;
}

bool read_ifindex(napi_env env, napi_value value, uint32_t *ifindex)
{
	int64_t integer;

	if (!read_integer(env, value, "ifindex", 1, INT_MAX, &integer))
		return false;
	*ifindex = (uint32_t)integer;
	return true;
}

bool read_text(napi_env env, napi_value value, const char *name, char *text, size_t size)
{
	size_t length, copied;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
		throw_type(env, "%s must be a string", name);
		return false;
	}
	if (length >= size) {
		throw_type(env, "%s must be shorter than %zu bytes", name, size);
		return false;
	}
	if (napi_get_value_string_utf8(env, value, text, size, &copied) != napi_ok) {
		throw_napi(env);
		return false;
	}
	if (strlen(text) != copied) {
		throw_type(env, "%s must not contain a NUL character", name);
		return false;
	}
	return true;
}

bool read_function(napi_env env, napi_value value, const char *name)
{
	if (type_of(env, value) == napi_function)
		return true;
	throw_type(env, "%s must be a function", name);
	return false;
}

napi_value make_number(napi_env env, double number)
{
	napi_value value = NULL;

	return napi_create_double(env, number, &value) == napi_ok ? value : throw_napi(env);
}

napi_value make_boolean(napi_env env, bool boolean)
{
	napi_value value = NULL;

	return napi_get_boolean(env, boolean, &value) == napi_ok ? value : throw_napi(env);
}

napi_value make_text(napi_env env, const char *text)
{
	napi_value value = NULL;

	return napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok ? value : throw_napi(env);
}

static bool set_value(napi_env env, napi_value object, const char *name, napi_value value)
{
	if (!value)
		return false;
	if (napi_set_named_property(env, object, name, value) == napi_ok)
		return true;
	throw_napi(env);
	return false;
}

bool set_number(napi_env env, napi_value object, const char *name, double number)
{
	return set_value(env, object, name, make_number(env, number));
}

bool set_text(napi_env env, napi_value object, const char *name, const char *text)
{
	return set_value(env, object, name, make_text(env, text));
}
