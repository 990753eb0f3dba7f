/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program that the verifier must refuse: it reads a packet without looking where the packet ends. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp") int careless(struct xdp_md *ctx)
{
	return *(__u8 *)(long)ctx->data;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
