/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pipeline under TC: alone, or behind XDP for what that could not finish. */
#include "ctx/tc.h"
#include "lib/pipeline.h"

SEC("tc")
int sluice_tc(struct __sk_buff *ctx)
{
	return pipeline(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
