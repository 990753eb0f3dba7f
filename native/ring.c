/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF ring buffer on the event loop: records are gathered in the caller's arena, then one call hears of them. */
#include "addon.h"
#include "errors.h"
#include "handles.h"
#include "map.h"
#include "poller.h"
#include <bpf/libbpf.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ring {
	struct poller poller;
	struct ring_buffer *buffer; /* NULL once closed */
	napi_ref arena;
	size_t capacity; /* of the kernel's buffer */
	uint64_t skipped;
	/* The JavaScript object, and the event loop while it holds the poller. */
	int holders;

	/* While draining; the memory is looked up again after every callback, which may have taken it away. */
	bool draining;
	bool closing;
	bool direct; /* ringConsume: exceptions go to its caller */
	struct bytes memory;
	size_t used;
	size_t read;
	uint32_t count;
	uint32_t total;
};

static const struct handle_kind ring_kind = { { 0x51a7c0de5b1d4e02, 0x2b7e9914c5d04f22 }, "ring buffer" };

static void ring_drop(struct ring *ring)
{
	if (--ring->holders == 0)
		free(ring);
}

static void ring_released(struct poller *poller)
{
	struct ring *ring = (struct ring *)poller;

	napi_delete_reference(poller->env, ring->arena);
	ring_drop(ring);
}

/* libbpf's buffer must outlive the loop over it, so a callback that closes only marks. */
static void ring_shut(struct ring *ring)
{
	ring->closing = true;
	poller_stop(&ring->poller);
	if (ring->draining)
		return;
	ring_buffer__free(ring->buffer);
	ring->buffer = NULL;
}

static void ring_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	ring_shut(data);
	ring_drop(data);
}

static void ring_find_memory(struct ring *ring)
{
	napi_value arena;
	void *data = NULL;

	ring->memory = (struct bytes){ 0 };
	if (napi_get_reference_value(ring->poller.env, ring->arena, &arena) == napi_ok &&
	    napi_get_typedarray_info(ring->poller.env, arena, NULL, &ring->memory.length, &data, NULL, NULL) == napi_ok)
		ring->memory.data = data;
}

/* Hands over what is in the arena. False when reading must stop: closed, or an exception for ringConsume's caller. */
static bool ring_deliver(struct ring *ring)
{
	napi_env env = ring->poller.env;
	napi_value arguments[2], receiver, callback;
	napi_handle_scope scope;
	bool ok = true;

	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return false;
	if (napi_create_uint32(env, ring->count, &arguments[0]) != napi_ok ||
	    napi_create_double(env, (double)ring->used, &arguments[1]) != napi_ok)
		ok = false;
	else if (!ring->direct)
		poller_call(&ring->poller, COUNT(arguments), arguments);
	else
		ok = napi_get_reference_value(env, ring->poller.callback, &callback) == napi_ok &&
		     napi_get_reference_value(env, ring->poller.self, &receiver) == napi_ok &&
		     napi_call_function(env, receiver, callback, COUNT(arguments), arguments, NULL) == napi_ok;
	ring->count = 0;
	ring->used = 0;
	ring_find_memory(ring);
	napi_close_handle_scope(env, scope);
	return ok && ring->poller.active;
}

static int ring_record(void *context, void *data, size_t size)
{
	struct ring *ring = context;
	size_t space = (sizeof(uint32_t) + size + 7) & ~(size_t)7;
	uint32_t length = htole32((uint32_t)size);

	if (ring->used + space > ring->memory.length && ring->count > 0 && !ring_deliver(ring)) {
		/* libbpf counts this record as read. */
		ring->skipped++;
		return -ECANCELED;
	}
	ring->read += space;
	if (space > ring->memory.length) {
		ring->skipped++;
	} else {
		memcpy(ring->memory.data + ring->used, &length, sizeof(length));
		memcpy(ring->memory.data + ring->used + sizeof(length), data, size);
		ring->used += space;
		ring->count++;
		ring->total++;
	}
	/* A producer that is as fast as we are must not keep the event loop here: what came since is for next time. */
	return ring->read >= ring->capacity ? -EAGAIN : 0;
}

static void ring_drain(struct ring *ring, bool direct)
{
	ring->draining = true;
	ring->direct = direct;
	ring->used = 0;
	ring->read = 0;
	ring->count = 0;
	ring->total = 0;
	ring_find_memory(ring);
	if (ring_buffer__consume(ring->buffer) != -ECANCELED && ring->count > 0)
		ring_deliver(ring);
	ring->draining = false;
	if (ring->closing)
		ring_shut(ring);
}

static void ring_ready(struct poller *poller)
{
	ring_drain((struct ring *)poller, false);
}

/* The handle itself, once the buffer is open. */
static napi_value ring_make(napi_env env, struct ring *ring, const napi_value *arguments)
{
	napi_value handle = handle_make(env, &ring_kind, ring, ring_finalize);

	if (!handle) {
		ring_finalize(env, ring, NULL);
		return NULL;
	}
	/* From here on the finaliser owns the ring. */
	if (napi_create_reference(env, arguments[1], 1, &ring->arena) != napi_ok)
		return throw_napi(env);
	ring->poller.ready = ring_ready;
	ring->poller.released = ring_released;
	ring->holders++;
	if (poller_start(env, &ring->poller, ring_buffer__epoll_fd(ring->buffer), handle, arguments[2], "SLUICERING",
			 false))
		return handle;
	napi_delete_reference(env, ring->arena);
	ring->holders--;
	return NULL;
}

static napi_value ring_open(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	struct map_shape shape;
	struct bytes arena;
	struct ring *ring;

	if (!read_arguments(env, info, COUNT(arguments), arguments) || !map_read_shape(env, arguments[0], &shape) ||
	    !read_bytes(env, arguments[1], "arena", &arena) || !read_function(env, arguments[2], "onRecords"))
		return NULL;
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return throw_map(env, ENOMEM, "calloc", &shape);
	ring->holders = 1;
	ring->capacity = shape.entries;
	/* Asks the kernel itself what kind of map it is. */
	ring->buffer = ring_buffer__new(shape.fd, ring_record, ring, NULL);
	if (!ring->buffer) {
		throw_map(env, errno, "ring_buffer__new", &shape);
		free(ring);
		return NULL;
	}
	return ring_make(env, ring, arguments);
}

static struct ring *ring_read(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];

	if (!read_arguments(env, info, COUNT(arguments), arguments))
		return NULL;
	return handle_read(env, arguments[0], &ring_kind);
}

static napi_value ring_consume(napi_env env, napi_callback_info info)
{
	struct ring *ring = ring_read(env, info);

	if (!ring)
		return NULL;
	if (ring->closing)
		return throw_type(env, "the ring is closed");
	if (ring->draining)
		return throw_type(env, "ringConsume was called from the ring's own callback");
	ring_drain(ring, true);
	return make_number(env, ring->total);
}

static napi_value ring_skipped(napi_env env, napi_callback_info info)
{
	struct ring *ring = ring_read(env, info);

	return ring ? make_number(env, (double)ring->skipped) : NULL;
}

static napi_value ring_close(napi_env env, napi_callback_info info)
{
	struct ring *ring = ring_read(env, info);

	if (ring)
		ring_shut(ring);
	return NULL;
}

bool define_ring(napi_env env, napi_value exports)
{
	static const struct function functions[] = {
		{ "ringOpen", ring_open },
		{ "ringConsume", ring_consume },
		{ "ringSkipped", ring_skipped },
		{ "ringClose", ring_close },
	};

	return define_functions(env, exports, functions, COUNT(functions));
}
