/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What must hold after every packet, whatever it was. A breach ends the run. */
#pragma once
#include "../lib/pipeline.h"
#include "frame.h"
#include "maps.h"
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition, ...)                                                                                 \
	do {                                                                                                  \
		if (!(condition)) {                                                                           \
			fprintf(stderr, "check failed: %s: ", #condition);                                    \
			fprintf(stderr, __VA_ARGS__);                                                         \
			fprintf(stderr, "\n");                                                                \
			abort();                                                                              \
		}                                                                                             \
	} while (0)

/* An IP packet in a frame, as far as it is whole and plain. */
struct check_ip {
	const __u8 *ip;
	__u32 l3;
	__u32 header;    /* bytes, extension headers of IPv6 not counted */
	__u32 length;    /* of the packet */
	__u8 version;    /* 0: no IP packet, or not all of it is there */
	__u8 protocol;   /* ICMPv6 is ICMP */
	bool fragmented;
	__u8 hops;
};

static __u32 check_read16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static struct check_ip check_find_ip(const __u8 *frame, __u32 length)
{
	struct check_ip found = { .l3 = ETH_HLEN };
	__u32 type = length >= ETH_HLEN ? check_read16(frame + 12) : 0;

	for (int tags = 0; tags < 2 && (type == ETHER_VLAN || type == ETHER_SERVICE_VLAN); tags++) {
		if (length < found.l3 + 4)
			return found;
		type = check_read16(frame + found.l3 + 2);
		found.l3 += 4;
	}
	found.ip = frame + found.l3;
	if (type == ETH_P_IP && length >= found.l3 + sizeof(struct iphdr)) {
		found.header = (found.ip[0] & 15) * 4;
		found.length = check_read16(found.ip + 2);
		found.fragmented = check_read16(found.ip + 6) & 0x3fff;
		found.hops = found.ip[8];
		found.protocol = found.ip[9];
	} else if (type == ETH_P_IPV6 && length >= found.l3 + sizeof(struct ipv6hdr)) {
		found.header = sizeof(struct ipv6hdr);
		found.length = found.header + check_read16(found.ip + 4);
		found.protocol = found.ip[6] == IPPROTO_ICMPV6 ? IPPROTO_ICMP : found.ip[6];
		found.hops = found.ip[7];
	} else {
		return found;
	}
	if (found.ip[0] >> 4 == (type == ETH_P_IP ? 4 : 6) && found.header >= sizeof(struct iphdr) &&
	    found.header <= found.length && found.l3 + found.length <= length)
		found.version = type == ETH_P_IP ? 4 : 6;
	return found;
}

static __u64 check_sum(const __u8 *bytes, __u32 length)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : bytes[i] << 8;
	return sum;
}

/* How far the transport checksum is from being right; -1: there is none that can be looked at. */
static int check_transport_error(const struct check_ip *packet)
{
	__u32 number = packet->version == 6 && packet->protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : packet->protocol;
	const __u8 *l4 = packet->ip + packet->header;
	__u32 bytes = packet->length - packet->header;
	__u64 sum;

	if (!packet->version || packet->fragmented)
		return -1;
	switch (packet->protocol) {
	case IPPROTO_TCP:
		if (bytes < sizeof(struct tcphdr))
			return -1;
		break;
	case IPPROTO_UDP:
		if (bytes < sizeof(struct udphdr) || check_read16(l4 + 4) != bytes || !check_read16(l4 + 6))
			return -1;
		break;
	case IPPROTO_ICMP:
		if (bytes < sizeof(struct icmp_echo))
			return -1;
		break;
	default:
		return -1;
	}
	sum = check_sum(l4, bytes);
	if (packet->version == 6)
		sum += check_sum(packet->ip + 8, 32) + bytes + number;
	else if (packet->protocol != IPPROTO_ICMP)
		sum += check_sum(packet->ip + 12, 8) + bytes + number;
	return checksum_fold(sum) % 0xffff;
}

/* Whether a sent packet is the translation of the other, not a packet around it. */
static bool check_is_translation(const struct check_ip *before, const struct check_ip *after)
{
	return before->protocol == after->protocol &&
	       !(after->protocol == IPPROTO_UDP && check_read16(after->ip + after->header + 2) == 6080);
}

/* Whether an Echo Request of GTP-U has become its answer. */
static bool check_is_answer(const struct check_ip *before, const struct check_ip *after)
{
	const __u8 *in = before->ip + before->header, *out = after->ip + after->header;

	return before->protocol == IPPROTO_UDP && after->protocol == IPPROTO_UDP &&
	       after->length == after->header + sizeof(struct udphdr) + GTPU_ANSWER &&
	       check_read16(out) == GTPU_PORT && check_read16(in + 2) == GTPU_PORT &&
	       in[9] == GTPU_ECHO_REQUEST && out[9] == GTPU_ECHO_RESPONSE;
}

/* Nothing is left of what came but addresses and the sequence number. */
static void check_answer(const struct check_ip *answer, __u32 frame_bytes)
{
	CHECK(frame_bytes == answer->l3 + answer->length, "frame of %u, packet of %u", frame_bytes, answer->length);
	CHECK(answer->hops == GTPU_HOPS, "%u hops", answer->hops);
	CHECK(host_world.partial || check_transport_error(answer) == 0, "checksum of an answer");
}

static void check_forwarded(const __u8 *before, __u32 before_length, const __u8 *after, __u32 after_length)
{
	struct check_ip in = check_find_ip(before, before_length), out = check_find_ip(after, after_length);
	int in_error, out_error;

	CHECK(host_redirected(), "forwarded to nowhere");
	if (host_world.segment)
		return;
	CHECK(in.version && out.version, "no IP packet, or its length lies");
	CHECK(in.l3 == out.l3, "tags: %u and %u", in.l3, out.l3);
	CHECK(out.hops > 0, "no hop is left");
	if (out.version == 4)
		CHECK(checksum_fold(check_sum(out.ip, out.header)) == 0xffff, "IPv4 header checksum");
	if (check_is_answer(&in, &out))
		return check_answer(&out, after_length);
	CHECK(after_length - before_length == out.length - in.length, "frame %u to %u, packet %u to %u", before_length,
	      after_length, in.length, out.length);
	if (host_world.partial || !check_is_translation(&in, &out))
		return;
	in_error = check_transport_error(&in);
	out_error = check_transport_error(&out);
	CHECK(in_error < 0 || out_error < 0 || in_error == out_error, "transport checksum off by %d, was by %d",
	      out_error, in_error);
}

/* Every packet is counted once, by its own hook, under a verdict that there is. */
static enum verdict check_verdict(const __u64 *before)
{
	int found = -1;

	for (__u32 i = 0; i < HOOK_MAX * VERDICT_MAX; i++) {
		__u64 more = *(const __u64 *)host_map_value(&verdicts, i) - before[i];

		if (!more)
			continue;
		CHECK(more == 1 && found < 0, "verdict %d counted %d times, after %d", i, (int)more, found);
		found = i;
	}
	CHECK(found >= CTX_HOOK * VERDICT_MAX && found < (CTX_HOOK + 1) * VERDICT_MAX, "verdict %d", found);
	found -= CTX_HOOK * VERDICT_MAX;
	CHECK(found != VERDICT_CONTINUE, "no verdict");
	return found;
}

static void check_counter(const void *map, __u32 id)
{
	__s64 count = *(const __s64 *)host_map_value(map, id);

	CHECK(count >= 0, "of id %u: %lld", id, count);
}

/* User space frees none here. */
static void check_learnt(void)
{
	__u64 found = 0, counted = 0;

	for (__u32 i = 0; i < host_map_capacity(&hints); i++) {
		const struct hint *hint = (const struct hint *)host_map_value(&hints, i);

		found += hint && hint->flags & HINT_LEARNT;
	}
	for (int row = 0; row < TABLES_ROWS; row++)
		counted += ((const struct seid_count *)host_map_value(&seid_counts, row + 1))->learnt;
	CHECK(found == counted, "%llu learnt SEIDs, counted %llu", found, counted);
}

static void check_maps(void)
{
	__s64 clients = 0, live = *(const __s64 *)host_map_value(&live_flows, 0);

	for (__u32 i = 0; i < host_map_capacity(&flows); i++) {
		const struct flow *flow = (const struct flow *)host_map_value(&flows, i);

		if (!flow)
			continue;
		CHECK(flow->state < FLOW_STATE_MAX && flow->state != FLOW_NONE, "state %d of a flow", flow->state);
		CHECK(flow_action(flow) < ACTION_MAX, "action of a flow");
		clients += !(flow->flags & FLOW_FLAG_REVERSE);
	}
	CHECK(clients == live, "%lld flows, counted %lld", clients, live);
	check_learnt();
	for (int row = 0; row < TABLES_ROWS; row++) {
		check_counter(&embryonic, row + 1);
		check_counter(&active_flows, 2 * row + 1);
		check_counter(&active_flows, 2 * row + 2);
	}
	CHECK(!host_ring_open, "%d records of a ring neither submitted nor discarded", host_ring_open);
}
