/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors of BPF maps, programs and links, and their pins in the BPF file system. */
#include "descriptors.h"
#include "addon.h"
#include "errors.h"
#include "values.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What /proc/self/fd/N points to. The kernel has two names for a link: one where it is made, and one where it is opened
 * again from a pin or by its id. */
static const struct {
	const char *target;
	const char *opened;
	const char *name;
} kinds[] = {
	[DESCRIPTOR_MAP] = { "anon_inode:bpf-map", "anon_inode:bpf-map", "map" },
	[DESCRIPTOR_PROGRAM] = { "anon_inode:bpf-prog", "anon_inode:bpf-prog", "program" },
	[DESCRIPTOR_LINK] = { "anon_inode:bpf_link", "anon_inode:bpf-link", "link" },
};

bool descriptor_check(napi_env env, int fd, enum descriptor_kind kind)
{
	char path[40], target[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0) {
		if (errno == ENOENT && access("/proc/self/fd", F_OK) == 0)
			throw_errno(env, EBADF, "readlink", "fd %d", fd);
		else
			throw_errno(env, errno, "readlink", "%s", path);
		return false;
	}
	target[length] = 0;
	if (strcmp(target, kinds[kind].target) == 0 || strcmp(target, kinds[kind].opened) == 0)
		return true;
	throw_type(env, "fd %d is not a BPF %s but %s", fd, kinds[kind].name, target);
	return false;
}

bool descriptor_info(napi_env env, int fd, enum descriptor_kind kind, void *info, size_t size)
{
	__u32 length = (__u32)size;

	if (!descriptor_check(env, fd, kind))
		return false;
	memset(info, 0, size);
	if (bpf_obj_get_info_by_fd(fd, info, &length) == 0)
		return true;
	throw_errno(env, errno, "bpf_obj_get_info_by_fd", "fd %d", fd);
	return false;
}

static napi_value descriptor_pin(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	char path[PATH_MAX];
	int fd;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !read_fd(env, arguments[0], "fd", &fd) ||
	    !read_text(env, arguments[1], "path", path, sizeof(path)))
		return NULL;
	if (bpf_obj_pin(fd, path))
		return throw_errno(env, errno, "bpf_obj_pin", "%s", path);
	return NULL;
}

static napi_value descriptor_pin_get(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	char path[PATH_MAX];
	int fd;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_text(env, arguments[0], "path", path, sizeof(path)))
		return NULL;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return throw_errno(env, errno, "bpf_obj_get", "%s", path);
	return make_number(env, fd);
}

static napi_value descriptor_close(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	int fd;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !read_fd(env, arguments[0], "fd", &fd))
		return NULL;
	/* EINTR: Linux has closed it all the same. */
	if (close(fd) && errno != EINTR)
		return throw_errno(env, errno, "close", "fd %d", fd);
	return NULL;
}

static napi_value descriptor_duplicate(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	int fd, copy;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !read_fd(env, arguments[0], "fd", &fd))
		return NULL;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return throw_errno(env, errno, "fcntl", "fd %d", fd);
	return make_number(env, copy);
}

bool define_descriptors(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "pin", descriptor_pin },
		{ "pinGet", descriptor_pin_get },
		{ "fdClose", descriptor_close },
		{ "fdDuplicate", descriptor_duplicate },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
