/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of every domain: opened in the network namespace of the calling thread. */
#include "socket.h"
#include "errors.h"
#include "handles.h"
#include "values.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct handle_kind socket_kind = { { 0x51a7c0de5b1d4e03, 0x6c03f1de82a74b33 }, "socket" };

struct socket *socket_read(napi_env env, napi_value value)
{
	struct socket *socket = handle_read(env, value, &socket_kind);

	if (socket && socket->fd < 0) {
		throw_type(env, "the socket is closed");
		return NULL;
	}
	return socket;
}

void socket_drop(struct socket *socket)
{
	if (--socket->holders > 0)
		return;
	free(socket->messages);
	free(socket->vectors);
	free(socket);
}

void socket_shut(struct socket *socket)
{
	if (socket->fd < 0)
		return;
	poller_stop(&socket->poller);
	close(socket->fd);
	socket->fd = -1;
}

static void socket_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	socket_shut(data);
	socket_drop(data);
}

/* One element of `options`. */
static bool socket_set_option(napi_env env, int fd, napi_value option)
{
	napi_value level_value, name_value, bytes_value;
	int64_t level, name;
	struct bytes bytes;

	if (!read_property(env, option, "level", &level_value) || !read_property(env, option, "name", &name_value) ||
	    !read_property(env, option, "value", &bytes_value) ||
	    !read_integer(env, level_value, "options[].level", 0, INT32_MAX, &level) ||
	    !read_integer(env, name_value, "options[].name", 0, INT32_MAX, &name) ||
	    !read_bytes(env, bytes_value, "options[].value", &bytes))
		return false;
	if (setsockopt(fd, (int)level, (int)name, bytes.data, (socklen_t)bytes.length) == 0)
		return true;
	throw_errno(env, errno, "setsockopt", "level %d name %d", (int)level, (int)name);
	return false;
}

static bool socket_set_options(napi_env env, int fd, napi_value list)
{
	napi_value option;
	uint32_t length;
	bool array;

	if (is_absent(env, list))
		return true;
	if (napi_is_array(env, list, &array) != napi_ok || !array ||
	    napi_get_array_length(env, list, &length) != napi_ok) {
		throw_type(env, "options must be an array");
		return false;
	}
	for (uint32_t i = 0; i < length; i++) {
		if (napi_get_element(env, list, i, &option) != napi_ok) {
			throw_napi(env);
			return false;
		}
		if (!socket_set_option(env, fd, option))
			return false;
	}
	return true;
}

static bool socket_bind(napi_env env, int fd, napi_value value)
{
	struct sockaddr_storage address = { 0 };
	struct bytes bytes;

	if (is_absent(env, value))
		return true;
	if (!read_bytes(env, value, "address", &bytes))
		return false;
	if (bytes.length < sizeof(sa_family_t) || bytes.length > sizeof(address)) {
		throw_type(env, "address has %zu bytes, which is no struct sockaddr", bytes.length);
		return false;
	}
	/* Copied for its alignment. */
	memcpy(&address, bytes.data, bytes.length);
	if (bind(fd, (struct sockaddr *)&address, (socklen_t)bytes.length) == 0)
		return true;
	throw_errno(env, errno, "bind", "socket of domain %d", address.ss_family);
	return false;
}

static napi_value socket_open(napi_env env, napi_callback_info info)
{
	static const char *const names[] = { "domain", "type", "protocol", "address", "options" };
	napi_value arguments[1], values[COUNT(names)], handle;
	int64_t domain, type, protocol;
	struct socket *socket_data;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	for (size_t i = 0; i < COUNT(names); i++)
		if (!read_property(env, arguments[0], names[i], &values[i]))
			return NULL;
	/* The upper bits of a type are flags, which are ours to set. */
	if (!read_integer(env, values[0], "domain", 1, 255, &domain) ||
	    !read_integer(env, values[1], "type", 1, 15, &type) ||
	    !read_integer(env, values[2], "protocol", 0, UINT16_MAX, &protocol))
		return NULL;

	socket_data = calloc(1, sizeof(*socket_data));
	if (!socket_data)
		return throw_errno(env, ENOMEM, "calloc", "socket");
	socket_data->holders = 1;
	socket_data->fd = socket((int)domain, (int)type | SOCK_NONBLOCK | SOCK_CLOEXEC,
				 domain == AF_PACKET ? htons((uint16_t)protocol) : (int)protocol);
	if (socket_data->fd < 0) {
		throw_errno(env, errno, "socket", "domain %d type %d protocol %d", (int)domain, (int)type,
			    (int)protocol);
		free(socket_data);
		return NULL;
	}
	if (socket_set_options(env, socket_data->fd, values[4]) && socket_bind(env, socket_data->fd, values[3])) {
		handle = handle_make(env, &socket_kind, socket_data, socket_finalize);
		if (handle)
			return handle;
	}
	socket_finalize(env, socket_data, NULL);
	return NULL;
}

static napi_value socket_address(napi_env env, napi_callback_info info)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);
	napi_value arguments[1], buffer, result;
	struct socket *socket;
	void *data;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	socket = socket_read(env, arguments[0]);
	if (!socket)
		return NULL;
	if (getsockname(socket->fd, (struct sockaddr *)&address, &length))
		return throw_errno(env, errno, "getsockname", "fd %d", socket->fd);
	if (length > sizeof(address))
		length = sizeof(address);
	if (napi_create_arraybuffer(env, length, &data, &buffer) != napi_ok)
		return throw_napi(env);
	memcpy(data, &address, length);
	if (napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &result) != napi_ok)
		return throw_napi(env);
	return result;
}

static napi_value socket_close(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	struct socket *socket;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	socket = handle_read(env, arguments[0], &socket_kind);
	if (socket)
		socket_shut(socket);
	return NULL;
}

bool define_socket(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "socketOpen", socket_open }, { "socketReceive", socket_receive },
		{ "socketSend", socket_send }, { "socketAddress", socket_address },
		{ "socketClose", socket_close },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
