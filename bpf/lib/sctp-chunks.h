/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The chunks of an SCTP packet: which kinds there are, all of them, since what ends an association may stand behind
 * data. Their contents are the endpoints' business. */
#pragma once
#include "maps.h"
#include "sctp-crc.h"

struct sctp_chunk {
	__u8 type;
	__u8 flags;
	__be16 length; /* with this header, without the padding to four bytes */
};

/* What INIT and INIT ACK begin with. */
struct sctp_init {
	struct sctp_chunk chunk;
	__be32 tag; /* that the packets to its sender are to carry */
	__u8 rest[12];
};
_Static_assert(sizeof(struct sctp_init) == 20, "sctp_init");

/* Bits by chunk type; of others it is only known that they are there. */
enum sctp_seen {
	SCTP_DATA = 1 << 0,
	SCTP_INIT = 1 << 1,
	SCTP_INIT_ACK = 1 << 2,
	SCTP_ABORT = 1 << 6,
	SCTP_SHUTDOWN = 1 << 7,
	SCTP_SHUTDOWN_ACK = 1 << 8,
	SCTP_ERROR = 1 << 9,
	SCTP_COOKIE_ECHO = 1 << 10,
	SCTP_COOKIE_ACK = 1 << 11,
	SCTP_SHUTDOWN_COMPLETE = 1 << 14,
	SCTP_OTHER = 1 << 16,
	SCTP_REFLECTED = 1 << 17, /* ABORT or SHUTDOWN COMPLETE with the sender's own tag: the T bit */

	/* What is acted on, and therefore checked. */
	SCTP_SIGNALS = SCTP_INIT | SCTP_INIT_ACK | SCTP_ABORT | SCTP_SHUTDOWN | SCTP_SHUTDOWN_ACK | SCTP_COOKIE_ECHO |
		       SCTP_COOKIE_ACK | SCTP_SHUTDOWN_COMPLETE,
	SCTP_ALONE = SCTP_INIT | SCTP_INIT_ACK | SCTP_SHUTDOWN_COMPLETE, /* nothing may stand beside these */
};

enum sctp_chunk_values {
	SCTP_LAST_TYPE = 15, /* of those that have a bit */
	SCTP_TAG_REFLECTED = 1,
	SCTP_DIRECT = 4096, /* bytes of a frame in which chunks are read without a call */
};

/* The cheap test, for nearly all packets: one chunk that fills the packet and that nothing depends on. */
inline_always bool sctp_is_lone(ctx_t *ctx, const struct packet *packet)
{
	const struct sctp_chunk *chunk = ctx_start(ctx) + packet_l4(packet) + sizeof(struct sctp_header);
	__u32 payload = sctp_length(packet) - sizeof(struct sctp_header), length;

	if ((void *)(chunk + 1) > ctx_end(ctx))
		return false;
	if (unlikely(chunk->type <= SCTP_LAST_TYPE && SCTP_SIGNALS >> chunk->type & 1))
		return false;
	length = bpf_ntohs(chunk->length);
	return length >= sizeof(*chunk) && payload - length < 4;
}

struct sctp_walk {
	ctx_t *ctx;
	__u32 at;  /* offset in the frame */
	__u32 end;
	__u32 seen; /* enum sctp_seen */
	__u32 count;
	__u32 length; /* of the last chunk */
	bool bad;
};

inline_always bool sctp_walk_read(const struct sctp_walk *walk, struct sctp_chunk *chunk)
{
	__u32 at = walk->at;
	const struct sctp_chunk *direct;

	if (likely(at < SCTP_DIRECT)) {
		barrier_var(at);
		direct = ctx_start(walk->ctx) + (at & (SCTP_DIRECT - 1));
		if (likely((void *)(direct + 1) <= ctx_end(walk->ctx))) {
			*chunk = *direct;
			return true;
		}
	}
	return !ctx_load(walk->ctx, walk->at, chunk, sizeof(*chunk));
}

static long sctp_walk_step(__u32 index, struct sctp_walk *walk)
{
	struct sctp_chunk chunk;
	__u32 length, bit;

	if (walk->at + sizeof(chunk) > walk->end)
		return 1; /* padding, or the end */
	if (!sctp_walk_read(walk, &chunk)) {
		walk->bad = true;
		return 1;
	}
	length = bpf_ntohs(chunk.length);
	if (length < sizeof(chunk) || walk->at + length > walk->end) {
		walk->bad = true;
		return 1;
	}
	bit = chunk.type <= SCTP_LAST_TYPE ? 1U << (chunk.type & SCTP_LAST_TYPE) : SCTP_OTHER;
	walk->seen |= bit;
	if (bit & (SCTP_ABORT | SCTP_SHUTDOWN_COMPLETE) && chunk.flags & SCTP_TAG_REFLECTED)
		walk->seen |= SCTP_REFLECTED;
	walk->count++;
	walk->length = length;
	walk->at += (length + 3) & ~3U;
	return 0;
}

/* Which chunks a packet has, into `seen`: VERDICT_CONTINUE, or they may not stand so. A row longer than
 * LIMIT_SCTP_CHUNKS is no signalling. */
rarely enum verdict sctp_chunks(ctx_t *ctx, const struct packet *packet, __u32 *seen)
{
	struct sctp_walk walk = {};

	walk.ctx = ctx;
	walk.at = packet->l4 + sizeof(struct sctp_header);
	walk.end = packet->l4 + sctp_length(packet);
	walk.count = loop_zero();
	walk.seen = loop_zero();
	bpf_loop(LIMIT_SCTP_CHUNKS, sctp_walk_step, &walk, 0);
	if (walk.bad || !walk.count)
		return VERDICT_DROP_SCTP_CHUNK;
	if (walk.seen & SCTP_ALONE && walk.count > 1)
		return VERDICT_DROP_SCTP_CHUNK;
	if (walk.seen & (SCTP_INIT | SCTP_INIT_ACK) && walk.length < sizeof(struct sctp_init))
		return VERDICT_DROP_SCTP_CHUNK;
	if (walk.seen & SCTP_INIT && packet->sctp_tag)
		return VERDICT_DROP_SCTP_CHUNK;
	*seen = walk.seen;
	if (walk.at + sizeof(struct sctp_chunk) <= walk.end)
		*seen &= ~(SCTP_SIGNALS | SCTP_REFLECTED);
	return VERDICT_CONTINUE;
}

/* Of INIT and INIT ACK, which stand alone; 0, which no sender may choose, when there is none. */
inline_always __be32 sctp_initiate_tag(ctx_t *ctx, const struct packet *packet)
{
	__be32 tag = 0;

	ctx_load(ctx, packet->l4 + sizeof(struct sctp_header) + offsetof(struct sctp_init, tag), &tag, sizeof(tag));
	return tag;
}

/* What is acted on must be as its sender made it. What is too long to be checked changes nothing and begins nothing. */
inline_always enum verdict sctp_check(ctx_t *ctx, const struct packet *packet, __u32 *seen)
{
	if (!(*seen & SCTP_SIGNALS))
		return VERDICT_CONTINUE;
	switch (sctp_crc_check(ctx, packet)) {
	case SCTP_CRC_RIGHT:
		return VERDICT_CONTINUE;
	case SCTP_CRC_UNKNOWN:
		if (*seen & (SCTP_INIT | SCTP_INIT_ACK))
			return VERDICT_DROP_SCTP_CHUNK;
		*seen &= ~(SCTP_SIGNALS | SCTP_REFLECTED);
		return VERDICT_CONTINUE;
	default:
		return VERDICT_DROP_BAD_CHECKSUM;
	}
}
