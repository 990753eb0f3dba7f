/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only place that reads time. A tick is a jiffy: reading it costs nothing, a clock helper costs 18 to 32 ns. */
#pragma once
#include "maps.h"

/* Set before load. */
const volatile __u8 replay_clock = 0; /* 1: time is what settings.replay_now says */
const volatile __u8 route_shift = 7;  /* ticks >> this changes at least once a second */

inline_always __u32 clock_now(const struct settings *settings)
{
	return replay_clock ? (__u32)settings->replay_now : (__u32)bpf_jiffies64();
}

/* Ticks from then to now; time that seems to run backwards (another CPU was ahead) counts as none. */
inline_always __u32 clock_since(__u32 now, __u32 then)
{
	__s32 ticks = now - then;

	return ticks < 0 ? 0 : ticks;
}
