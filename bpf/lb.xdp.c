/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pipeline under XDP. */
#include "lib/common.h"

#define CTX_JUMPS xdp_jumps

int sluice_xdp_new(struct xdp_md *ctx);
int sluice_xdp_session(struct xdp_md *ctx);
int sluice_xdp_other(struct xdp_md *ctx);
int sluice_xdp_icmp(struct xdp_md *ctx);
int sluice_xdp_flow(struct xdp_md *ctx);
int sluice_xdp_user(struct xdp_md *ctx);
int sluice_xdp_uplink(struct xdp_md *ctx);
int sluice_xdp_downlink(struct xdp_md *ctx);
int sluice_xdp_answer(struct xdp_md *ctx);

/* In the order of enum jump. Pinned: else it is emptied when the daemon goes. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 9);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} xdp_jumps SEC(".maps") = {
	.values = {
		(void *)&sluice_xdp_new,
		(void *)&sluice_xdp_session,
		(void *)&sluice_xdp_other,
		(void *)&sluice_xdp_icmp,
		(void *)&sluice_xdp_flow,
		(void *)&sluice_xdp_user,
		(void *)&sluice_xdp_uplink,
		(void *)&sluice_xdp_downlink,
		(void *)&sluice_xdp_answer,
	},
};

#include "ctx/xdp.h"
#include "lib/pipeline.h"

PIPELINE_PROGRAMS("xdp.frags", sluice_xdp)

char _license[] SEC("license") = "Dual BSD/GPL";
