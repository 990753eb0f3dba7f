/* SPDX-License-Identifier: Apache-2.0 */
/* What a loaded program is, and running it on a packet of ours. */
#include "addon.h"
#include "descriptors.h"
#include "errors.h"
#include "values.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

#define INSTRUCTION_BYTES 8

static napi_value program_info(napi_env env, napi_callback_info callback_info)
{
	struct bpf_prog_info info;
	napi_value arguments[1], result;
	char tag[2 * BPF_TAG_SIZE + 1];
	int fd;

	if (!read_arguments(env, callback_info, COUNT(arguments), arguments) ||
	    !read_fd(env, arguments[0], "fd", &fd) ||
	    !descriptor_info(env, fd, DESCRIPTOR_PROGRAM, &info, sizeof(info)))
		return NULL;
	for (size_t i = 0; i < BPF_TAG_SIZE; i++)
		snprintf(tag + 2 * i, 3, "%02x", info.tag[i]);
	if (napi_create_object(env, &result) != napi_ok)
		return throw_napi(env);
	if (!set_text(env, result, "name", info.name) || !set_number(env, result, "id", info.id) ||
	    !set_number(env, result, "type", info.type) || !set_text(env, result, "tag", tag) ||
	    !set_number(env, result, "verifiedInstructions", info.verified_insns) ||
	    !set_number(env, result, "translatedInstructions", info.xlated_prog_len / INSTRUCTION_BYTES))
		return NULL;
	return result;
}

/* Reads every property first: a getter runs JavaScript, which could move memory that has been read before it. */
static bool program_read_run(napi_env env, napi_value run, struct bpf_test_run_opts *options)
{
	static const char *const names[] = { "data",   "dataOut", "context", "contextOut",
					     "repeat", "flags",	  "cpu",     "batchSize" };
	struct bytes bytes[4];
	napi_value properties[COUNT(names)];
	uint32_t numbers[4];

	for (size_t i = 0; i < COUNT(names); i++)
		if (!read_property(env, run, names[i], &properties[i]))
			return false;
	for (size_t i = 0; i < 4; i++)
		if (!read_optional_bytes(env, properties[i], names[i], &bytes[i]) ||
		    !read_optional_u32(env, properties[4 + i], names[4 + i], &numbers[i]))
			return false;
	for (size_t i = 0; i < 4; i++) {
		if (bytes[i].length > UINT32_MAX) {
			throw_type(env, "%s must be shorter than 4 GiB", names[i]);
			return false;
		}
	}
	options->data_in = bytes[0].data;
	options->data_size_in = (__u32)bytes[0].length;
	options->data_out = bytes[1].data;
	options->data_size_out = (__u32)bytes[1].length;
	options->ctx_in = bytes[2].data;
	options->ctx_size_in = (__u32)bytes[2].length;
	options->ctx_out = bytes[3].data;
	options->ctx_size_out = (__u32)bytes[3].length;
	options->repeat = (int)numbers[0];
	options->flags = numbers[1];
	options->cpu = numbers[2];
	options->batch_size = numbers[3];
	return true;
}

static napi_value program_test_run(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	napi_value arguments[2], result;
	int fd;

	if (!read_arguments(env, info, COUNT(arguments), arguments) ||
	    !read_fd(env, arguments[0], "programFd", &fd) || !program_read_run(env, arguments[1], &options))
		return NULL;
	if (bpf_prog_test_run_opts(fd, &options))
		return throw_errno(env, errno, "bpf_prog_test_run_opts", "fd %d", fd);
	if (napi_create_object(env, &result) != napi_ok)
		return throw_napi(env);
	if (!set_number(env, result, "result", (int32_t)options.retval) ||
	    !set_number(env, result, "dataSize", options.data_size_out) ||
	    !set_number(env, result, "contextSize", options.ctx_size_out) ||
	    !set_number(env, result, "durationNs", options.duration))
		return NULL;
	return result;
}

bool define_program(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "programInfo", program_info },
		{ "testRun", program_test_run },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
