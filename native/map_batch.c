/* SPDX-License-Identifier: Apache-2.0 */
/* Many map elements at a time: batches into the caller's arrays, and arrays mapped into memory. */
#include "addon.h"
#include "descriptors.h"
#include "errors.h"
#include "map.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

/* The kernel's cursor is a bucket number for hashes and a key for the others. */
#define CURSOR_LEAST_BYTES ((size_t)16)

static napi_value map_lookup_batch(napi_env env, napi_callback_info info)
{
	napi_value arguments[6], result, done;
	struct bytes cursor, keys, values;
	struct map_shape shape;
	int64_t most;
	size_t cursor_bytes;
	bool first;
	__u32 count;
	int error;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !read_integer(env, arguments[5], "maxCount", 1, UINT32_MAX, &most) ||
	    !read_bytes(env, arguments[1], "cursor", &cursor) ||
	    !map_read_array(env, arguments[3], "keys", &shape, shape.key_bytes, (uint32_t)most, &keys) ||
	    !map_read_array(env, arguments[4], "values", &shape, shape.value_bytes, (uint32_t)most, &values))
		return NULL;
	if (napi_get_value_bool(env, arguments[2], &first) != napi_ok)
		return throw_type(env, "first must be a boolean");
	cursor_bytes = shape.key_bytes > CURSOR_LEAST_BYTES ? shape.key_bytes : CURSOR_LEAST_BYTES;
	if (cursor.length < cursor_bytes)
		return throw_type(env, "cursor has %zu bytes, map %s needs %zu or more", cursor.length, shape.name,
				  cursor_bytes);

	count = (__u32)most;
	error = bpf_map_lookup_batch(shape.fd, first ? NULL : cursor.data, cursor.data, keys.data, values.data, &count,
				     NULL);
	/* ENOENT: these were the last ones. */
	if (error && errno != ENOENT)
		return throw_map(env, errno, "bpf_map_lookup_batch", &shape);
	if (napi_create_object(env, &result) != napi_ok)
		return throw_napi(env);
	done = make_boolean(env, error != 0);
	if (!done || !set_number(env, result, "count", count))
		return NULL;
	if (napi_set_named_property(env, result, "done", done) != napi_ok)
		return throw_napi(env);
	return result;
}

/* The kernel has no batch for keys that are named; what is saved is all that stands around its calls. */
static napi_value map_lookup_each(napi_env env, napi_callback_info info)
{
	struct bytes keys, values, found;
	struct map_shape shape;
	napi_value arguments[5];
	uint32_t count, there = 0;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !read_u32(env, arguments[4], "count", &count) ||
	    !map_read_array(env, arguments[1], "keys", &shape, shape.key_bytes, count, &keys) ||
	    !map_read_array(env, arguments[2], "values", &shape, shape.value_bytes, count, &values) ||
	    !map_read_array(env, arguments[3], "found", &shape, 1, count, &found))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		bool missing = bpf_map_lookup_elem(shape.fd, keys.data + i * shape.key_bytes,
						   values.data + i * shape.value_bytes) != 0;

		if (missing && errno != ENOENT)
			return throw_map(env, errno, "bpf_map_lookup_elem", &shape);
		found.data[i] = !missing;
		there += !missing;
	}
	return make_number(env, there);
}

static napi_value throw_stopped(napi_env env, int error, const char *call, const struct map_shape *shape, uint32_t done,
				uint32_t wanted)
{
	char detail[80];

	/* The kernel leaves the count alone where it refused the call as a whole. */
	if (done >= wanted)
		return throw_map(env, error, call, shape);
	snprintf(detail, sizeof(detail), "stopped after %u of %u elements", done, wanted);
	return throw_errno_detail(env, error, call, detail, "%s", shape->name);
}

static napi_value map_update_batch(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	napi_value arguments[5];
	struct bytes keys, values;
	struct map_shape shape;
	uint32_t wanted, flags;
	__u32 count;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !read_u32(env, arguments[3], "count", &wanted) ||
	    !map_read_array(env, arguments[1], "keys", &shape, shape.key_bytes, wanted, &keys) ||
	    !map_read_array(env, arguments[2], "values", &shape, shape.value_bytes, wanted, &values) ||
	    !read_optional_u32(env, arguments[4], "flags", &flags))
		return NULL;
	options.elem_flags = flags;
	count = wanted;
	if (bpf_map_update_batch(shape.fd, keys.data, values.data, &count, &options))
		return throw_stopped(env, errno, "bpf_map_update_batch", &shape, count, wanted);
	return make_number(env, count);
}

static napi_value map_delete_batch(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	struct map_shape shape;
	struct bytes keys;
	uint32_t wanted;
	__u32 count;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !read_u32(env, arguments[2], "count", &wanted) ||
	    !map_read_array(env, arguments[1], "keys", &shape, shape.key_bytes, wanted, &keys))
		return NULL;
	count = wanted;
	if (bpf_map_delete_batch(shape.fd, keys.data, &count, NULL))
		return throw_stopped(env, errno, "bpf_map_delete_batch", &shape, count, wanted);
	return make_number(env, count);
}

static void map_unmap(napi_env env, void *data, void *length)
{
	(void)env;
	munmap(data, (size_t)length);
}

static napi_value map_memory(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], memory;
	struct map_shape shape;
	size_t length;
	void *data;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !descriptor_check(env, shape.fd, DESCRIPTOR_MAP))
		return NULL;
	if (shape.type != BPF_MAP_TYPE_ARRAY || !(shape.flags & BPF_F_MMAPABLE))
		return throw_type(env, "map %s is not an array with BPF_F_MMAPABLE", shape.name);
	length = (size_t)shape.entries * ((shape.value_bytes + 7) & ~(size_t)7);
	data = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, shape.fd, 0);
	if (data == MAP_FAILED)
		return throw_map(env, errno, "mmap", &shape);
	if (napi_create_external_arraybuffer(env, data, length, map_unmap, (void *)length, &memory) != napi_ok) {
		munmap(data, length);
		return throw_napi(env);
	}
	return memory;
}

static napi_value map_possible_cpus(napi_env env, napi_callback_info info)
{
	int cpus = libbpf_num_possible_cpus();

	(void)info;
	if (cpus < 0)
		return throw_errno(env, -cpus, "libbpf_num_possible_cpus", "/sys/devices/system/cpu/possible");
	return make_number(env, cpus);
}

bool define_map_batch(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "mapLookupBatch", map_lookup_batch }, { "mapLookupEach", map_lookup_each },
		{ "mapUpdateBatch", map_update_batch }, { "mapDeleteBatch", map_delete_batch },
		{ "mapMemory", map_memory },            { "possibleCpus", map_possible_cpus },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
