/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: puts a VLAN tag into a packet's metadata, where a device that takes tags off has it, and goes on with the
 * program under test. The kernel's test run cannot give a program such a packet. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

SEC("tc") int sluice_tagged(struct __sk_buff *ctx)
{
	if (bpf_skb_vlan_push(ctx, bpf_htons(ETH_P_8021Q), 0xa064))
		return TC_ACT_STOLEN;
	bpf_tail_call(ctx, &under_test, 0);
	return TC_ACT_STOLEN;
}

char _license[] SEC("license") = "Dual BSD/GPL";
