/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs have to know to learn SEIDs of PFCP that is not terminated. */
#pragma once
#include "types.h"

/* A Session Establishment Request, by what its answer repeats. */
struct seid_request_key {
	struct address client;
	__u32 service;  /* id */
	__u32 sequence;
	__be16 port;    /* of the client */
	__u16 reserved;
};
_Static_assert(sizeof(struct seid_request_key) == 28, "seid_request_key");
struct seid_request {
	__u64 seid;     /* that the answer gave, as on the wire; 0: none has come yet */
	__u32 endpoint; /* id: who was asked */
	__u32 seen;     /* ticks */
};
_Static_assert(sizeof(struct seid_request) == 16, "seid_request");

/* Learnt SEIDs of a service. Each number has one side that writes it, so that none is lost: there are so many as the
 * first is more than the second. */
struct seid_count {
	__u64 learnt; /* by the programs, ever */
	__u64 freed;  /* of these, by user space */
};
_Static_assert(sizeof(struct seid_count) == 16, "seid_count");
