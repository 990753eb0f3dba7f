/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "frame.h"
#include <bpf/bpf_helpers.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <sys/mman.h>
#include <sanitizer/asan_interface.h>

enum {
	V4_BYTES = 20,
	V6_BYTES = 40,
	TAIL_CALLS = 33,
	XDP_FRAME_BYTES = 40, /* the kernel keeps so much of the head room for itself */
};

struct host_world host_world;

/* Below 4 GiB, because a context's pointers are of 32 bits. */
static __u8 *room;
static __u8 *data;
static __u32 length;
static __u16 protocol;
static __u32 redirected;
static struct xdp_md xdp;
static struct __sk_buff skb;
static jmp_buf jump;
static int (*next_program)(void *ctx);

#ifdef FUZZ_TC
#define CONTEXT skb
#else
#define CONTEXT xdp
#endif

/* Only what can be read directly is open. */
static void close_frame(void)
{
	if (host_world.linear > length)
		host_world.linear = length;
	__asan_poison_memory_region(room, HOST_ROOM);
	__asan_unpoison_memory_region(data, host_world.linear);
	CONTEXT.data = (__u32)(long)data;
	CONTEXT.data_end = CONTEXT.data + host_world.linear;
	skb.len = length;
}

const __u8 *host_frame_open(void)
{
	__asan_unpoison_memory_region(room, HOST_ROOM);
	return data;
}

__u32 host_frame_length(void)
{
	return length;
}

__u32 host_redirected(void)
{
	return redirected;
}

void host_frame_set(const __u8 *bytes, __u32 count)
{
	if (!room) {
		room = mmap(NULL, HOST_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		if (room == MAP_FAILED)
			abort();
	}
	host_frame_open();
	data = room + HOST_HEAD_ROOM;
	length = count;
	memcpy(data, bytes, count);
	protocol = count >= ETH_HLEN ? data[12] << 8 | data[13] : 0;
	redirected = 0;
	memset(&skb, 0, sizeof(skb));
	xdp.ingress_ifindex = host_world.ifindex;
	skb.ifindex = host_world.ifindex;
	skb.mark = host_world.mark;
	skb.gso_size = host_world.segment;
	skb.gso_segs = host_world.segment ? count / host_world.segment + 1 : 0;
	skb.protocol = __builtin_bswap16(protocol);
	close_frame();
}

int host_run(int (*program)(void *ctx))
{
	volatile int jumps = 0;

	next_program = program;
	if (setjmp(jump) && ++jumps > TAIL_CALLS)
		abort();
	return next_program(&CONTEXT);
}

void host_jump(void *program)
{
	next_program = program;
	longjmp(jump, 1);
}

/* ---- both hooks -------------------------------------------------------------------------------------------------- */

__u64 bpf_jiffies64(void)
{
	return host_world.ticks;
}

__u32 bpf_get_smp_processor_id(void)
{
	return 0;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	redirected = ifindex;
#ifdef FUZZ_TC
	return TC_ACT_REDIRECT;
#else
	return XDP_REDIRECT;
#endif
}

long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *neighbour, int size, __u64 flags)
{
	struct bpf_redir_neigh seen = {};

	if (neighbour)
		memcpy(&seen, neighbour, size);
	return bpf_redirect(ifindex, flags);
}

/* This machine has no sockets. */
struct bpf_sock *bpf_sk_lookup_udp(void *ctx, struct bpf_sock_tuple *tuple, __u32 size, __u64 zone, __u64 flags)
{
	return NULL;
}

long bpf_sk_release(void *socket)
{
	return 0;
}

long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *fib, int size, __u32 flags)
{
	__u16 mtu = host_world.fib & HOST_FIB_SMALL_MTU ? 600 : 1500;
	__u32 result = host_world.fib & HOST_FIB_RESULT;

	if (result > BPF_FIB_LKUP_RET_FRAG_NEEDED)
		result = BPF_FIB_LKUP_RET_SUCCESS;
	if (fib->tot_len > mtu && (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH))
		result = BPF_FIB_LKUP_RET_FRAG_NEEDED;
	if (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH ||
	    result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		fib->mtu_result = mtu;
	if (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH)
		fib->ifindex = host_world.fib & 128 ? 3 : 2;
	if (result == BPF_FIB_LKUP_RET_SUCCESS) {
		memset(fib->dmac, 0x22, sizeof(fib->dmac));
		memset(fib->smac, 0x44, sizeof(fib->smac));
	}
	return result;
}

static long load(__u32 offset, void *to, __u32 bytes)
{
	if (offset > 0xffff || bytes > 0xffff || offset + bytes > length)
		return -EFAULT;
	host_frame_open();
	memcpy(to, data + offset, bytes);
	close_frame();
	return 0;
}

static long store(__u32 offset, const void *from, __u32 bytes)
{
	if (offset > 0xffff || bytes > 0xffff || offset + bytes > length)
		return -EFAULT;
	host_frame_open();
	memcpy(data + offset, from, bytes);
	close_frame();
	return 0;
}

/* ---- XDP --------------------------------------------------------------------------------------------------------- */

long bpf_xdp_adjust_head(struct xdp_md *ctx, int change)
{
	__u8 *to = data + change;

	if (to < room + XDP_FRAME_BYTES || to + ETH_HLEN > data + host_world.linear)
		return -EINVAL;
	data = to;
	length -= change;
	host_world.linear -= change;
	close_frame();
	return 0;
}

static long resize(__u32 bytes)
{
	if (bytes < ETH_HLEN || data + bytes > room + HOST_ROOM || host_world.linear < length)
		return -EINVAL;
	host_frame_open();
	if (bytes > length)
		memset(data + length, 0, bytes - length);
	length = bytes;
	host_world.linear = bytes;
	close_frame();
	return 0;
}

long bpf_xdp_adjust_tail(struct xdp_md *ctx, int change)
{
	return resize(length + change);
}

__u64 bpf_xdp_get_buff_len(struct xdp_md *ctx)
{
	return length;
}

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *to, __u32 bytes)
{
	return load(offset, to, bytes);
}

long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, void *from, __u32 bytes)
{
	return store(offset, from, bytes);
}

/* ---- TC ---------------------------------------------------------------------------------------------------------- */

long bpf_skb_change_tail(struct __sk_buff *skb, __u32 bytes, __u64 flags)
{
	return resize(bytes);
}

static void pull(__u32 bytes)
{
	if (host_world.linear < bytes)
		host_world.linear = bytes;
	close_frame();
}

long bpf_skb_pull_data(struct __sk_buff *ctx, __u32 bytes)
{
	pull(bytes ? bytes : length);
	return bytes > length ? -ENOMEM : 0;
}

long bpf_skb_load_bytes(const void *ctx, __u32 offset, void *to, __u32 bytes)
{
	long error = load(offset, to, bytes);

	if (error)
		memset(to, 0, bytes);
	return error;
}

long bpf_skb_store_bytes(struct __sk_buff *ctx, __u32 offset, const void *from, __u32 bytes, __u64 flags)
{
	long error = store(offset, from, bytes);

	if (!error)
		pull(offset + bytes);
	return error;
}

/* Room behind the first bytes of the frame; what was there moves to the front. */
static long grow(__u32 behind, __u32 bytes)
{
	if (behind > length || data - bytes < room)
		return -ENOMEM;
	pull(behind);
	host_frame_open();
	memmove(data - bytes, data, behind);
	memset(data - bytes + behind, 0, bytes);
	data -= bytes;
	length += bytes;
	host_world.linear += bytes;
	close_frame();
	return 0;
}

static long shrink(__u32 behind, __u32 bytes)
{
	if (behind + bytes > length)
		return -ENOMEM;
	pull(behind + bytes);
	host_frame_open();
	memmove(data + bytes, data, behind);
	data += bytes;
	length -= bytes;
	host_world.linear -= bytes;
	close_frame();
	return 0;
}

long bpf_skb_change_proto(struct __sk_buff *ctx, __be16 wanted, __u64 flags)
{
	__u16 to = __builtin_bswap16(wanted);
	long error;

	if (flags)
		return -EINVAL;
	if (protocol == ETH_P_IP && to == ETH_P_IPV6)
		error = grow(ETH_HLEN, V6_BYTES - V4_BYTES);
	else if (protocol == ETH_P_IPV6 && to == ETH_P_IP)
		error = shrink(ETH_HLEN, V6_BYTES - V4_BYTES);
	else
		return -ENOTSUP;
	if (!error)
		protocol = to;
	return error;
}

long bpf_skb_adjust_room(struct __sk_buff *ctx, __s32 change, __u32 mode, __u64 flags)
{
	__u32 base = protocol == ETH_P_IP ? V4_BYTES : V6_BYTES, bytes = change < 0 ? -change : change;
	__u32 behind = mode == BPF_ADJ_ROOM_MAC ? ETH_HLEN : ETH_HLEN + base, network = length - ETH_HLEN;

	if (bytes > 0xfff || mode > BPF_ADJ_ROOM_MAC)
		return -EINVAL;
	if (protocol != ETH_P_IP && protocol != ETH_P_IPV6)
		return -ENOTSUP;
	if (change < 0 && (bytes >= network || network - bytes < base))
		return -ENOTSUP;
	return change < 0 ? shrink(behind, bytes) : grow(behind, bytes);
}

static __u16 fold(__u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* As the kernel does it for a difference: what is left to the device has the pseudo-header's sum alone, unturned. */
long bpf_l4_csum_replace(struct __sk_buff *ctx, __u32 offset, __u64 from, __u64 to, __u64 flags)
{
	bool zero_is_none = flags & BPF_F_MARK_MANGLED_0;
	__u16 field;

	if (offset > 0xffff || offset & 1 || from || flags & BPF_F_HDR_FIELD_MASK ||
	    load(offset, &field, sizeof(field)))
		return -EFAULT;
	pull(offset + sizeof(field));
	if (zero_is_none && !field)
		return 0;
	if (!host_world.partial)
		field = ~fold((__u64)(__u16)~field + (__u32)to);
	else if (flags & BPF_F_PSEUDO_HDR)
		field = fold((__u64)(__u32)to + field);
	if (zero_is_none && !field)
		field = 0xffff;
	return store(offset, &field, sizeof(field));
}
