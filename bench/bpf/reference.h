/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The yardstick: the least that translates the destination of a TCP packet and sends it on. One lookup with the key of
 * a real flow; no state, no counters, no checks but those the verifier asks for. With one flow it is what goals are
 * ratios to; with many it shows what the machine's memory costs, whatever the program. */
#pragma once
#include "../../bpf/lib/checksum.h"

struct reference_flow {
	struct address destination;
	__be16 destination_port;
	__u16 address_delta; /* what the new address adds to a checksum */
	__u16 port_delta;
	__u16 macs[6]; /* destination, source */
	__u16 reserved;
	__u32 device;
	__u64 room[3]; /* a real entry has more to say */
};
_Static_assert(sizeof(struct reference_flow) == 64, "reference_flow");

enum reference_limits { REFERENCE_FLOWS = 1048576 };

/* What every flow gets written: the rows differ in how many there are of it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct reference_flow);
} reference_template SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct flow_key);
	__type(value, struct reference_flow);
} reference_one SEC(".maps");

/* Two entries for each flow, as a balancer needs them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * REFERENCE_FLOWS);
	__type(key, struct flow_key);
	__type(value, struct reference_flow);
} reference_many SEC(".maps");

/* False when it is no TCP packet. */
inline_always bool reference_parse(struct xdp_md *ctx, struct flow_key *key)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = start;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->version != 4 || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP)
		return false;
	key->source.words[2] = bpf_htonl(0xffff);
	key->source.words[3] = ip->saddr;
	key->destination.words[2] = bpf_htonl(0xffff);
	key->destination.words[3] = ip->daddr;
	key->source_port = tcp->source;
	key->destination_port = tcp->dest;
	key->protocol = IPPROTO_TCP;
	return true;
}

inline_always int reference_translate(struct xdp_md *ctx, const struct reference_flow *flow)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = start + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u16 *macs = start;

	if (!flow || (void *)(tcp + 1) > end)
		return XDP_PASS;
	for (int i = 0; i < 6; i++)
		macs[i] = flow->macs[i];
	ip->daddr = flow->destination.words[3];
	ip->ttl--;
	ip->check = checksum_apply(ip->check, (__u32)flow->address_delta + (__u16)~bpf_htons(0x0100));
	tcp->dest = flow->destination_port;
	tcp->check = checksum_apply(tcp->check, (__u32)flow->address_delta + flow->port_delta);
	return bpf_redirect(flow->device, 0);
}

inline_always int reference(struct xdp_md *ctx, void *flows)
{
	struct flow_key key = {};

	if (!reference_parse(ctx, &key))
		return XDP_PASS;
	return reference_translate(ctx, bpf_map_lookup_elem(flows, &key));
}

/* Makes both entries of a flow. */
inline_always int reference_new(struct xdp_md *ctx)
{
	struct flow_key key = {}, reverse = {};
	const struct reference_flow *flow;
	__u32 zero = 0;

	if (!reference_parse(ctx, &key))
		return XDP_PASS;
	flow = bpf_map_lookup_elem(&reference_template, &zero);
	if (!flow || bpf_map_lookup_elem(&reference_many, &key))
		return XDP_PASS;
	reverse.source = flow->destination;
	reverse.destination = key.source;
	reverse.source_port = flow->destination_port;
	reverse.destination_port = key.source_port;
	reverse.protocol = IPPROTO_TCP;
	if (bpf_map_update_elem(&reference_many, &reverse, flow, BPF_NOEXIST) ||
	    bpf_map_update_elem(&reference_many, &key, flow, BPF_NOEXIST))
		return XDP_DROP;
	return reference_translate(ctx, flow);
}
