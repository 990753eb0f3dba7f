/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching programs to devices: XDP and tcx links, and the classic filter at clsact. */
#include "addon.h"
#include "descriptors.h"
#include "errors.h"
#include "values.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Kernel 6.6 and newer; Debian 12's headers are older. */
#define LINK_TYPE_TCX 11
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS 47

/* The argument is one of two words. */
static bool link_read_choice(napi_env env, napi_value value, const char *name, const char *yes, const char *no,
			     bool *chosen)
{
	char text[16];

	if (!read_text(env, value, name, text, sizeof(text)))
		return false;
	*chosen = strcmp(text, yes) == 0;
	if (*chosen || strcmp(text, no) == 0)
		return true;
	throw_type(env, "%s must be '%s' or '%s'", name, yes, no);
	return false;
}

/* libbpf 1.1 has no wrapper for tcx, and XDP needs nothing that it would add. */
static napi_value link_create(napi_env env, int program_fd, uint32_t ifindex, uint32_t attach_type, uint32_t flags)
{
	union bpf_attr attributes;
	int fd;

	memset(&attributes, 0, sizeof(attributes));
	attributes.link_create.prog_fd = (__u32)program_fd;
	attributes.link_create.target_ifindex = ifindex;
	attributes.link_create.attach_type = attach_type;
	attributes.link_create.flags = flags;
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
	if (fd < 0)
		return throw_errno(env, errno, attach_type == BPF_XDP ? "bpf_link_create(xdp)" : "bpf_link_create(tcx)",
				   "ifindex %u", ifindex);
	return make_number(env, fd);
}

static napi_value link_xdp(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	uint32_t ifindex;
	int program_fd;
	bool native;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_fd(env, arguments[0], "programFd", &program_fd) || !read_ifindex(env, arguments[1], &ifindex) ||
	    !link_read_choice(env, arguments[2], "mode", "native", "generic", &native))
		return NULL;
	return link_create(env, program_fd, ifindex, BPF_XDP, native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
}

static napi_value link_tcx(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	uint32_t ifindex;
	int program_fd;
	bool ingress;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_fd(env, arguments[0], "programFd", &program_fd) || !read_ifindex(env, arguments[1], &ifindex) ||
	    !link_read_choice(env, arguments[2], "direction", "ingress", "egress", &ingress))
		return NULL;
	return link_create(env, program_fd, ifindex, ingress ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS, 0);
}

static napi_value link_update(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	int link_fd, program_fd;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_fd(env, arguments[0], "linkFd", &link_fd) || !read_fd(env, arguments[1], "programFd", &program_fd))
		return NULL;
	if (bpf_link_update(link_fd, program_fd, NULL))
		return throw_errno(env, errno, "bpf_link_update", "fd %d", link_fd);
	return NULL;
}

static napi_value link_info(napi_env env, napi_callback_info callback_info)
{
	napi_value arguments[1], result;
	struct bpf_link_info info;
	uint32_t ifindex;
	int fd;

	if (!read_arguments(env, callback_info, COUNT(arguments), arguments) ||
	    !read_fd(env, arguments[0], "linkFd", &fd) ||
	    !descriptor_info(env, fd, DESCRIPTOR_LINK, &info, sizeof(info)))
		return NULL;
	/* The device stands first in the part of either type. */
	ifindex = info.type == BPF_LINK_TYPE_XDP || info.type == LINK_TYPE_TCX ? info.xdp.ifindex : 0;
	if (napi_create_object(env, &result) != napi_ok)
		return throw_napi(env);
	if (!set_number(env, result, "id", info.id) || !set_number(env, result, "type", info.type) ||
	    !set_number(env, result, "programId", info.prog_id) || !set_number(env, result, "ifindex", ifindex))
		return NULL;
	return result;
}

static napi_value link_detach(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	int fd;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !read_fd(env, arguments[0], "linkFd", &fd))
		return NULL;
	if (bpf_link_detach(fd))
		return throw_errno(env, errno, "bpf_link_detach", "fd %d", fd);
	return NULL;
}

/* The four arguments that name a filter. */
static bool clsact_read(napi_env env, const napi_value *arguments, struct bpf_tc_hook *hook, struct bpf_tc_opts *filter)
{
	int64_t handle, priority;
	uint32_t ifindex;
	bool ingress;

	if (!read_ifindex(env, arguments[0], &ifindex) ||
	    !link_read_choice(env, arguments[1], "direction", "ingress", "egress", &ingress) ||
	    !read_integer(env, arguments[2], "handle", 1, UINT32_MAX, &handle) ||
	    !read_integer(env, arguments[3], "priority", 1, UINT16_MAX, &priority))
		return false;
	hook->ifindex = (int)ifindex;
	hook->attach_point = ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
	filter->handle = (__u32)handle;
	filter->priority = (__u32)priority;
	return true;
}

static napi_value clsact_attach(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_tc_opts, filter, .flags = BPF_TC_F_REPLACE);
	LIBBPF_OPTS(bpf_tc_hook, hook);
	napi_value arguments[5];
	int program_fd, error;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_fd(env, arguments[0], "programFd", &program_fd) || !clsact_read(env, arguments + 1, &hook, &filter))
		return NULL;
	error = bpf_tc_hook_create(&hook);
	if (error && error != -EEXIST)
		return throw_errno(env, -error, "bpf_tc_hook_create", "ifindex %d", hook.ifindex);
	filter.prog_fd = program_fd;
	error = bpf_tc_attach(&hook, &filter);
	if (error)
		return throw_errno(env, -error, "bpf_tc_attach", "ifindex %d", hook.ifindex);
	return NULL;
}

/* The qdisc stays: somebody else may have a filter there. */
static napi_value clsact_detach(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_tc_opts, filter);
	LIBBPF_OPTS(bpf_tc_hook, hook);
	napi_value arguments[4];
	int error;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !clsact_read(env, arguments, &hook, &filter))
		return NULL;
	error = bpf_tc_detach(&hook, &filter);
	if (error)
		return throw_errno(env, -error, "bpf_tc_detach", "ifindex %d", hook.ifindex);
	return NULL;
}

bool define_link(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "linkXdp", link_xdp },	     { "linkTcx", link_tcx },	    { "linkUpdate", link_update },
		{ "linkInfo", link_info },	     { "linkDetach", link_detach }, { "clsactAttach", clsact_attach },
		{ "clsactDetach", clsact_detach },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
