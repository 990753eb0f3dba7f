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

inline_always __u16 *ctx_checksum_field(ctx_t *ctx, __u32 offset)
{
	__u16 *field = ctx_start(ctx) + offset;

	return likely((void *)(field + 1) <= ctx_end(ctx)) ? field : NULL;
}

/* A checksum may be whole, or only the pseudo-header's and left to the device to finish: then new addresses count
 * with the opposite sign, and new ports do not count. Programs cannot ask which it is; the helper knows, and its
 * result tells: the two differ for every change but none. So one call does, where a second one would cost as much as
 * all the rest. */
inline_always int ctx_l4_checksum(ctx_t *ctx, __u32 offset, __u32 address_delta, __u32 port_delta, bool zero_is_none)
{
	__u64 flags = zero_is_none ? BPF_F_MARK_MANGLED_0 : 0;
	__u16 *field = ctx_checksum_field(ctx, offset);
	__u16 before, whole;

	if (!field)
		return -1;
	if (unlikely(!address_delta))
		return port_delta ? bpf_l4_csum_replace(ctx, offset, 0, port_delta, flags) : 0;
	before = *field;
	if (bpf_l4_csum_replace(ctx, offset, 0, address_delta, flags | BPF_F_PSEUDO_HDR))
		return -1;
	if (!port_delta || (zero_is_none && !before))
		return 0;
	field = ctx_checksum_field(ctx, offset);
	if (!field)
		return -1;
	whole = checksum_apply(before, address_delta);
	if (*field != (zero_is_none && !whole ? 0xffff : whole))
		return 0; /* the device finishes it */
	whole = checksum_apply(whole, port_delta);
	*field = zero_is_none && !whole ? 0xffff : whole;
	return 0;
}

/* Writes a transport checksum anew. The sums are of the pseudo-header, as it was and as it is, and of all that follows
 * but the field itself. Where that is the device's to finish, the field has the first sum and nothing more; it cannot
 * be told from a whole checksum that is the same, which one packet of 65,536 has. */
inline_always void ctx_write_l4_checksum(__u16 *field, __u16 pseudo_before, __u32 pseudo, __u32 rest)
{
	__u16 value = ~checksum_fold((__u64)pseudo + rest);

	if (*field == pseudo_before)
		value = checksum_fold(pseudo);
	*field = value ? value : 0xffff;
}

/* The frame's new length; what is added is to be written. */
inline_always long ctx_resize(ctx_t *ctx, __u32 bytes)
{
	return bpf_skb_change_tail(ctx, bytes, 0);
}

inline_always int ctx_transmit(ctx_t *ctx, __u32 ifindex)
{
	return bpf_redirect(ifindex, 0);
}

inline_always int ctx_transmit_neighbour(ctx_t *ctx, __u32 ifindex, const struct address *next_hop)
{
	struct bpf_redir_neigh neighbour = {};

	if (!next_hop)
		return bpf_redirect_neigh(ifindex, NULL, 0, 0);
	if (address_is_v4(next_hop)) {
		neighbour.nh_family = AF_INET;
		neighbour.ipv4_nh = next_hop->words[3];
	} else {
		neighbour.nh_family = AF_INET6;
		__builtin_memcpy(neighbour.ipv6_nh, next_hop, sizeof(*next_hop));
	}
	return bpf_redirect_neigh(ifindex, &neighbour, sizeof(neighbour), 0);
}

inline_always __u32 ctx_mark(const ctx_t *ctx)
{
	return ctx->mark;
}

inline_always long ctx_load(ctx_t *ctx, __u32 offset, void *to, __u32 bytes)
{
	return bpf_skb_load_bytes(ctx, offset, to, bytes);
}

inline_always long ctx_store(ctx_t *ctx, __u32 offset, void *from, __u32 bytes)
{
	return bpf_skb_store_bytes(ctx, offset, from, bytes, 0);
}

/* The kernel wants to know what goes in front, for GSO packets; it moves the link header itself. A second VLAN tag
 * stands in the frame where it takes the IP header for: then it cannot. */
inline_always long ctx_encapsulate(ctx_t *ctx, __u32 bytes, __u32 l3, bool outer_v6, bool udp, bool gso)
{
	__u64 flags = outer_v6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;

	if (l3 != sizeof(struct ethhdr))
		return -1;
	if (udp)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	if (gso)
		flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
	return bpf_skb_adjust_room(ctx, bytes, BPF_ADJ_ROOM_MAC, flags);
}

inline_always long ctx_change_family(ctx_t *ctx, __u32 from, __u32 to, __u32 l3, bool to_v6)
{
	int rest = to_v6 ? (int)(to - from) - 20 : (int)(to - from) + 20;

	if (l3 != sizeof(struct ethhdr) ||
	    bpf_skb_change_proto(ctx, to_v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP), 0))
		return -1;
	return rest ? bpf_skb_adjust_room(ctx, rest, BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_FIXED_GSO) : 0;
}

/* The kernel must know the family of what is left: changing it moves 20 bytes by itself. */
inline_always long ctx_decapsulate(ctx_t *ctx, __u32 bytes, __u32 l3, bool from_v6, bool to_v6)
{
	if (l3 != sizeof(struct ethhdr))
		return -1;
	if (from_v6 != to_v6) {
		if (bpf_skb_change_proto(ctx, to_v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP), 0))
			return -1;
		bytes = to_v6 ? bytes + 20 : bytes - 20;
	}
	return bpf_skb_adjust_room(ctx, -(int)bytes, BPF_ADJ_ROOM_MAC, 0);
}
