/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet at hand on the host, and what the kernel's helpers do with it. A program may touch what can be read
 * directly, from ctx->data to ctx->data_end, and not one byte beside it. */
#pragma once
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/types.h>

enum host_frame_limits {
	HOST_FRAME_MOST = 2048, /* bytes of a frame that comes in */
	HOST_HEAD_ROOM = 256,
	HOST_ROOM = 8192,
};

enum host_fib_answers {
	HOST_FIB_RESULT = 15,
	HOST_FIB_SMALL_MTU = 64, /* beside it: the next link takes no more than 600 bytes */
};

/* What a packet meets. */
struct host_world {
	__u64 ticks;
	__u32 ifindex;
	__u32 mark;
	__u32 linear;  /* bytes that can be read directly; the rest is in further buffers */
	__u32 segment; /* payload of a segment of a GSO packet; 0: it is none */
	__u8 fib;      /* the answer that routing has */
	bool partial;  /* the device finishes the transport checksum */
};
extern struct host_world host_world;

/* Places a frame; host_run runs a program over it, and those it jumps to. */
void host_frame_set(const __u8 *bytes, __u32 length);
int host_run(int (*program)(void *ctx));

/* What came out. */
const __u8 *host_frame_open(void);
__u32 host_frame_length(void);
__u32 host_redirected(void); /* ifindex; 0: nowhere */
