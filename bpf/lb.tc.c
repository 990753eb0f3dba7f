/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pipeline under TC: alone, or behind XDP for what that could not finish. */
#include "lib/common.h"

#define CTX_JUMPS tc_jumps

int sluice_tc_new(struct __sk_buff *ctx);
int sluice_tc_session(struct __sk_buff *ctx);
int sluice_tc_other(struct __sk_buff *ctx);
int sluice_tc_icmp(struct __sk_buff *ctx);
int sluice_tc_flow(struct __sk_buff *ctx);
int sluice_tc_user(struct __sk_buff *ctx);
int sluice_tc_uplink(struct __sk_buff *ctx);
int sluice_tc_downlink(struct __sk_buff *ctx);
int sluice_tc_answer(struct __sk_buff *ctx);

/* In the order of enum jump. Pinned: else it is emptied when the daemon goes. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 9);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} tc_jumps SEC(".maps") = {
	.values = {
		(void *)&sluice_tc_new,
		(void *)&sluice_tc_session,
		(void *)&sluice_tc_other,
		(void *)&sluice_tc_icmp,
		(void *)&sluice_tc_flow,
		(void *)&sluice_tc_user,
		(void *)&sluice_tc_uplink,
		(void *)&sluice_tc_downlink,
		(void *)&sluice_tc_answer,
	},
};

#include "ctx/tc.h"
#include "lib/pipeline.h"

PIPELINE_PROGRAMS("tc", sluice_tc)

char _license[] SEC("license") = "Dual BSD/GPL";
