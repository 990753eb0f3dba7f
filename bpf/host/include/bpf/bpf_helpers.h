/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stands in for libbpf's header where the programs are built for the host: helpers are functions of maps.c and frame.c.
 * A map stays the variable that it is, its sizes in the types of its members; its first member, which no program reads,
 * points to what holds its entries. */
#pragma once
#include <linux/bpf.h>
#include <linux/types.h>

#define SEC(name) __attribute__((used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define barrier() __asm__ volatile("" ::: "memory")
#define barrier_var(var) __asm__ volatile("" : "+r"(var))

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_map_push_elem(void *map, const void *value, __u64 flags);
long bpf_map_pop_elem(void *map, void *value);
long bpf_map_peek_elem(void *map, void *value);
void *bpf_ringbuf_reserve(void *map, __u64 size, __u64 flags);
void bpf_ringbuf_submit(void *record, __u64 flags);
void bpf_ringbuf_discard(void *record, __u64 flags);

long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *fib, int size, __u32 flags);
long bpf_redirect(__u32 ifindex, __u64 flags);
long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *neighbour, int size, __u64 flags);
struct bpf_sock *bpf_sk_lookup_udp(void *ctx, struct bpf_sock_tuple *tuple, __u32 size, __u64 zone, __u64 flags);
long bpf_sk_release(void *socket);
__u64 bpf_jiffies64(void);
__u32 bpf_get_smp_processor_id(void);

long bpf_xdp_adjust_head(struct xdp_md *ctx, int change);
long bpf_xdp_adjust_tail(struct xdp_md *ctx, int change);
long bpf_skb_change_tail(struct __sk_buff *skb, __u32 bytes, __u64 flags);
__u64 bpf_xdp_get_buff_len(struct xdp_md *ctx);
long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *to, __u32 bytes);
long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, void *from, __u32 bytes);

long bpf_skb_pull_data(struct __sk_buff *ctx, __u32 bytes);
long bpf_skb_load_bytes(const void *ctx, __u32 offset, void *to, __u32 bytes);
long bpf_skb_store_bytes(struct __sk_buff *ctx, __u32 offset, const void *from, __u32 bytes, __u64 flags);
long bpf_skb_change_proto(struct __sk_buff *ctx, __be16 protocol, __u64 flags);
long bpf_skb_adjust_room(struct __sk_buff *ctx, __s32 change, __u32 mode, __u64 flags);
long bpf_l4_csum_replace(struct __sk_buff *ctx, __u32 offset, __u64 from, __u64 to, __u64 flags);

/* The next program runs once the stack of this one is gone. */
__attribute__((noreturn)) void host_jump(void *program);
#define bpf_tail_call_static(ctx, map, slot) host_jump((void *)(map)->values[slot])

/* Callbacks take their context by its own type. */
typedef long (*host_loop_step)(__u32 index, void *context);
#define bpf_loop(count, step, context, flags) host_loop(count, (host_loop_step)(step), context)

static inline long host_loop(__u32 count, host_loop_step step, void *context)
{
	for (__u32 i = 0; i < count; i++) {
		if (step(i, context))
			return i + 1;
	}
	return count;
}
