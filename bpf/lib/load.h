/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads a number of bytes that only the packet knows. */
#pragma once
#include "common.h"

/* 1 to `most` bytes. Linux 6.1 does not see that what is not 0 is at least 1, so the place of the last byte is what is
 * checked. */
inline_always long load_some(ctx_t *ctx, __u32 offset, void *to, __u32 bytes, const __u32 most)
{
	__u32 last = bytes - 1;

	barrier_var(last);
	if (last >= most)
		return -1;
	return ctx_load(ctx, offset, to, last + 1);
}
