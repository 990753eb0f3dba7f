/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet handle under TC. ctx/xdp.h defines the same names. */
#pragma once
#include <linux/pkt_cls.h>
#include "../lib/checksum.h"

typedef struct __sk_buff ctx_t;

#define CTX_HOOK HOOK_TC
#define CTX_PASS TC_ACT_UNSPEC /* tcx: the next program, then the kernel; clsact: the kernel */
#define CTX_DROP TC_ACT_SHOT
#define CTX_HAS_NEXT 0

inline_always void *ctx_start(const ctx_t *ctx)
{
	return (void *)(long)ctx->data;
}

inline_always void *ctx_end(const ctx_t *ctx)
{
	return (void *)(long)ctx->data_end;
}

inline_always __u32 ctx_ifindex(const ctx_t *ctx)
{
	return ctx->ifindex;
}

/* Whether a VLAN tag stands beside the frame. */
inline_always bool ctx_tagged(const ctx_t *ctx)
{
	return ctx->vlan_present;
}

/* Makes the first bytes readable, where the frame has them but not in its linear part. */
inline_always void ctx_pull(ctx_t *ctx, __u32 bytes)
{
	__u32 linear = ctx->data_end - ctx->data;

	if (unlikely(linear < bytes && linear < ctx->len))
		bpf_skb_pull_data(ctx, bytes < ctx->len ? bytes : ctx->len);
}

/* Bytes of the whole frame, which may go on in further buffers. */
inline_always __u32 ctx_length(ctx_t *ctx)
{
	return ctx->len;
}

inline_always __u32 ctx_segments(const ctx_t *ctx)
{
	__u32 segments = ctx->gso_segs;

	return segments ? segments : 1;
}

inline_always __u32 ctx_segment_payload(const ctx_t *ctx)
{
	return ctx->gso_size;
}

/* The helper knows whether the checksum is whole, or only the pseudo-header's and left to the device: then new
 * addresses count and new ports do not. */
inline_always int ctx_l4_checksum(ctx_t *ctx, __u32 offset, __u32 address_delta, __u32 port_delta, bool zero_is_none)
{
	__u64 flags = zero_is_none ? BPF_F_MARK_MANGLED_0 : 0;

	if (address_delta && bpf_l4_csum_replace(ctx, offset, 0, address_delta, flags | BPF_F_PSEUDO_HDR))
		return -1;
	if (port_delta && bpf_l4_csum_replace(ctx, offset, 0, port_delta, flags))
		return -1;
	return 0;
}

inline_always int ctx_transmit(ctx_t *ctx, __u32 ifindex)
{
	return bpf_redirect(ifindex, 0);
}

inline_always int ctx_transmit_neighbour(ctx_t *ctx, __u32 ifindex, __be32 next_hop)
{
	struct bpf_redir_neigh neighbour = { .nh_family = AF_INET, .ipv4_nh = next_hop };

	if (next_hop == NEXT_HOP_ASK)
		return bpf_redirect_neigh(ifindex, NULL, 0, 0);
	return bpf_redirect_neigh(ifindex, &neighbour, sizeof(neighbour), 0);
}
