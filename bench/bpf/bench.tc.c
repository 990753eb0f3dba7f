/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What measures under TC: the wrapper, and the empty program that gives the floor. */
#include <linux/pkt_cls.h>
#include "bench.h"

SEC("tc")
int bench_wrapper(struct __sk_buff *ctx)
{
	/* Programs leave these behind for the next run. */
	ctx->mark = 0;
	for (int i = 0; i < 5; i++)
		ctx->cb[i] = 0;
	if (bench_restore((void *)(long)ctx->data, (void *)(long)ctx->data_end))
		bpf_tail_call_static(ctx, &bench_target, 0);
	return TC_ACT_SHOT;
}

SEC("tc")
int bench_wrapper_long(struct __sk_buff *ctx)
{
	ctx->mark = 0;
	for (int i = 0; i < 5; i++)
		ctx->cb[i] = 0;
	if (bench_restore_long((void *)(long)ctx->data, (void *)(long)ctx->data_end))
		bpf_tail_call_static(ctx, &bench_target, 0);
	return TC_ACT_SHOT;
}

SEC("tc")
int bench_floor(struct __sk_buff *ctx)
{
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
