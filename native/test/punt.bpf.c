/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Puts what it is run on into a ring, for tests of those who read it. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define LONGEST 2048

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} punts SEC(".maps");

/* A record is always of the same length; what is behind the bytes of the run means nothing. */
SEC("tc") int punt(struct __sk_buff *skb)
{
	__u32 length = skb->len;
	__u8 *record;

	if (length < 1 || length > LONGEST)
		return TC_ACT_SHOT;
	record = bpf_ringbuf_reserve(&punts, LONGEST, 0);
	if (!record)
		return TC_ACT_SHOT;
	if (bpf_skb_load_bytes(skb, 0, record, length)) {
		bpf_ringbuf_discard(record, 0);
		return TC_ACT_SHOT;
	}
	bpf_ringbuf_submit(record, 0);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
