/* SPDX-License-Identifier: Apache-2.0 */
/* One map element at a time, and what a map is. */
#include "map.h"
#include "addon.h"
#include "descriptors.h"
#include "errors.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROUND_UP_8(size) (((size_t)(size) + 7) & ~(size_t)7)

static bool map_is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

bool map_read_shape(napi_env env, napi_value value, struct map_shape *shape)
{
	struct bpf_map_info info = { 0 };
	__u32 length = sizeof(info);
	int fd, cpus = 1;

	if (!read_fd(env, value, "fd", &fd))
		return false;
	if (bpf_obj_get_info_by_fd(fd, &info, &length)) {
		throw_errno(env, errno, "bpf_obj_get_info_by_fd", "fd %d", fd);
		return false;
	}
	if (map_is_per_cpu(info.type)) {
		cpus = libbpf_num_possible_cpus();
		if (cpus < 0) {
			throw_errno(env, -cpus, "libbpf_num_possible_cpus", "fd %d", fd);
			return false;
		}
	}
	shape->fd = fd;
	shape->type = info.type;
	shape->entries = info.max_entries;
	shape->flags = info.map_flags;
	shape->key_bytes = info.key_size;
	shape->value_bytes =
		map_is_per_cpu(info.type) ? ROUND_UP_8(info.value_size) * (size_t)cpus : info.value_size;
	if (info.name[0])
		snprintf(shape->name, sizeof(shape->name), "%.*s", (int)sizeof(info.name), info.name);
	else
		snprintf(shape->name, sizeof(shape->name), "fd %d", fd);
	return true;
}

bool map_read_exact(napi_env env, napi_value value, const char *name, const struct map_shape *shape, size_t wanted,
		    struct bytes *bytes)
{
	if (!read_bytes(env, value, name, bytes))
		return false;
	if (bytes->length == wanted)
		return true;
	/* The sizes are nonsense where the descriptor is a program or a link; the kernel itself refuses those, but
	 * only after this. */
	if (descriptor_check(env, shape->fd, DESCRIPTOR_MAP))
		throw_type(env, "%s has %zu bytes, map %s needs %zu", name, bytes->length, shape->name, wanted);
	return false;
}

bool map_read_array(napi_env env, napi_value value, const char *name, const struct map_shape *shape, size_t each,
		    uint32_t count, struct bytes *bytes)
{
	if (!read_bytes(env, value, name, bytes))
		return false;
	if (each == 0 || bytes->length / each >= count)
		return true;
	if (descriptor_check(env, shape->fd, DESCRIPTOR_MAP))
		throw_type(env, "%s has %zu bytes, too few for %u elements of %zu in map %s", name, bytes->length,
			   count, each, shape->name);
	return false;
}

napi_value throw_map(napi_env env, int error, const char *call, const struct map_shape *shape)
{
	return throw_errno(env, error, call, "%s", shape->name);
}

static napi_value map_info(napi_env env, napi_callback_info callback_info)
{
	napi_value arguments[1], result;
	struct bpf_map_info info;
	int fd;

	if (!read_arguments(env, callback_info, COUNT(arguments), arguments) ||
	    !read_fd(env, arguments[0], "fd", &fd) || !descriptor_info(env, fd, DESCRIPTOR_MAP, &info, sizeof(info)))
		return NULL;
	if (napi_create_object(env, &result) != napi_ok)
		return throw_napi(env);
	if (!set_text(env, result, "name", info.name) || !set_number(env, result, "id", info.id) ||
	    !set_number(env, result, "type", info.type) || !set_number(env, result, "keySize", info.key_size) ||
	    !set_number(env, result, "valueSize", info.value_size) ||
	    !set_number(env, result, "maxEntries", info.max_entries) ||
	    !set_number(env, result, "flags", info.map_flags))
		return NULL;
	return result;
}

static napi_value map_create(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	static const char *const names[] = { "type", "keySize", "valueSize", "maxEntries", "flags" };
	napi_value arguments[1], property;
	uint32_t numbers[COUNT(names)];
	char name[BPF_OBJ_NAME_LEN];
	int fd;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_property(env, arguments[0], "name", &property) ||
	    !read_text(env, property, "name", name, sizeof(name)))
		return NULL;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!read_property(env, arguments[0], names[i], &property))
			return NULL;
		if (i == COUNT(names) - 1 ? !read_optional_u32(env, property, names[i], &numbers[i])
					  : !read_u32(env, property, names[i], &numbers[i]))
			return NULL;
	}
	options.map_flags = numbers[4];
	fd = bpf_map_create(numbers[0], name, numbers[1], numbers[2], numbers[3], &options);
	if (fd < 0)
		return throw_errno(env, errno, "bpf_map_create", "%s", name);
	return make_number(env, fd);
}

/* A map without keys (queue, stack) takes no pointer. */
static void *map_key(const struct bytes *key)
{
	return key->length ? key->data : NULL;
}

static napi_value map_lookup(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	struct bytes key, value;
	struct map_shape shape;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !map_read_exact(env, arguments[1], "key", &shape, shape.key_bytes, &key) ||
	    !map_read_exact(env, arguments[2], "value", &shape, shape.value_bytes, &value))
		return NULL;
	if (bpf_map_lookup_elem(shape.fd, map_key(&key), value.data) == 0)
		return make_boolean(env, true);
	return errno == ENOENT ? make_boolean(env, false) : throw_map(env, errno, "bpf_map_lookup_elem", &shape);
}

static napi_value map_update(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	struct bytes key, value;
	struct map_shape shape;
	uint32_t flags;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !map_read_exact(env, arguments[1], "key", &shape, shape.key_bytes, &key) ||
	    !map_read_exact(env, arguments[2], "value", &shape, shape.value_bytes, &value) ||
	    !read_optional_u32(env, arguments[3], "flags", &flags))
		return NULL;
	if (bpf_map_update_elem(shape.fd, map_key(&key), value.data, flags))
		return throw_map(env, errno, "bpf_map_update_elem", &shape);
	return NULL;
}

static napi_value map_delete(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct map_shape shape;
	struct bytes key;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !map_read_exact(env, arguments[1], "key", &shape, shape.key_bytes, &key))
		return NULL;
	if (bpf_map_delete_elem(shape.fd, map_key(&key)) == 0)
		return make_boolean(env, true);
	return errno == ENOENT ? make_boolean(env, false) : throw_map(env, errno, "bpf_map_delete_elem", &shape);
}

static napi_value map_next_key(napi_env env, napi_callback_info info)
{
	struct bytes key = { 0 }, next;
	napi_value arguments[3];
	struct map_shape shape;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape))
		return NULL;
	if (!is_absent(env, arguments[1]) &&
	    !map_read_exact(env, arguments[1], "key", &shape, shape.key_bytes, &key))
		return NULL;
	if (!map_read_exact(env, arguments[2], "next", &shape, shape.key_bytes, &next))
		return NULL;
	if (bpf_map_get_next_key(shape.fd, map_key(&key), next.data) == 0)
		return make_boolean(env, true);
	return errno == ENOENT ? make_boolean(env, false) : throw_map(env, errno, "bpf_map_get_next_key", &shape);
}

bool define_map(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "mapInfo", map_info },     { "mapCreate", map_create }, { "mapLookup", map_lookup },
		{ "mapUpdate", map_update }, { "mapDelete", map_delete }, { "mapNextKey", map_next_key },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
