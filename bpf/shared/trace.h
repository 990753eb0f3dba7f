/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `sluice explain` reads: the steps of one packet through programs that were loaded to tell them. */
#pragma once
#include "types.h"

enum trace_step {
	TRACE_PARSED = 1,   /* key; value: enum packet_kind */
	TRACE_FLOW,         /* key looked up in the table of flows; found, and then value: enum flow_state */
	TRACE_SERVICE,      /* key: address, port and protocol that the service was looked for by; value: its id */
	TRACE_SELECTED,     /* value: the endpoint's id */
	TRACE_ROUTE,        /* key: new source, destination and ports; value: ifindex, or what bpf_fib_lookup said */
	TRACE_INSERTED,     /* key put into the table of flows; found: it was there already */
	TRACE_TRANSLATED,   /* key: new source, destination and ports; value: enum flow_action */
	TRACE_SESSION,      /* data: the session key; found: there is a hint; value: its endpoint's id */
	TRACE_VERDICT,      /* value: enum verdict */
	TRACE_MAX,
};

struct trace {
	__u8 step;  /* enum trace_step */
	__u8 found;
	__u8 hook;  /* enum hook */
	__u8 reserved;
	__u32 value;
	__u32 service;  /* TRACE_ROUTE, TRACE_TRANSLATED: id of the flow's service */
	__u32 endpoint; /* the same of its endpoint */
	__u8 data[40]; /* struct flow_key, or what the step says */
};
_Static_assert(sizeof(struct trace) == 56, "trace");

enum trace_limits { LIMIT_TRACE = 64 };
