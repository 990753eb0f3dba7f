/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* GTP-U (TS 29.281, 5.1 and 5.2), as far as the fast path must read and write it.
 *
 *   | version 3, PT, -, E, S, PN | type 1 | length 2 | TEID 4 |
 *   then, if any of E, S, PN:    | sequence 2 | N-PDU 1 | next 1 |
 *   then, while `next` is not 0:  | length 1, in units of 4 bytes | content | next 1 |
 *
 * The length counts what follows the first 8 bytes. */
#pragma once
#include "../lib/clock.h"

enum gtpu_values {
	GTPU_PORT = 2152,
	GTPU_VERSION = 0x30, /* version 1, and not GTP' */
	GTPU_VERSION_MASK = 0xf0,
	GTPU_EXTENDED = 0x04,
	GTPU_OPTIONAL = 0x07, /* any of E, S, PN */
	GTPU_HEADER = 8,
	GTPU_LONG_HEADER = 12,
	GTPU_PULL = 192, /* bytes behind the UDP header that are looked at */
	GTPU_AT_MASK = 0x3fff,
	GTPU_ANSWER = 14, /* bytes of an Echo Response */
	GTPU_HOPS = 64,
};

enum gtpu_type {
	GTPU_ECHO_REQUEST = 1,
	GTPU_ECHO_RESPONSE = 2,
	GTPU_ERROR_INDICATION = 26,
	GTPU_EXTENSION_HEADERS = 31,
	GTPU_TUNNEL_STATUS = 253, /* this one and those that follow are of a tunnel */
	GTPU_G_PDU = 255,
};

struct gtpu {
	__u8 flags;
	__u8 type;
	__be16 length;
	__be32 teid;
};

inline_always const struct gtpu *gtpu_of(ctx_t *ctx, const struct packet *packet)
{
	return ctx_start(ctx) + packet_l4(packet) + sizeof(struct udphdr);
}

/* Where in the message the extension headers end; 0: they lie. */
inline_always __u32 gtpu_extensions(ctx_t *ctx, const struct packet *packet, __u32 ends)
{
	const __u8 *message = (const __u8 *)gtpu_of(ctx, packet), *byte = message + GTPU_LONG_HEADER - 1;
	__u32 at = GTPU_LONG_HEADER;

	for (int i = 0; i <= LIMIT_GTPU_EXTENSIONS; i++) {
		if ((void *)(byte + 1) > ctx_end(ctx))
			return 0;
		if (!*byte)
			return at;
		at &= GTPU_AT_MASK;
		byte = message + at;
		if ((void *)(byte + 1) > ctx_end(ctx) || !*byte)
			return 0;
		at += *byte * 4;
		if (at > ends)
			return 0;
		barrier_var(at);
		byte = message + (at & GTPU_AT_MASK) - 1;
	}
	return 0;
}

/* Whether a user sends to the port of tunnels: what comes out of the tunnel would be taken for one. */
inline_always bool gtpu_is_nested(ctx_t *ctx, const struct packet *packet, __u32 at)
{
	const __u8 *ip = (const __u8 *)gtpu_of(ctx, packet) + (at & GTPU_AT_MASK);
	const __be16 *port;

	if ((void *)(ip + sizeof(struct iphdr)) > ctx_end(ctx))
		return false;
	if (ip[0] >> 4 == 4) {
		if (likely(ip[9] != IPPROTO_UDP) || (ip[6] & 0x1f) | ip[7])
			return false;
		port = (const __be16 *)(ip + (ip[0] & 15) * 4 + 2);
	} else {
		if (likely(ip[6] != IPPROTO_UDP) || ip[0] >> 4 != 6)
			return false;
		port = (const __be16 *)(ip + sizeof(struct ipv6hdr) + 2);
	}
	return (void *)(port + 1) <= ctx_end(ctx) && *port == bpf_htons(GTPU_PORT);
}

/* Whether it is GTP-U as it should be, and how many bytes stand behind its headers. The UDP header has been found
 * right. */
inline_always enum verdict gtpu_check(ctx_t *ctx, const struct packet *packet, struct gtpu *found, __u32 *content)
{
	const struct gtpu *message;
	const struct udphdr *udp;
	__u32 ends, at = GTPU_HEADER;

	ctx_pull(ctx, packet_l4(packet) + sizeof(*udp) + GTPU_PULL);
	message = gtpu_of(ctx, packet);
	udp = (const struct udphdr *)message - 1;
	if ((void *)(message + 1) > ctx_end(ctx))
		return VERDICT_DROP_GTP_HEADER;
	if (unlikely((message->flags & GTPU_VERSION_MASK) != GTPU_VERSION))
		return VERDICT_DROP_GTP_VERSION;
	*found = *message;
	ends = bpf_ntohs(message->length) + GTPU_HEADER;
	if (unlikely(ends + sizeof(*udp) > bpf_ntohs(udp->len)))
		return VERDICT_DROP_GTP_HEADER;
	if (message->flags & GTPU_OPTIONAL)
		at = GTPU_LONG_HEADER;
	if (unlikely(at > ends))
		return VERDICT_DROP_GTP_HEADER;
	if (message->flags & GTPU_EXTENDED) {
		at = gtpu_extensions(ctx, packet, ends);
		if (unlikely(!at))
			return VERDICT_DROP_GTP_HEADER;
	}
	if (found->type >= GTPU_TUNNEL_STATUS && unlikely(gtpu_is_nested(ctx, packet, at)))
		return VERDICT_DROP_GTP_NESTED;
	*content = ends - at;
	return VERDICT_CONTINUE;
}

/* The IP header says how long the answer is, and its hops are all ahead. */
inline_always void gtpu_answer_ip(const struct packet *packet, void *start)
{
	__u16 length = sizeof(struct udphdr) + GTPU_ANSWER;
	struct ipv6hdr *v6 = start;
	struct iphdr *v4 = start;
	__be16 before;
	__u64 change;

	if (packet->v6) {
		v6->payload_len = bpf_htons(packet_l4(packet) - packet_l3(packet) - sizeof(*v6) + length);
		v6->hop_limit = GTPU_HOPS + 1;
		return;
	}
	before = v4->tot_len;
	v4->tot_len = bpf_htons(packet_l4(packet) - packet_l3(packet) + length);
	/* In the word of TTL and protocol, the TTL comes first on the wire. */
	change = (__u64)(__u16)~before + v4->tot_len + (__u16)~bpf_htons((__u16)v4->ttl << 8) +
		 bpf_htons((GTPU_HOPS + 1) << 8);
	v4->ttl = GTPU_HOPS + 1;
	v4->check = checksum_apply(v4->check, checksum_fold(change));
}

/* Makes an Echo Request its answer (7.2.2): whoever translates it then sends it back. Below 0, and nothing has changed,
 * where the frame cannot have its new length. */
rarely int gtpu_answer(ctx_t *ctx, const struct packet *packet)
{
	__u32 l3, l4, pseudo, rest;
	struct udphdr *udp;
	__be16 *words, before;
	__u16 sequence = 0;

	if (!packet)
		return -1;
	l4 = packet_l4(packet);
	words = ctx_start(ctx) + l4 + sizeof(*udp);
	if ((void *)(words + GTPU_LONG_HEADER / 2) <= ctx_end(ctx) && *(__u8 *)words & GTPU_OPTIONAL)
		sequence = words[4];
	if (ctx_resize(ctx, l4 + sizeof(*udp) + GTPU_ANSWER))
		return -1;
	l4 = packet_l4(packet);
	l3 = packet_l3(packet);
	udp = ctx_start(ctx) + l4;
	words = (__be16 *)(udp + 1);
	if ((void *)(words + GTPU_ANSWER / 2) > ctx_end(ctx) ||
	    ctx_start(ctx) + l3 + sizeof(struct ipv6hdr) > ctx_end(ctx))
		return -1;
	gtpu_answer_ip(packet, ctx_start(ctx) + l3);
	before = udp->len;
	udp->len = bpf_htons(sizeof(*udp) + GTPU_ANSWER);
	words[0] = bpf_htons(0x3200 | GTPU_ECHO_RESPONSE); /* with a sequence number */
	words[1] = bpf_htons(GTPU_ANSWER - GTPU_HEADER);
	words[2] = words[3] = 0;
	words[4] = sequence;
	words[5] = 0;
	words[6] = bpf_htons(14 << 8); /* Recovery, whose value is 0 and ignored */
	pseudo = checksum_fold(checksum_address(&packet->key.source) + checksum_address(&packet->key.destination) +
			       bpf_htons(IPPROTO_UDP));
	rest = (__u32)udp->source + udp->dest + udp->len + words[0] + words[1] + words[4] + words[6];
	ctx_write_l4_checksum(&udp->check, checksum_fold((__u64)pseudo + before), pseudo + udp->len, rest);
	return 0;
}
