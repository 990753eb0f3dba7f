/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the addon's tests load: a few maps, and small programs of each kind that they run or attach. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define ARRAY_ENTRIES 3

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* 12 bytes a value, so that the rounding to 16 in mapped memory shows. */
struct triple {
	__u32 numbers[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ARRAY_ENTRIES);
	__type(key, __u32);
	__type(value, struct triple);
} triples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

const volatile __u32 answer = 1;
const volatile __u8 flavour = 2;

__u64 runs;

/* Adds the answer to the last number of every triple. */
SEC("tc") int add_answer(struct __sk_buff *skb)
{
	runs++;
	for (__u32 i = 0; i < ARRAY_ENTRIES; i++) {
		__u32 key = i;
		struct triple *triple = bpf_map_lookup_elem(&triples, &key);

		if (triple)
			triple->numbers[2] += answer;
	}
	return flavour;
}

/* Writes as many records as the packet's first byte says, each as long as its second byte says, numbered from 0. */
SEC("tc") int emit(struct __sk_buff *skb)
{
	__u8 record[256] = {}, head[2];
	__u32 length;

	if (bpf_skb_load_bytes(skb, 0, head, sizeof(head)))
		return TC_ACT_SHOT;
	length = head[1];
	if (length == 0)
		return TC_ACT_SHOT;
	for (__u32 i = 0; i < 255; i++) {
		if (i >= head[0])
			break;
		record[0] = i;
		if (bpf_ringbuf_output(&events, record, length, 0))
			return TC_ACT_SHOT;
	}
	return TC_ACT_OK;
}

struct exchange {
	__u32 in;
	__u32 out;
};

SEC("syscall") int twice(struct exchange *exchange)
{
	exchange->out = 2 * exchange->in;
	return -7;
}

/* Marks the packet, to see it come out. */
SEC("xdp") int mark(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 1 > end)
		return XDP_ABORTED;
	*data = 0xee;
	return XDP_TX;
}

SEC("xdp") int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp") int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("tc") int shoot(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("tc") int accept(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
