/* SPDX-License-Identifier: Apache-2.0 */
/* The handle of a socket, shared by opening (socket.c), receiving and sending. */
#pragma once
#include "addon.h"
#include "poller.h"
#include <sys/socket.h>

/* What one recvmmsg or sendmmsg takes at most (UIO_MAXIOV). */
#define SOCKET_MOST_MESSAGES 1024

struct socket {
	struct poller poller;
	int fd; /* -1 once closed */
	/* The JavaScript object, and the event loop while it holds the poller. */
	int holders;

	/* Receiving; NULL before. */
	napi_ref arena;
	napi_ref lengths;
	napi_ref addresses;
	size_t slot_bytes;
	unsigned int slots;
	struct mmsghdr *messages;
	struct iovec *vectors;
};

/* NULL with an exception: not a socket, or closed. */
struct socket *socket_read(napi_env env, napi_value value);
void socket_shut(struct socket *socket);
void socket_drop(struct socket *socket);

napi_value socket_receive(napi_env env, napi_callback_info info);
napi_value socket_send(napi_env env, napi_callback_info info);
