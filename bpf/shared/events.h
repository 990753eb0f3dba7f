/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records of the event ring. */
#pragma once
#include "types.h"
#include "flow.h"

enum event_kind {
	EVENT_FLOW_CREATED = 1,
	EVENT_FLOW_STATE = 2,  /* the state changed */
	EVENT_FLOW_CLOSED = 3, /* the flow was freed */
};

struct flow_event {
	__u32 sequence; /* counts the events of one CPU, lost ones too */
	__u16 cpu;
	__u8 kind;  /* enum event_kind */
	__u8 state; /* enum flow_state */
	__u32 at;   /* ticks */
	__u32 service;
	__u32 endpoint;
	__u32 reserved;
	struct flow_key client;   /* the client's direction as it comes in */
	struct flow_key endpoint_side; /* the endpoint's direction as it comes in */
};
_Static_assert(sizeof(struct flow_event) == 104, "flow_event");
