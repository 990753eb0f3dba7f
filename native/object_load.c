/* SPDX-License-Identifier: Apache-2.0 */
/* Putting an object into the kernel: its read-only variables, then the load with the verifier's log. */
#include "errors.h"
#include "object.h"
#include <bpf/btf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Address space for the log of one program; only what the verifier writes becomes memory. Kernels before 6.4 fail with
 * ENOSPC, which hides the reason, where a log does not fit. */
#define LOG_BYTES ((size_t)16 << 20)
/* The end of the log is where the reason stands. */
#define LOG_TAIL_BYTES ((size_t)4096)

/* Where a variable stands in one of the `.rodata` sections. */
struct variable {
	struct bpf_map *map;
	size_t offset;
	size_t size;
};

static bool object_find_in_section(const struct btf *btf, const struct btf_type *section, const char *name,
				   struct variable *variable)
{
	const struct btf_var_secinfo *entry = btf_var_secinfos(section);

	for (int i = 0; i < btf_vlen(section); i++, entry++) {
		const struct btf_type *type = btf__type_by_id(btf, entry->type);

		if (!type || !btf_is_var(type) || strcmp(btf__name_by_offset(btf, type->name_off), name) != 0)
			continue;
		variable->offset = entry->offset;
		variable->size = entry->size;
		return true;
	}
	return false;
}

static bool object_find_variable(struct bpf_object *object, const char *name, struct variable *variable)
{
	const struct btf *btf = bpf_object__btf(object);
	__u32 count = btf ? btf__type_cnt(btf) : 0;

	for (__u32 id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *section = btf__name_by_offset(btf, type->name_off);

		if (!btf_is_datasec(type) || strncmp(section, ".rodata", 7) != 0 ||
		    !object_find_in_section(btf, type, name, variable))
			continue;
		variable->map = bpf_object__find_map_by_name(object, section);
		return variable->map != NULL;
	}
	return false;
}

napi_value object_set_rodata(napi_env env, napi_callback_info info)
{
	struct variable variable = { 0 };
	napi_value arguments[3];
	struct object *object;
	struct bytes bytes;
	const void *initial;
	char name[256];
	size_t size;
	char *copy;
	int error;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	object = object_read(env, arguments[0]);
	if (!object || !read_text(env, arguments[1], "variable", name, sizeof(name)) ||
	    !read_bytes(env, arguments[2], "bytes", &bytes))
		return NULL;
	if (!object_find_variable(object->bpf, name, &variable))
		return throw_errno(env, ENOENT, "objectSetRodata", "%s of %s", name, object->path);
	if (bytes.length != variable.size)
		return throw_type(env, "bytes has %zu bytes, the variable %s has %zu", bytes.length, name,
				  variable.size);

	initial = bpf_map__initial_value(variable.map, &size);
	if (!initial || variable.offset > size || variable.size > size - variable.offset)
		return throw_errno(env, EINVAL, "bpf_map__initial_value", "%s of %s", name, object->path);
	copy = malloc(size);
	if (!copy)
		return throw_errno(env, ENOMEM, "malloc", "%s", name);
	memcpy(copy, initial, size);
	memcpy(copy + variable.offset, bytes.data, variable.size);
	error = bpf_map__set_initial_value(variable.map, copy, size);
	free(copy);
	if (error)
		return throw_errno(env, -error, "bpf_map__set_initial_value", "%s of %s", name, object->path);
	return NULL;
}

/* The last lines of a log, from the start of a line. */
static const char *log_tail(const char *log)
{
	size_t length = strlen(log);
	const char *line;

	if (length <= LOG_TAIL_BYTES)
		return log;
	line = strchr(log + length - LOG_TAIL_BYTES, '\n');
	return line ? line + 1 : log + length - LOG_TAIL_BYTES;
}

/* Says which program the verifier refused; or, where none was, what else there is to look at. */
static void object_throw_load(napi_env env, const struct object *object, int error, char *logs)
{
	struct bpf_program *program;
	char *detail = NULL;
	size_t index = 0;
	int written = -1;

	bpf_object__for_each_program(program, object->bpf) {
		const char *log = logs + index++ * LOG_BYTES;

		if (*log) {
			written = asprintf(&detail, "program %s was refused:\n%s", bpf_program__name(program),
					   log_tail(log));
			break;
		}
	}
	if (!detail && (error == EPERM || error == EACCES))
		written = asprintf(&detail, "this needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
	else if (!detail)
		written = asprintf(&detail, "no program was refused by the verifier, so it was a map or its size");
	throw_errno_detail(env, error, "bpf_object__load", written < 0 ? "no memory for the log" : detail, "%s",
			   object->path);
	if (written >= 0)
		free(detail);
}

/* The verifier gives up with EAGAIN where its thread has a signal to look at, and the signals of a profiler come faster
 * than it is done. */
static int object_load_undisturbed(struct bpf_object *object)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = bpf_object__load(object);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

napi_value object_load(napi_env env, napi_callback_info info)
{
	struct bpf_program *program;
	napi_value arguments[1];
	struct object *object;
	size_t count = 0, index = 0;
	char *logs;
	int error;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	object = object_read(env, arguments[0]);
	if (!object)
		return NULL;
	bpf_object__for_each_program(program, object->bpf)
		count++;
	/* One page more, so that there is something to map where there is no program. */
	logs = mmap(NULL, count * LOG_BYTES + 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (logs == MAP_FAILED)
		return throw_errno(env, errno, "mmap", "%s", object->path);

	/* Loaded or not, libbpf does not load an object twice, so it never looks at these buffers again. */
	bpf_object__for_each_program(program, object->bpf)
		bpf_program__set_log_buf(program, logs + index++ * LOG_BYTES, LOG_BYTES);
	error = object_load_undisturbed(object->bpf);
	if (error)
		object_throw_load(env, object, -error, logs);
	munmap(logs, count * LOG_BYTES + 4096);
	return NULL;
}
