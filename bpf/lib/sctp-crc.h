/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CRC32c of SCTP (RFC 9260, appendix A). It is linear: what a change of some bytes adds depends only on the change and
 * on how many bytes follow. So new ports patch the checksum in the same time whatever the packet's length, and a wrong
 * one stays wrong by the same error. It is computed only for signalling, whose packets are short.
 *
 * A polynomial stands here with its bits reflected, as the checksum does: the highest bit is x^0. Nothing branches on
 * data: the verifier would follow both ways, each time. */
#pragma once
#include "load.h"
#include "maps.h"
#include "parse.h"

enum sctp_crc_values {
	SCTP_ROUND = 32, /* bytes read at once */
	SCTP_CRC_MOST = 9216, /* bytes; what is longer is not checked, and no signalling */
	SCTP_CRC_ROUNDS = SCTP_CRC_MOST / SCTP_ROUND,
	SCTP_FAR_STEPS = 5, /* of SCTP_POWERS - 1 bytes: more than an IP packet has */
};

/* All sums of eight values: entry n has those whose bits are set in n. */
#define SCTP_SPAN1(x, a) (x), (x) ^ (a)
#define SCTP_SPAN2(x, a, b) SCTP_SPAN1(x, a), SCTP_SPAN1((x) ^ (b), a)
#define SCTP_SPAN3(x, a, b, c) SCTP_SPAN2(x, a, b), SCTP_SPAN2((x) ^ (c), a, b)
#define SCTP_SPAN4(x, a, b, c, d) SCTP_SPAN3(x, a, b, c), SCTP_SPAN3((x) ^ (d), a, b, c)
#define SCTP_SPAN5(x, a, b, c, d, e) SCTP_SPAN4(x, a, b, c, d), SCTP_SPAN4((x) ^ (e), a, b, c, d)
#define SCTP_SPAN6(x, a, b, c, d, e, f) SCTP_SPAN5(x, a, b, c, d, e), SCTP_SPAN5((x) ^ (f), a, b, c, d, e)
#define SCTP_SPAN7(x, a, b, c, d, e, f, g) SCTP_SPAN6(x, a, b, c, d, e, f), SCTP_SPAN6((x) ^ (g), a, b, c, d, e, f)
#define SCTP_SPAN(a, b, c, d, e, f, g, h) SCTP_SPAN7(0U, a, b, c, d, e, f, g), SCTP_SPAN7(h, a, b, c, d, e, f, g)

/* x^63 down to x^32, modulo the polynomial: a row for each byte of a word that 32 zero bits follow. */
static const __u32 sctp_crc_table[4][256] = {
	{ SCTP_SPAN(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f) },
	{ SCTP_SPAN(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743) },
	{ SCTP_SPAN(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9) },
	{ SCTP_SPAN(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78) },
};

/* The CRC of a word, least byte first, from nothing: value * x^32. */
inline_always __u32 sctp_crc_word(__u32 value)
{
	return sctp_crc_table[0][value & 0xff] ^ sctp_crc_table[1][value >> 8 & 0xff] ^
	       sctp_crc_table[2][value >> 16 & 0xff] ^ sctp_crc_table[3][value >> 24];
}

/* A product without carries is made of ordinary ones: of every fourth bit each, so that what is added up in a bit's
 * place, eight at most, stays below the next one. */
inline_always __u32 sctp_crc_multiply(__u64 a, __u64 b)
{
	const __u64 every = 0x11111111, places = 0x1111111111111111ULL;
	__u64 a0 = a & every, a1 = a & every << 1, a2 = a & every << 2, a3 = a & every << 3;
	__u64 b0 = b & every, b1 = b & every << 1, b2 = b & every << 2, b3 = b & every << 3;
	__u64 product = ((a0 * b0 ^ a1 * b3 ^ a2 * b2 ^ a3 * b1) & places) |
			((a0 * b1 ^ a1 * b0 ^ a2 * b3 ^ a3 * b2) & places << 1) |
			((a0 * b2 ^ a1 * b1 ^ a2 * b0 ^ a3 * b3) & places << 2) |
			((a0 * b3 ^ a1 * b2 ^ a2 * b1 ^ a3 * b0) & places << 3);

	product <<= 1; /* of 63 bits, reflected */
	return product >> 32 ^ sctp_crc_word(product);
}

/* What a change is that `bytes` bytes follow. */
inline_always __u32 sctp_crc_move_near(__u32 change, __u32 bytes)
{
	const __u32 *power = bpf_map_lookup_elem(&sctp_powers, &bytes);

	return power ? sctp_crc_multiply(change, *power) : 0;
}

rarely __u32 sctp_crc_move_far(__u32 change, __u32 bytes)
{
	for (int i = 0; i < SCTP_FAR_STEPS && bytes >= SCTP_POWERS; i++) {
		change = sctp_crc_move_near(change, SCTP_POWERS - 1);
		bytes -= SCTP_POWERS - 1;
	}
	return sctp_crc_move_near(change, bytes);
}

inline_always __u32 sctp_crc_move(__u32 change, __u32 bytes)
{
	return likely(bytes < SCTP_POWERS) ? sctp_crc_move_near(change, bytes) : sctp_crc_move_far(change, bytes);
}

/* Bytes from the SCTP header to the end. */
inline_always __u32 sctp_length(const struct packet *packet)
{
	return packet->length - (packet->l4 - packet->l3);
}

/* A packet whose field is zero has no checksum: the device is still to compute it, or both sides do without one
 * (RFC 9653). A computed one is zero once in four thousand million packets. */
inline_always bool sctp_crc_is_none(__u32 crc)
{
	return !crc;
}

/* What new ports change in the CRC32c, as if nothing followed them. */
inline_always __u32 sctp_change(const struct flow_key *key, const struct flow *flow)
{
	__u32 source = key->source_port ^ flow->source_port;
	__u32 destination = key->destination_port ^ flow->destination_port;

	return sctp_crc_word(source | destination << 16);
}

/* Puts the change of the ports into the checksum; the ports are written already. */
inline_always int sctp_patch(ctx_t *ctx, const struct packet *packet, const struct flow *flow, __u32 l4)
{
	__u32 change = flow->sctp_change;
	struct sctp_header *sctp;

	barrier();
	if (unlikely(flow->tag != packet_tag(packet)))
		return -1; /* the change is another flow's */
	if (likely(!change))
		return 0;
	if (unlikely(packet->fragment))
		return -1; /* nobody knows how much follows */
	barrier_var(l4);
	sctp = ctx_start(ctx) + (l4 & PACKET_L4_MASK);
	if ((void *)(sctp + 1) > ctx_end(ctx))
		return -1;
	if (unlikely(sctp_crc_is_none(sctp->crc)))
		return 0;
	sctp->crc ^= sctp_crc_move(change, sctp_length(packet) - sizeof(sctp->source) - sizeof(sctp->dest));
	return 0;
}

struct sctp_crc_run {
	ctx_t *ctx;
	__u32 offset;
	__u32 left;
	__u32 crc;
	__u32 error;
	__u32 words[SCTP_ROUND / 4];
};

static long sctp_crc_round(__u32 index, struct sctp_crc_run *run)
{
	__u32 bytes = run->left;

	if (!bytes)
		return 1;
	if (bytes >= SCTP_ROUND) {
		bytes = SCTP_ROUND;
		run->error = ctx_load(run->ctx, run->offset, run->words, SCTP_ROUND);
	} else {
		for (int i = 0; i < SCTP_ROUND / 4; i++)
			run->words[i] = 0;
		run->error = load_some(run->ctx, run->offset, run->words, bytes, SCTP_ROUND);
	}
	if (run->error)
		return 1;
	for (int i = 0; i < SCTP_ROUND / 4; i++)
		run->crc = sctp_crc_word(run->crc ^ run->words[i]);
	run->offset += bytes;
	run->left -= bytes;
	return 0;
}

enum sctp_crc_result {
	SCTP_CRC_RIGHT = 0,
	SCTP_CRC_WRONG,
	SCTP_CRC_UNKNOWN, /* too long to be checked */
};

/* Whole rounds are read, from the register 0 on and with the field as it stands; what that leaves out or adds is moved
 * to where it belongs. */
rarely enum sctp_crc_result sctp_crc_check(ctx_t *ctx, const struct packet *packet)
{
	__u32 length = sctp_length(packet), found, after;
	struct sctp_crc_run run = {};

	if (ctx_load(ctx, packet->l4 + offsetof(struct sctp_header, crc), &found, sizeof(found)))
		return SCTP_CRC_WRONG;
	if (sctp_crc_is_none(found))
		return SCTP_CRC_RIGHT;
	if (length > SCTP_CRC_MOST)
		return SCTP_CRC_UNKNOWN;
	run.ctx = ctx;
	run.offset = packet->l4;
	run.left = length;
	bpf_loop(SCTP_CRC_ROUNDS, sctp_crc_round, &run, 0);
	if (run.error)
		return SCTP_CRC_WRONG;
	after = (SCTP_ROUND - length % SCTP_ROUND) % SCTP_ROUND; /* zero bytes that were read behind the end */
	length += after;
	/* The sender's register began with ones; its field was zero; what is sent is the inverse. */
	run.crc ^= sctp_crc_move_near(~0U, length);
	run.crc ^= sctp_crc_move_near(found, length - offsetof(struct sctp_header, crc));
	run.crc ^= sctp_crc_move_near(~found, after);
	return run.crc ? SCTP_CRC_WRONG : SCTP_CRC_RIGHT;
}
