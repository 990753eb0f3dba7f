/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many new flows. There are no policers yet. */
#pragma once
#include "common.h"

inline_always enum verdict police(const struct packet *packet)
{
	return VERDICT_CONTINUE;
}
