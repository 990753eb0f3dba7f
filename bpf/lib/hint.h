/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hints: where a session lives, as user space has found out. */
#pragma once
#include "clock.h"
#include "trace.h"

inline_always __u32 hint_tag(const struct hint_key *key)
{
	return hash_tag(key, sizeof(*key));
}

/* An empty key; its bytes are the caller's to fill. */
inline_always struct hint_key *hint_key(struct scratch *room, __u32 service, __u8 kind, __u8 length)
{
	struct hint_key *key = &room->hint_key;
	__u64 *words = (__u64 *)key;

	words[0] = service | (__u64)kind << 32 | (__u64)length << 40;
	words[1] = 0;
	words[2] = 0;
	return key;
}

/* Whether an endpoint may have what a hint, or what it did before, gives it. */
inline_always bool hint_endpoint_serves(const struct endpoint *endpoint, __u32 service)
{
	return endpoint && endpoint->service == service && !(endpoint->flags & (ENDPOINT_BLOCKED | ENDPOINT_DOWN));
}

/* Of an endpoint that may have it. */
inline_always bool hint_lives(const struct hint *hint, __u32 service, __u32 now)
{
	__u32 endpoint = hint->endpoint;

	if (hint->expires && (__s32)(now - hint->expires) >= 0)
		return false;
	return hint_endpoint_serves(bpf_map_lookup_elem(&endpoints, &endpoint), service);
}

/* What the key in the scratch room says: a hint that lives. */
inline_always struct hint *hint_find(struct scratch *room, __u32 now)
{
	struct hint *hint = bpf_map_lookup_elem(&hints, &room->hint_key);

	if (unlikely(explain))
		trace_tell(TRACE_SESSION, hint, hint ? hint->endpoint : 0, (const struct flow_key *)&room->hint_key,
			   NULL);
	if (!hint || hint->tag != hint_tag(&room->hint_key) || !hint_lives(hint, room->hint_key.service, now))
		return NULL;
	hint->seen = now;
	return hint;
}

/* Packets of one session may come in on several CPUs. */
inline_always void hint_count(struct hint *hint, __u64 packets, __u64 bytes)
{
	__sync_fetch_and_add(&hint->packets, packets);
	__sync_fetch_and_add(&hint->bytes, bytes);
}
