/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ICMP errors, which belong to the flow of the packet inside them. Not handled yet: parse passes them to the
 * kernel. Echo needs nothing here, it has a flow of its own. */
#pragma once
#include "common.h"

inline_always enum verdict icmp(ctx_t *ctx, struct packet *packet)
{
	return VERDICT_CONTINUE;
}
