/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* PFCP that is not terminated: the SEID that an endpoint gives a session is learnt from the answer that makes it,
 * before the SMF hears of it. Anybody might send with an endpoint's address, so only what was asked for teaches: the
 * answer of the endpoint that a request of this client went to a moment ago, with its sequence number, and each request
 * one SEID. Who has asked may use the service, as nobody else's requests come that far. */
#pragma once
#include "../proto/pfcp.h"
#include "hint.h"

/* When a hint that a message has just been about is forgotten. */
inline_always __u32 seid_expiry(__u32 now, __u32 ticks)
{
	/* 0 says "never"; the clock passes its end. */
	return ticks ? now + ticks ?: 1 : 0;
}

/* A session that its SMF deletes is remembered for as long as the request may come again, whatever answer crosses it;
 * any other message says that it lives on. Only what the programs have learnt themselves is theirs to forget. */
rarely int seid_renew(struct hint *hint, __u32 service, __u32 now, __u8 type)
{
	const struct settings *settings = settings_get();
	const struct service_idle *idle = bpf_map_lookup_elem(&service_idle, &service);
	const struct scratch *room = scratch_get();
	__u32 ticks;

	/* Its element may be another one's by now. */
	if (!hint || !settings || !idle || !room || hint->tag != hint_tag(&room->hint_key))
		return -1;
	if (hint->flags & HINT_DELETED && pfcp_is(type, PFCP_ANSWERS))
		return 0;
	hint->flags &= ~HINT_DELETED;
	ticks = idle->ticks;
	if (type == PFCP_DELETION_REQUEST) {
		hint->flags |= HINT_DELETED;
		ticks = settings->timeouts[FLOW_UNREPLIED];
	}
	hint->expires = seid_expiry(now, ticks);
	return 0;
}

/* Whether the service may have one more. It is asked for requests, since an endpoint that has made a session whose
 * answer is dropped keeps it in vain; answers to those that are under way are learnt beyond it. */
rarely bool seid_admits(__u32 service)
{
	const struct settings *settings = settings_get();
	const struct seid_count *count = bpf_map_lookup_elem(&seid_counts, &service);

	if (!settings || !count)
		return false;
	return !settings->seids_admitted || (__s64)(count->learnt - count->freed) < settings->seids_admitted;
}

/* A client's request for a session goes to an endpoint. One that comes again is asked anew. */
rarely int seid_ask(const struct packet *packet, __u32 service, __u32 endpoint, __u32 sequence)
{
	struct seid_request_key key = {};
	struct seid_request request = {};

	if (!packet)
		return -1;
	key.client = packet->key.source;
	key.port = packet->key.source_port;
	key.service = service;
	key.sequence = sequence;
	request.endpoint = endpoint;
	request.seen = packet->now;
	return bpf_map_update_elem(&seid_requests, &key, &request, BPF_ANY);
}

/* What the endpoint was asked for, if it was and has not given another SEID for it. */
inline_always struct seid_request *seid_asked(const struct packet *packet, const struct endpoint_return *back,
					      __u32 sequence, __u64 seid)
{
	const struct settings *settings = settings_get();
	struct seid_request_key key = {};
	struct seid_request *request;

	key.client = packet->key.destination;
	key.port = packet->key.destination_port;
	key.service = back->service;
	key.sequence = sequence;
	request = bpf_map_lookup_elem(&seid_requests, &key);
	if (!request || !settings || request->endpoint != back->endpoint ||
	    clock_since(packet->now, request->seen) >= settings->timeouts[FLOW_UNREPLIED] ||
	    (request->seid && request->seid != seid))
		return NULL;
	return request;
}

/* Into the hints, under the key in the scratch room. An int: see create_insert(). */
inline_always enum verdict seid_keep(const struct packet *packet, const struct endpoint_return *back,
				     struct scratch *room)
{
	const struct hint *before = bpf_map_lookup_elem(&hints, &room->hint_key);
	const struct service_idle *idle;
	bool counted = before && before->flags & HINT_LEARNT;
	__u32 service = back->service;
	struct seid_count *count;
	struct hint learnt = {};
	int error;

	idle = bpf_map_lookup_elem(&service_idle, &service);
	count = bpf_map_lookup_elem(&seid_counts, &service);
	if (!idle || !count)
		return VERDICT_DROP_INTERNAL;
	learnt.tag = hint_tag(&room->hint_key);
	learnt.endpoint = back->endpoint;
	learnt.expires = seid_expiry(packet->now, idle->ticks);
	learnt.flags = HINT_LEARNT;
	learnt.seen = packet->now;
	error = bpf_map_update_elem(&hints, &room->hint_key, &learnt, before ? BPF_EXIST : BPF_NOEXIST);
	if (error) /* it exists: another CPU has just learnt it */
		return error == -EEXIST ? VERDICT_DROP_SEID_CONFLICT : VERDICT_DROP_SEID;
	if (!counted)
		__sync_fetch_and_add(&count->learnt, 1);
	return VERDICT_CONTINUE;
}

/* The SEID that an endpoint gives a session leads to it from now on. Where it cannot, the SMF must not hear of it: it
 * would have a session whose messages go elsewhere. It asks again, or another UPF. */
rarely enum verdict seid_learn(ctx_t *ctx, const struct packet *packet, const struct endpoint_return *back,
			       __u32 sequence)
{
	struct scratch *room = scratch_get();
	struct seid_request *request;
	const struct hint *known;
	enum verdict verdict;
	__u64 seid;

	if (!packet || !back || !room)
		return VERDICT_DROP_INTERNAL;
	seid = pfcp_given_seid(ctx, packet);
	if (!seid)
		return VERDICT_CONTINUE;
	*(__u64 *)hint_key(room, back->service, HINT_SEID, 8)->bytes = seid;
	known = hint_find(room, packet->now);
	request = seid_asked(packet, back, sequence, seid);
	if (!request)
		return VERDICT_DROP_SEID_UNASKED;
	if (known && known->endpoint != back->endpoint)
		return VERDICT_DROP_SEID_CONFLICT;
	/* What others have installed is theirs. */
	if (known && !(known->flags & HINT_LEARNT))
		return VERDICT_CONTINUE;
	verdict = seid_keep(packet, back, room);
	if (!verdict)
		request->seid = seid;
	return verdict;
}
