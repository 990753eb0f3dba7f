/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the wrappers of both hooks share: the packet they put back before each run, and the flow they give it. */
#pragma once
#include "../../bpf/lib/checksum.h"

enum bench_limits {
	BENCH_FRAME_WORDS = 8,     /* of most frames: 64 bytes are all, or all that changes */
	BENCH_LONG_WORDS = 12,     /* where headers are longer */
	BENCH_ORDER_PAGE = 1024,   /* flow numbers in one value of the order map */
	BENCH_ORDER_PAGES = 1024,  /* 1 Mi flows */
};

/* Which end of the packet is the client's and takes the flow's number. */
enum bench_client {
	BENCH_ONE_FLOW = 0,
	BENCH_CLIENT_IS_SOURCE = 1,
	BENCH_CLIENT_IS_DESTINATION = 2,
	BENCH_FLOW_IS_TEID = 3,    /* GTP-U over IPv4: the number is the tunnel's */
};

enum bench_gtpu { BENCH_TEID_AT = 12 }; /* behind the start of UDP */

/* Flow n is the client whose lower 16 address bits are n >> 15 and whose port is 0x8000 | (n & 0x7fff). Where flows
 * vary, the frame has zeroes in these places, so that the numbers can just be added to its checksums. */
struct bench {
	__u64 frame[BENCH_LONG_WORDS];
	__u32 client;  /* enum bench_client */
	__u32 flows;   /* flow numbers used of the order map */
	__u32 next;    /* place in the order map */
	__u32 length;  /* bytes of the whole frame */
};
_Static_assert(sizeof(struct bench) == 112, "bench");

struct bench_order {
	__u32 flows[BENCH_ORDER_PAGE];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench);
} bench SEC(".maps");

/* The order in which flows are visited: read one after the other, so that it costs little. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_ORDER_PAGES);
	__type(key, __u32);
	__type(value, struct bench_order);
} bench_order SEC(".maps");

/* The program under test is entry 0. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_target SEC(".maps");

/* The frame has a TEID of zero, which its checksum counts. */
inline_always void bench_tunnel(struct iphdr *ip, __u32 teid)
{
	__u16 *check = (__u16 *)(ip + 1) + 3;
	__be32 number = bpf_htonl(teid);

	*(__be32 *)((void *)(ip + 1) + BENCH_TEID_AT) = number;
	*check = checksum_apply(*check, (number & 0xffff) + (number >> 16));
}

/* Gives the packet the next flow of the order. */
inline_always void bench_number(struct bench *state, struct iphdr *ip)
{
	__u32 place = state->next, index = place / BENCH_ORDER_PAGE, flow, address, port;
	struct bench_order *page = bpf_map_lookup_elem(&bench_order, &index);
	__be16 *ports = (void *)(ip + 1);
	__u16 *check = ip->protocol == IPPROTO_TCP ? ports + 8 : ports + 3;

	if (!page)
		return;
	state->next = place + 1 < state->flows ? place + 1 : 0;
	flow = page->flows[place % BENCH_ORDER_PAGE];
	if (state->client == BENCH_FLOW_IS_TEID)
		return bench_tunnel(ip, flow);
	address = bpf_htons(flow >> 15);
	port = bpf_htons(0x8000 | (flow & 0x7fff));
	if (state->client == BENCH_CLIENT_IS_SOURCE) {
		ip->saddr |= address << 16;
		ports[0] = port;
	} else {
		ip->daddr |= address << 16;
		ports[1] = port;
	}
	ip->check = checksum_apply(ip->check, address);
	*check = checksum_apply(*check, address + port);
}

/* Puts the packet back and gives it its flow; false when there is less room than the frame needs. */
inline_always bool bench_restore(void *start, void *end)
{
	__u64 *words = start;
	__u32 zero = 0;
	struct bench *state = bpf_map_lookup_elem(&bench, &zero);

	if (!state || (void *)(words + BENCH_FRAME_WORDS) > end)
		return false;
	/* By the word: the compiler would copy a frame by the byte, since it may be anywhere. */
	for (int i = 0; i < BENCH_FRAME_WORDS; i++)
		words[i] = state->frame[i];
	if (state->client != BENCH_ONE_FLOW)
		bench_number(state, start + sizeof(struct ethhdr));
	return true;
}

/* The same for a frame with longer headers, of one flow. */
inline_always bool bench_restore_long(void *start, void *end)
{
	__u64 *words = start;
	__u32 zero = 0;
	const struct bench *state = bpf_map_lookup_elem(&bench, &zero);

	if (!state || (void *)(words + BENCH_LONG_WORDS) > end)
		return false;
	for (int i = 0; i < BENCH_LONG_WORDS; i++)
		words[i] = state->frame[i];
	return true;
}
