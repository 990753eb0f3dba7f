/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet handle under XDP. ctx/tc.h defines the same names. */
#pragma once
#include "../lib/checksum.h"

typedef struct xdp_md ctx_t;

#define CTX_HOOK HOOK_XDP
#define CTX_PASS XDP_PASS
#define CTX_DROP XDP_DROP

/* XDP hands what it cannot finish to the TC program behind it. */
#define CTX_HAS_NEXT 1

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
	return ctx->ingress_ifindex;
}

/* Makes the first bytes readable; headers of a frame always are, under XDP. */
inline_always void ctx_pull(ctx_t *ctx, __u32 bytes)
{
}

/* Bytes of the whole frame, which may go on in further buffers. */
inline_always __u32 ctx_length(ctx_t *ctx)
{
	return bpf_xdp_get_buff_len(ctx);
}

/* Segments that a GSO packet becomes, and their payload; there are no GSO packets here. */
inline_always __u32 ctx_segments(const ctx_t *ctx)
{
	return 1;
}

inline_always __u32 ctx_segment_payload(const ctx_t *ctx)
{
	return 0;
}

inline_always __u16 *ctx_checksum_field(ctx_t *ctx, __u32 offset)
{
	__u16 *field = ctx_start(ctx) + offset;

	return likely((void *)(field + 1) <= ctx_end(ctx)) ? field : NULL;
}

/* Puts changes into the transport checksum `offset` bytes into the frame. The changes are ones' complement sums;
 * those of addresses count because of the pseudo-header. zero_is_none: UDP's zero means that there is no checksum. */
inline_always int ctx_l4_checksum(ctx_t *ctx, __u32 offset, __u32 address_delta, __u32 port_delta, bool zero_is_none)
{
	__u16 *field = ctx_checksum_field(ctx, offset);
	__u16 value;

	if (unlikely(!field))
		return -1;
	if (zero_is_none && !*field)
		return 0;
	value = checksum_apply(*field, address_delta + port_delta);
	*field = zero_is_none && !value ? 0xffff : value;
	return 0;
}

/* Writes a transport checksum anew. The sums are of the pseudo-header, as it was and as it is, and of all that follows
 * but the field itself. */
inline_always void ctx_write_l4_checksum(__u16 *field, __u16 pseudo_before, __u32 pseudo, __u32 rest)
{
	__u16 value = ~checksum_fold((__u64)pseudo + rest);

	*field = value ? value : 0xffff;
}

/* The frame's new length; what is added is to be written. */
inline_always long ctx_resize(ctx_t *ctx, __u32 bytes)
{
	return bpf_xdp_adjust_tail(ctx, (int)bytes - (int)ctx_length(ctx));
}

/* Not XDP_TX, though it is a little faster back through the same device: a veth puts such a frame into its peer's
 * ring and wakes the peer only if that has an XDP program; what the device takes from a redirect is known, see enum
 * device_flags. */
inline_always int ctx_transmit(ctx_t *ctx, __u32 ifindex)
{
	return bpf_redirect(ifindex, 0);
}

/* Sends to a neighbour whose MAC address the kernel must find first: not from XDP. */
inline_always int ctx_transmit_neighbour(ctx_t *ctx, __u32 ifindex, const struct address *next_hop)
{
	return XDP_DROP;
}

/* Firewall mark: a frame has none yet. */
inline_always __u32 ctx_mark(const ctx_t *ctx)
{
	return 0;
}

inline_always long ctx_load(ctx_t *ctx, __u32 offset, void *to, __u32 bytes)
{
	return bpf_xdp_load_bytes(ctx, offset, to, bytes);
}

inline_always long ctx_store(ctx_t *ctx, __u32 offset, void *from, __u32 bytes)
{
	return bpf_xdp_store_bytes(ctx, offset, from, bytes);
}

/* Makes room for an outer header of `bytes` behind the link header of l3 bytes. What stands in the first l3 bytes is
 * to be written again. */
inline_always long ctx_encapsulate(ctx_t *ctx, __u32 bytes, __u32 l3, bool outer_v6, bool udp, bool gso)
{
	return bpf_xdp_adjust_head(ctx, -(int)bytes);
}

/* Takes `bytes` behind the link header away; what stands in the first l3 bytes is to be written again. */
inline_always long ctx_decapsulate(ctx_t *ctx, __u32 bytes, __u32 l3, bool from_v6, bool to_v6)
{
	return bpf_xdp_adjust_head(ctx, (int)bytes);
}

/* Replaces the IP headers of `from` bytes, of the other family, by room for `to` bytes. What stands in the first l3
 * bytes is to be written again. */
inline_always long ctx_change_family(ctx_t *ctx, __u32 from, __u32 to, __u32 l3, bool to_v6)
{
	return bpf_xdp_adjust_head(ctx, (int)from - (int)to);
}
