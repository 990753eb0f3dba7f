/* SPDX-License-Identifier: Apache-2.0 */
/* Opening ELF objects, what can be changed before they are loaded, and what they hold. */
#include "object.h"
#include "descriptors.h"
#include "errors.h"
#include "handles.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 256

static const struct handle_kind object_kind = { { 0x51a7c0de5b1d4e01, 0x8d1f6c2a90b34e11 }, "BPF object" };

struct object *object_read(napi_env env, napi_value value)
{
	struct object *object = handle_read(env, value, &object_kind);

	if (object && !object->bpf) {
		throw_type(env, "the BPF object %s is closed", object->path);
		return NULL;
	}
	return object;
}

static void object_release(napi_env env, void *data, void *hint)
{
	struct object *object = data;

	(void)env;
	(void)hint;
	bpf_object__close(object->bpf);
	free(object->path);
	free(object);
}

static napi_value object_open(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], handle;
	struct object *object;
	char path[PATH_MAX];

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_text(env, arguments[0], "path", path, sizeof(path)))
		return NULL;
	object = calloc(1, sizeof(*object));
	if (!object)
		return throw_errno(env, ENOMEM, "calloc", "%s", path);
	object->path = strdup(path);
	object->bpf = object->path ? bpf_object__open_file(path, NULL) : NULL;
	if (!object->bpf) {
		throw_errno(env, errno, "bpf_object__open_file", "%s", path);
		object_release(env, object, NULL);
		return NULL;
	}
	handle = handle_make(env, &object_kind, object, object_release);
	if (!handle)
		object_release(env, object, NULL);
	return handle;
}

/* The map of the first two arguments. */
static struct bpf_map *object_find_map(napi_env env, const napi_value *arguments, struct object **object, char *name)
{
	struct bpf_map *map;

	*object = object_read(env, arguments[0]);
	if (!*object || !read_text(env, arguments[1], "map", name, NAME_MAX_BYTES))
		return NULL;
	map = bpf_object__find_map_by_name((*object)->bpf, name);
	if (!map)
		throw_errno(env, ENOENT, "bpf_object__find_map_by_name", "%s of %s", name, (*object)->path);
	return map;
}

static napi_value object_set_max_entries(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	char name[NAME_MAX_BYTES];
	struct object *object;
	struct bpf_map *map;
	uint32_t entries;
	int error;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	map = object_find_map(env, arguments, &object, name);
	if (!map || !read_u32(env, arguments[2], "maxEntries", &entries))
		return NULL;
	error = bpf_map__set_max_entries(map, entries);
	if (error)
		return throw_errno(env, -error, "bpf_map__set_max_entries", "%s", name);
	return NULL;
}

/* libbpf would quietly take over the sizes of any map, and the program would then read past its values. The number of
 * entries is no danger: the verifier and the lookups go by the map that is there. */
static bool object_same_shape(napi_env env, const struct bpf_map *map, const char *name, int fd)
{
	struct bpf_map_info info;
	char detail[256];

	if (!descriptor_info(env, fd, DESCRIPTOR_MAP, &info, sizeof(info)))
		return false;
	if (info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
	    info.value_size == bpf_map__value_size(map) && info.map_flags == bpf_map__map_flags(map))
		return true;
	snprintf(detail, sizeof(detail),
		 "the existing map has type %u, keys of %u and values of %u bytes, flags %#x; "
		 "the object wants type %u, %u and %u, %#x",
		 info.type, info.key_size, info.value_size, info.map_flags, bpf_map__type(map),
		 bpf_map__key_size(map), bpf_map__value_size(map), bpf_map__map_flags(map));
	throw_errno_detail(env, EINVAL, "bpf_map__reuse_fd", detail, "%s", name);
	return false;
}

static napi_value object_reuse_map(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	char name[NAME_MAX_BYTES];
	struct object *object;
	struct bpf_map *map;
	int fd, error;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	map = object_find_map(env, arguments, &object, name);
	if (!map || !read_fd(env, arguments[2], "fd", &fd) || !object_same_shape(env, map, name, fd))
		return NULL;
	error = bpf_map__reuse_fd(map, fd);
	if (error)
		return throw_errno(env, -error, "bpf_map__reuse_fd", "%s", name);
	return NULL;
}

static napi_value object_skip_program(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	char name[NAME_MAX_BYTES];
	struct bpf_program *program;
	struct object *object;
	int error;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	object = object_read(env, arguments[0]);
	if (!object || !read_text(env, arguments[1], "program", name, sizeof(name)))
		return NULL;
	program = bpf_object__find_program_by_name(object->bpf, name);
	if (!program)
		return throw_errno(env, ENOENT, "bpf_object__find_program_by_name", "%s of %s", name, object->path);
	error = bpf_program__set_autoload(program, false);
	if (error)
		return throw_errno(env, -error, "bpf_program__set_autoload", "%s", name);
	return NULL;
}

/* Appends { name, fd }; what is not in the kernel has the fd -1. */
static bool object_append(napi_env env, napi_value list, uint32_t index, const char *name, int fd)
{
	napi_value item;

	if (napi_create_object(env, &item) != napi_ok) {
		throw_napi(env);
		return false;
	}
	return set_text(env, item, "name", name) && set_number(env, item, "fd", fd < 0 ? -1 : fd) &&
	       napi_set_element(env, list, index, item) == napi_ok;
}

static napi_value object_maps(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], list;
	struct object *object;
	struct bpf_map *map;
	uint32_t count = 0;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	object = object_read(env, arguments[0]);
	if (!object)
		return NULL;
	if (napi_create_array(env, &list) != napi_ok)
		return throw_napi(env);
	bpf_object__for_each_map(map, object->bpf) {
		const char *name = bpf_map__name(map);
		/* libbpf puts the object's name, cut to fit, before `.rodata`, `.bss` and their like. */
		const char *section = bpf_map__is_internal(map) ? strchr(name, '.') : NULL;

		if (!object_append(env, list, count++, section ? section : name, bpf_map__fd(map)))
			return NULL;
	}
	return list;
}

static napi_value object_programs(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], list;
	struct bpf_program *program;
	struct object *object;
	uint32_t count = 0;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	object = object_read(env, arguments[0]);
	if (!object)
		return NULL;
	if (napi_create_array(env, &list) != napi_ok)
		return throw_napi(env);
	bpf_object__for_each_program(program, object->bpf) {
		if (!object_append(env, list, count++, bpf_program__name(program), bpf_program__fd(program)))
			return NULL;
	}
	return list;
}

static napi_value object_close(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	struct object *object;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	object = handle_read(env, arguments[0], &object_kind);
	if (object) {
		bpf_object__close(object->bpf);
		object->bpf = NULL;
	}
	return NULL;
}

bool define_object(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "objectOpen", object_open },
		{ "objectSetMaxEntries", object_set_max_entries },
		{ "objectSetRodata", object_set_rodata },
		{ "objectReuseMap", object_reuse_map },
		{ "objectSkipProgram", object_skip_program },
		{ "objectLoad", object_load },
		{ "objectMaps", object_maps },
		{ "objectPrograms", object_programs },
		{ "objectClose", object_close },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
