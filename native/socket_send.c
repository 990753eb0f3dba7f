/* SPDX-License-Identifier: Apache-2.0 */
/* Sending many messages with one call. */
#include "errors.h"
#include "socket.h"
#include "values.h"
#include <errno.h>
#include <stdlib.h>

struct batch {
	struct mmsghdr messages[SOCKET_MOST_MESSAGES];
	struct iovec vectors[SOCKET_MOST_MESSAGES];
	napi_value data[SOCKET_MOST_MESSAGES];
	napi_value addresses[SOCKET_MOST_MESSAGES];
};

/* Every property is read before any memory is looked up: a getter runs JavaScript, which could move memory. */
static bool batch_read_properties(napi_env env, napi_value list, uint32_t count, struct batch *batch)
{
	napi_value message;

	for (uint32_t i = 0; i < count; i++) {
		if (napi_get_element(env, list, i, &message) != napi_ok) {
			throw_napi(env);
			return false;
		}
		if (!read_property(env, message, "data", &batch->data[i]) ||
		    !read_property(env, message, "address", &batch->addresses[i]))
			return false;
	}
	return true;
}

static bool batch_find_memory(napi_env env, uint32_t count, struct batch *batch)
{
	struct bytes data, address;

	for (uint32_t i = 0; i < count; i++) {
		if (!read_bytes(env, batch->data[i], "messages[].data", &data) ||
		    !read_optional_bytes(env, batch->addresses[i], "messages[].address", &address))
			return false;
		if (address.length > sizeof(struct sockaddr_storage)) {
			throw_type(env, "messages[].address has %zu bytes, which is no struct sockaddr",
				   address.length);
			return false;
		}
		batch->vectors[i] = (struct iovec){ .iov_base = data.data, .iov_len = data.length };
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_name = address.data,
			.msg_namelen = (socklen_t)address.length,
			.msg_iov = &batch->vectors[i],
			.msg_iovlen = 1,
		};
	}
	return true;
}

static napi_value batch_send(napi_env env, const struct socket *socket, uint32_t count, struct batch *batch)
{
	int sent;

	do
		sent = sendmmsg(socket->fd, batch->messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return make_number(env, sent);
	/* A full buffer: of the socket, or of the device behind it. */
	if (errno == EAGAIN || errno == ENOBUFS)
		return make_number(env, 0);
	return throw_errno(env, errno, "sendmmsg", "fd %d", socket->fd);
}

napi_value socket_send(napi_env env, napi_callback_info info)
{
	napi_value arguments[2], result = NULL;
	struct socket *socket;
	struct batch *batch;
	uint32_t count;
	bool array;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	socket = socket_read(env, arguments[0]);
	if (!socket)
		return NULL;
	if (napi_is_array(env, arguments[1], &array) != napi_ok || !array ||
	    napi_get_array_length(env, arguments[1], &count) != napi_ok)
		return throw_type(env, "messages must be an array");
	if (count > SOCKET_MOST_MESSAGES)
		return throw_type(env, "messages has %u elements, at most %d go in one call", count,
				  SOCKET_MOST_MESSAGES);
	batch = malloc(sizeof(*batch));
	if (!batch)
		return throw_errno(env, ENOMEM, "malloc", "%u messages", count);
	/* A getter may have closed the socket in between. */
	if (batch_read_properties(env, arguments[1], count, batch) && batch_find_memory(env, count, batch) &&
	    socket_read(env, arguments[0]))
		result = batch_send(env, socket, count, batch);
	free(batch);
	return result;
}
