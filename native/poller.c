/* SPDX-License-Identifier: Apache-2.0 */
/* The lifetime of a uv_poll handle: start, stop, and the end of its environment. */
#include "poller.h"
#include "errors.h"

static void poller_closed(uv_handle_t *handle)
{
	struct poller *poller = handle->data;
	napi_async_cleanup_hook_handle hook = poller->hook;

	napi_delete_reference(poller->env, poller->callback);
	napi_delete_reference(poller->env, poller->self);
	napi_async_destroy(poller->env, poller->context);
	poller->released(poller);
	napi_remove_async_cleanup_hook(hook);
}

void poller_stop(struct poller *poller)
{
	if (!poller->active)
		return;
	poller->active = false;
	uv_poll_stop(&poller->uv);
	uv_close((uv_handle_t *)&poller->uv, poller_closed);
}

static void poller_environment_ends(napi_async_cleanup_hook_handle hook, void *data)
{
	/* Where it is being closed already, the environment waits for that. */
	(void)hook;
	poller_stop(data);
}

static void poller_event(uv_poll_t *uv, int status, int events)
{
	struct poller *poller = uv->data;
	napi_handle_scope scope;

	(void)events;
	if (napi_open_handle_scope(poller->env, &scope) != napi_ok)
		return;
	poller->ready(poller);
	napi_close_handle_scope(poller->env, scope);

	/* libuv stops at EPOLLERR. On a socket that is a pending error (a netlink overrun, an ICMP error), which has
	 * now been read, and more will come. */
	if (status < 0 && poller->active)
		uv_poll_start(&poller->uv, UV_READABLE, poller_event);
}

/* Everything but the libuv handle, which cannot be undone at once and therefore comes last. */
static bool poller_prepare(napi_env env, struct poller *poller, napi_value self, napi_value callback, const char *name)
{
	napi_value resource_name;

	if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource_name) != napi_ok ||
	    napi_create_reference(env, callback, 1, &poller->callback) != napi_ok)
		return false;
	if (napi_create_reference(env, self, 1, &poller->self) != napi_ok)
		goto no_self;
	if (napi_async_init(env, self, resource_name, &poller->context) != napi_ok)
		goto no_context;
	if (napi_add_async_cleanup_hook(env, poller_environment_ends, poller, &poller->hook) != napi_ok)
		goto no_hook;
	return true;

no_hook:
	napi_async_destroy(env, poller->context);
no_context:
	napi_delete_reference(env, poller->self);
no_self:
	napi_delete_reference(env, poller->callback);
	return false;
}

bool poller_start(napi_env env, struct poller *poller, int fd, napi_value self, napi_value callback, const char *name,
		  bool keep_alive)
{
	uv_loop_t *loop;
	int error;

	poller->env = env;
	poller->active = false;
	if (napi_get_uv_event_loop(env, &loop) != napi_ok || !poller_prepare(env, poller, self, callback, name)) {
		throw_napi(env);
		return false;
	}

	error = uv_poll_init(loop, &poller->uv, fd);
	if (error) {
		napi_async_destroy(env, poller->context);
		napi_delete_reference(env, poller->self);
		napi_delete_reference(env, poller->callback);
		napi_remove_async_cleanup_hook(poller->hook);
		throw_errno(env, -error, "uv_poll_init", "fd %d", fd);
		return false;
	}
	poller->uv.data = poller;
	poller->active = true;
	uv_poll_start(&poller->uv, UV_READABLE, poller_event);
	if (!keep_alive)
		uv_unref((uv_handle_t *)&poller->uv);
	return true;
}

void poller_raise(struct poller *poller)
{
	napi_value exception;
	bool pending = false;

	if (napi_is_exception_pending(poller->env, &pending) == napi_ok && pending &&
	    napi_get_and_clear_last_exception(poller->env, &exception) == napi_ok)
		napi_fatal_exception(poller->env, exception);
}

void poller_call(struct poller *poller, size_t count, napi_value *arguments)
{
	napi_value receiver, callback;

	if (napi_get_reference_value(poller->env, poller->callback, &callback) != napi_ok ||
	    napi_get_reference_value(poller->env, poller->self, &receiver) != napi_ok)
		return;
	/* Fails without an exception when the environment is being terminated; then nobody is left to hear of it. */
	if (napi_make_callback(poller->env, poller->context, receiver, callback, count, arguments, NULL) != napi_ok)
		poller_raise(poller);
}
