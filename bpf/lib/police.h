/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many new flows: those of a service that are not established yet have a limit, against floods of SYN or INIT. */
#pragma once
#include "maps.h"

inline_always enum verdict police(const struct service *service, const struct flow *flow)
{
	const __s64 *count;

	if (likely(!service->embryonic_limit) || flow->state != FLOW_SYN_SENT)
		return VERDICT_CONTINUE;
	count = bpf_map_lookup_elem(&embryonic, &service->id);
	return count && *count >= service->embryonic_limit ? VERDICT_DROP_EMBRYONIC : VERDICT_CONTINUE;
}
