/* SPDX-License-Identifier: Apache-2.0 */
/* A file descriptor watched by the event loop of its environment, with the JavaScript function that hears of it. Part
 * of a larger structure (ring, socket), which must live until `released` has been called. */
#pragma once
#include <node_api.h>
#include <stdbool.h>
#include <uv.h>

struct poller {
	uv_poll_t uv;
	napi_env env;
	/* A worker that ends while a handle is open aborts the process, so the environment waits for this hook. */
	napi_async_cleanup_hook_handle hook;
	napi_async_context context;
	napi_ref callback;
	/* Keeps the JavaScript handle: what is being watched is in use, even if nobody holds it. */
	napi_ref self;
	bool active;
	void (*ready)(struct poller *poller);
	void (*released)(struct poller *poller);
};

/* The caller sets `ready` and `released` before. False with an exception: nothing was started, and `released` will not
 * be called. */
bool poller_start(napi_env env, struct poller *poller, int fd, napi_value self, napi_value callback, const char *name,
		  bool keep_alive);

/* No `ready` after this. May be called again, from inside the callback too. The descriptor may be closed at once;
 * `released` follows from the event loop. */
void poller_stop(struct poller *poller);

/* Calls the JavaScript function from the event loop. An exception is the process's uncaught exception. */
void poller_call(struct poller *poller, size_t count, napi_value *arguments);

/* The exception that is pending, if any, becomes the process's uncaught exception. */
void poller_raise(struct poller *poller);
