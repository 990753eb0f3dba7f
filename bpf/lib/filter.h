/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who may make a new flow. Sources that nobody can answer may not. */
#pragma once
#include "common.h"

inline_always enum verdict filter(const struct packet *packet)
{
	__u32 source = bpf_ntohl(packet->key.source.words[3]);

	if (source >> 24 == 0 || source >> 24 == 127 || source >= 0xe0000000 ||
	    packet->key.source.words[3] == packet->key.destination.words[3])
		return VERDICT_DROP_MARTIAN;
	return VERDICT_CONTINUE;
}
