/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pipeline under XDP. */
#include "ctx/xdp.h"
#include "lib/pipeline.h"

SEC("xdp.frags")
int sluice_xdp(struct xdp_md *ctx)
{
	return pipeline(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
