/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the exceptions that index.d.ts promises. */
#include "errors.h"
#include "addon.h"
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's own number for "this kind of object cannot do that"; it is not in errno.h. */
#define ENOTSUPP 524

/* libbpf's numbers from __LIBBPF_ERRNO__START on. */
static const char *const libbpf_names[] = {
	"LIBBPF_ERRNO__LIBELF", "LIBBPF_ERRNO__FORMAT",	  "LIBBPF_ERRNO__KVERSION", "LIBBPF_ERRNO__ENDIAN",
	"LIBBPF_ERRNO__INTERNAL", "LIBBPF_ERRNO__RELOC",  "LIBBPF_ERRNO__LOAD",	    "LIBBPF_ERRNO__VERIFY",
	"LIBBPF_ERRNO__PROG2BIG", "LIBBPF_ERRNO__KVER",	  "LIBBPF_ERRNO__PROGTYPE", "LIBBPF_ERRNO__WRNGPID",
	"LIBBPF_ERRNO__INVSEQ",	  "LIBBPF_ERRNO__NLPARSE",
};

const char *error_name(int error, char *text, size_t size)
{
	const char *name = strerrorname_np(error);

	if (name)
		return name;
	if (error == ENOTSUPP)
		return "ENOTSUPP";
	if (error >= __LIBBPF_ERRNO__START && error - __LIBBPF_ERRNO__START < (int)COUNT(libbpf_names))
		return libbpf_names[error - __LIBBPF_ERRNO__START];
	snprintf(text, size, "E%d", error);
	return text;
}

static void error_words(int error, char *text, size_t size)
{
	if (error == ENOTSUPP)
		snprintf(text, size, "Not supported for this kind of object");
	else
		libbpf_strerror(error, text, size);
}

static napi_value text_value(napi_env env, const char *text)
{
	napi_value value = NULL;

	napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
	return value;
}

static napi_value throw_native(napi_env env, int error, const char *call, const char *detail, const char *object)
{
	char number[16], words[128];
	const char *name = error_name(error, number, sizeof(number));
	napi_value exception, errno_value;
	char *message = NULL;

	error_words(error, words, sizeof(words));
	if (asprintf(&message, "%s %s: %s (%s)%s%s", call, object, words, name, detail ? ": " : "",
		     detail ? detail : "") < 0)
		return throw_napi(env);

	if (napi_create_error(env, NULL, text_value(env, message), &exception) == napi_ok &&
	    napi_create_int32(env, error, &errno_value) == napi_ok &&
	    napi_set_named_property(env, exception, "code", text_value(env, name)) == napi_ok &&
	    napi_set_named_property(env, exception, "errno", errno_value) == napi_ok &&
	    napi_set_named_property(env, exception, "call", text_value(env, call)) == napi_ok &&
	    napi_set_named_property(env, exception, "object", text_value(env, object)) == napi_ok)
		napi_throw(env, exception);
	else
		throw_napi(env);
	free(message);
	return NULL;
}

napi_value throw_errno(napi_env env, int error, const char *call, const char *object, ...)
{
	char text[512];
	va_list list;

	va_start(list, object);
	vsnprintf(text, sizeof(text), object, list);
	va_end(list);
	return throw_native(env, error, call, NULL, text);
}

napi_value throw_errno_detail(napi_env env, int error, const char *call, const char *detail, const char *object, ...)
{
	char text[512];
	va_list list;

	va_start(list, object);
	vsnprintf(text, sizeof(text), object, list);
	va_end(list);
	return throw_native(env, error, call, detail, text);
}

napi_value throw_type(napi_env env, const char *format, ...)
{
	char text[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", text);
	return NULL;
}

napi_value throw_napi(napi_env env)
{
	const napi_extended_error_info *info = NULL;
	const char *message = NULL;
	bool pending = true;

	if (napi_get_last_error_info(env, &info) == napi_ok && info)
		message = info->error_message;
	if (napi_is_exception_pending(env, &pending) == napi_ok && !pending)
		napi_throw_error(env, "ERR_NATIVE", message ? message : "the native addon is out of memory");
	return NULL;
}
