/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving on the event loop: recvmmsg into the slots of the caller's arena, one call for each batch. */
#include "errors.h"
#include "socket.h"
#include "values.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* struct sockaddr_in6 is the largest that packets come from; a longer one is cut. */
#define ADDRESS_BYTES 28
/* A sender that is as fast as we are must not keep the event loop here. */
#define MOST_ROUNDS 8

struct arena {
	struct bytes slots;
	struct bytes lengths; /* length in elements */
	struct bytes addresses;
	napi_value lengths_value;
	napi_value addresses_value;
};

static bool arena_find(napi_env env, napi_ref reference, napi_value *value, struct bytes *bytes)
{
	void *data = NULL;

	if (napi_get_reference_value(env, reference, value) != napi_ok ||
	    napi_get_typedarray_info(env, *value, NULL, &bytes->length, &data, NULL, NULL) != napi_ok)
		return false;
	bytes->data = data;
	return true;
}

/* Where the memory is now. JavaScript may have transferred a buffer away since the last time; then false. */
static bool socket_find_arena(struct socket *socket, struct arena *arena)
{
	napi_env env = socket->poller.env;
	napi_value arena_value;

	return arena_find(env, socket->arena, &arena_value, &arena->slots) &&
	       arena_find(env, socket->lengths, &arena->lengths_value, &arena->lengths) &&
	       arena_find(env, socket->addresses, &arena->addresses_value, &arena->addresses) &&
	       arena->slots.length >= socket->slots * socket->slot_bytes &&
	       arena->lengths.length == socket->slots &&
	       arena->addresses.length == (size_t)socket->slots * ADDRESS_BYTES;
}

static void socket_tell(struct socket *socket, int count, const struct arena *arena, int error)
{
	napi_env env = socket->poller.env;
	napi_value arguments[4];
	char number[16];

	if (napi_create_int32(env, count, &arguments[0]) != napi_ok ||
	    (error ? napi_create_string_utf8(env, error_name(error, number, sizeof(number)), NAPI_AUTO_LENGTH,
					     &arguments[3])
		   : napi_get_null(env, &arguments[3])) != napi_ok)
		return;
	arguments[1] = arena->lengths_value;
	arguments[2] = arena->addresses_value;
	poller_call(&socket->poller, COUNT(arguments), arguments);
}

static int socket_fill(struct socket *socket, const struct arena *arena)
{
	int count;

	/* The kernel writes as much of an address as there is; the rest must not be an older one. */
	memset(arena->addresses.data, 0, arena->addresses.length);
	for (unsigned int i = 0; i < socket->slots; i++) {
		socket->vectors[i].iov_base = arena->slots.data + i * socket->slot_bytes;
		socket->vectors[i].iov_len = socket->slot_bytes;
		socket->messages[i].msg_hdr = (struct msghdr){
			.msg_name = arena->addresses.data + (size_t)i * ADDRESS_BYTES,
			.msg_namelen = ADDRESS_BYTES,
			.msg_iov = &socket->vectors[i],
			.msg_iovlen = 1,
		};
	}
	do
		count = recvmmsg(socket->fd, socket->messages, socket->slots, MSG_DONTWAIT | MSG_TRUNC, NULL);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++)
		memcpy(arena->lengths.data + (size_t)i * sizeof(uint32_t), &socket->messages[i].msg_len,
		       sizeof(uint32_t));
	return count;
}

static void socket_ready(struct poller *poller)
{
	struct socket *socket = (struct socket *)poller;
	struct arena arena;

	for (int round = 0; round < MOST_ROUNDS && socket->poller.active; round++) {
		int count;

		if (!socket_find_arena(socket, &arena)) {
			napi_throw_error(poller->env, "ERR_NATIVE",
					 "socketReceive: its arena, lengths or addresses have been detached; "
					 "the socket is closed");
			socket_shut(socket);
			poller_raise(poller);
			return;
		}
		count = socket_fill(socket, &arena);
		if (count == -EAGAIN)
			return;
		socket_tell(socket, count < 0 ? 0 : count, &arena, count < 0 ? -count : 0);
		if (count >= 0 && (unsigned int)count < socket->slots)
			return;
	}
}

static void socket_released(struct poller *poller)
{
	struct socket *socket = (struct socket *)poller;

	napi_delete_reference(poller->env, socket->arena);
	napi_delete_reference(poller->env, socket->lengths);
	napi_delete_reference(poller->env, socket->addresses);
	socket_drop(socket);
}

static bool socket_make_array(napi_env env, napi_typedarray_type type, size_t length, size_t each, napi_ref *reference)
{
	napi_value buffer, array;
	void *data;

	return napi_create_arraybuffer(env, length * each, &data, &buffer) == napi_ok &&
	       napi_create_typedarray(env, type, length, buffer, 0, &array) == napi_ok &&
	       napi_create_reference(env, array, 1, reference) == napi_ok;
}

/* The memory that the receiver keeps. False with nothing kept. */
static bool socket_make_slots(napi_env env, struct socket *socket, napi_value arena)
{
	socket->messages = calloc(socket->slots, sizeof(*socket->messages));
	socket->vectors = calloc(socket->slots, sizeof(*socket->vectors));
	if (!socket->messages || !socket->vectors || napi_create_reference(env, arena, 1, &socket->arena) != napi_ok)
		goto no_arena;
	if (!socket_make_array(env, napi_uint32_array, socket->slots, sizeof(uint32_t), &socket->lengths))
		goto no_lengths;
	if (!socket_make_array(env, napi_uint8_array, (size_t)socket->slots * ADDRESS_BYTES, 1, &socket->addresses))
		goto no_addresses;
	return true;

no_addresses:
	napi_delete_reference(env, socket->lengths);
no_lengths:
	napi_delete_reference(env, socket->arena);
no_arena:
	free(socket->messages);
	free(socket->vectors);
	socket->messages = NULL;
	socket->vectors = NULL;
	return false;
}

napi_value socket_receive(napi_env env, napi_callback_info info)
{
	napi_value arguments[5];
	bool keep_alive = false;
	struct socket *socket;
	struct bytes arena;
	int64_t slot_bytes;
	size_t slots;

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	socket = socket_read(env, arguments[0]);
	if (!socket || !read_bytes(env, arguments[1], "arena", &arena) ||
	    !read_integer(env, arguments[2], "slotBytes", 1, UINT32_MAX, &slot_bytes) ||
	    !read_function(env, arguments[3], "onMessages"))
		return NULL;
	if (!is_absent(env, arguments[4]) && napi_get_value_bool(env, arguments[4], &keep_alive) != napi_ok)
		return throw_type(env, "keepAlive must be a boolean");
	if (socket->messages)
		return throw_type(env, "the socket is receiving already");
	slots = arena.length / (size_t)slot_bytes;
	if (slots == 0)
		return throw_type(env, "arena has %zu bytes, less than one slot of %lld", arena.length,
				  (long long)slot_bytes);

	socket->slot_bytes = (size_t)slot_bytes;
	socket->slots = slots < SOCKET_MOST_MESSAGES ? (unsigned int)slots : SOCKET_MOST_MESSAGES;
	if (!socket_make_slots(env, socket, arguments[1]))
		return throw_napi(env);
	socket->poller.ready = socket_ready;
	socket->poller.released = socket_released;
	socket->holders++;
	if (!poller_start(env, &socket->poller, socket->fd, arguments[0], arguments[3], "SLUICESOCKET", keep_alive))
		socket_released(&socket->poller);
	return NULL;
}
