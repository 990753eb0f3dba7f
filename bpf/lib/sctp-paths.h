/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SCTP associations by verification tag: the way from a packet on another path to the flow of the first one, and tags
 * that were offered and not taken yet. Both stand in one map. Needs no packet, since flows are also deleted without. */
#pragma once
#include "maps.h"

enum sctp_path_kinds {
	SCTP_PATH_TAG = 0,     /* the key's tag is a verification tag; the value is how the first path comes in */
	SCTP_PATH_PENDING = 1, /* the key's tag is that of the flow's key; the value is struct sctp_pending */
};

/* A handshake whose tags are not the flow's: of a restart, or where an INIT was answered more than once. They count
 * once the side that sent INIT has shown that it is not somebody who only says so: by a tag that was sent to it. */
enum { SCTP_OFFERS = 7 };
struct sctp_pending {
	__u32 side;  /* 0: the client has sent INIT; 1: the endpoint */
	__u32 reply; /* the tag that packets to that side will carry */
	__u32 offers[SCTP_OFFERS]; /* tags that the packets of that side may carry; 0: none */
	__u32 next;  /* place of the next offer */
};
_Static_assert(sizeof(struct sctp_pending) == sizeof(struct flow_key), "values of one map");

inline_always void sctp_path_key(struct sctp_path_key *path, const struct flow_key *key, __u32 tag, __u16 kind)
{
	path->tag = tag;
	path->source_port = key->source_port;
	path->destination_port = key->destination_port;
	path->zone = key->zone;
	path->reserved = kind;
}

inline_always bool sctp_same_key(const struct flow_key *a, const struct flow_key *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

/* The first path of whatever association has this tag in this direction. The element may be another's by the time it
 * is read: who takes the flow compares the tag. */
inline_always struct flow_key *sctp_path_find(const struct flow_key *key, __u32 tag)
{
	struct sctp_path_key path;

	sctp_path_key(&path, key, tag, SCTP_PATH_TAG);
	return bpf_map_lookup_elem(&sctp_paths, &path);
}

/* Where two associations have the same tag and ports the earlier one keeps the entry; the other is known by its
 * addresses alone, as are all when the map is full. */
rarely int sctp_path_put(const struct flow_key *key, __u32 tag)
{
	struct sctp_path_key path;

	sctp_path_key(&path, key, tag, SCTP_PATH_TAG);
	return tag ? bpf_map_update_elem(&sctp_paths, &path, key, BPF_NOEXIST) : 0;
}

rarely int sctp_path_forget(const struct flow_key *key, __u32 tag)
{
	struct sctp_path_key path;
	const struct flow_key *first;

	sctp_path_key(&path, key, tag, SCTP_PATH_TAG);
	first = bpf_map_lookup_elem(&sctp_paths, &path);
	return first && sctp_same_key(first, key) ? bpf_map_delete_elem(&sctp_paths, &path) : 0;
}

inline_always struct sctp_pending *sctp_pending_find(const struct flow_key *client, __u32 digest)
{
	struct sctp_path_key path;

	sctp_path_key(&path, client, digest, SCTP_PATH_PENDING);
	return bpf_map_lookup_elem(&sctp_paths, &path);
}

/* Replaces what was pending before, if anything. */
rarely int sctp_pending_put(const struct flow_key *client, __u32 digest, __u32 side, __u32 reply, __u32 offer)
{
	struct sctp_pending pending = {};
	struct sctp_path_key path;

	pending.side = side;
	pending.reply = reply;
	pending.offers[0] = offer;
	pending.next = !!offer;
	sctp_path_key(&path, client, digest, SCTP_PATH_PENDING);
	return bpf_map_update_elem(&sctp_paths, &path, &pending, BPF_ANY);
}

inline_always bool sctp_pending_has(const struct sctp_pending *pending, __u32 offer)
{
	__u64 equal = 0;

	for (int i = 0; i < SCTP_OFFERS; i++) /* without a branch, for the verifier: only 0 less 1 is that large */
		equal |= (__u64)(pending->offers[i] ^ offer) - 1;
	return equal >> 63 && offer;
}

inline_always void sctp_pending_offer(struct sctp_pending *pending, __u32 offer)
{
	__u32 next = pending->next;

	if (sctp_pending_has(pending, offer))
		return;
	if (next >= SCTP_OFFERS)
		next = 0;
	barrier_var(next);
	if (next < SCTP_OFFERS)
		pending->offers[next] = offer;
	pending->next = next + 1;
}

rarely int sctp_pending_forget(const struct flow_key *client, __u32 digest)
{
	struct sctp_path_key path;

	sctp_path_key(&path, client, digest, SCTP_PATH_PENDING);
	return bpf_map_delete_elem(&sctp_paths, &path);
}

/* All that is known of an association: before its flow is deleted, or begins anew. */
inline_always void sctp_forget(const struct flow_key *client, const struct flow *flow,
			       const struct flow_key *partner_key, const struct flow *partner)
{
	if (flow->flags & FLOW_FLAG_PATH)
		return;
	sctp_path_forget(client, flow->sctp_tag);
	if (partner)
		sctp_path_forget(partner_key, partner->sctp_tag);
	sctp_pending_forget(client, flow->tag);
}
