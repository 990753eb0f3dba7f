/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services whose packets are told apart by a session key, not by a flow. There are none yet. */
#pragma once
#include "common.h"

inline_always enum verdict session(ctx_t *ctx, struct packet *packet)
{
	return VERDICT_CONTINUE;
}
