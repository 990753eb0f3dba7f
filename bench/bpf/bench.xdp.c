/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What measures under XDP: the wrapper, the empty program that gives the floor, and the yardstick. */
#include "bench.h"
#include "reference.h"

SEC("xdp.frags")
int bench_wrapper(struct xdp_md *ctx)
{
	if (bench_restore((void *)(long)ctx->data, (void *)(long)ctx->data_end))
		bpf_tail_call_static(ctx, &bench_target, 0);
	return XDP_ABORTED;
}

/* What a program has put in front, or taken away, is undone first: that is in its times. */
SEC("xdp.frags")
int bench_wrapper_long(struct xdp_md *ctx)
{
	__u32 zero = 0, length = ctx->data_end - ctx->data;
	const struct bench *state = bpf_map_lookup_elem(&bench, &zero);

	if (state && length != state->length)
		bpf_xdp_adjust_head(ctx, (int)(length - state->length));
	if (bench_restore_long((void *)(long)ctx->data, (void *)(long)ctx->data_end))
		bpf_tail_call_static(ctx, &bench_target, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int bench_floor(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp.frags")
int bench_reference(struct xdp_md *ctx)
{
	return reference(ctx, &reference_one);
}

SEC("xdp.frags")
int bench_reference_many(struct xdp_md *ctx)
{
	return reference(ctx, &reference_many);
}

SEC("xdp.frags")
int bench_reference_new(struct xdp_md *ctx)
{
	return reference_new(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
