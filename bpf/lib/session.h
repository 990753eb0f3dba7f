/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services whose packets are told apart by a session key, not by a flow: one 5-tuple of GTP-U or PFCP carries
 * thousands of sessions. What a packet gets is made for it alone; only the next hop is kept, for each endpoint. */
#pragma once
#include "create.h"
#include "filter.h"
#include "select.h"
#include "service.h"

/* Not a verdict, and only known to the pipeline: no packet of such a service. */
#define SESSION_NONE VERDICT_MAX

enum session_values {
	SESSION_TEMPLATES = 4096, /* the first half for endpoints, the second for clients */
	SESSION_GTP_VERSION = 0x30, /* version 1, and not GTP' (TS 29.281, 5.1) */
	SESSION_GTP_MASK = 0xf0,
	SESSION_PFCP_VERSION = 0x20, /* TS 29.244, 7.2.2 */
	SESSION_PFCP_MASK = 0xe0,
	SESSION_PFCP_SEID = 0x01, /* the flag S: there is a SEID */
	SESSION_KEY_AT = 4, /* TEID and SEID stand in the same place */
};

/* Next hops of endpoints and clients of such services. A CPU's own, so that nobody else writes. */
struct session_template {
	struct flow flow;
	struct service_key socket; /* the translation is that of packets to this one; zero: of nobody else */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SESSION_TEMPLATES);
	__type(key, __u32);
	__type(value, struct session_template);
} session_templates SEC(".maps");

inline_always bool session_port(__be16 port)
{
	__u32 number = bpf_ntohs(port), index = number / 64;
	const __u64 *word = bpf_map_lookup_elem(&session_ports, &index);

	return word && *word >> (number & 63) & 1;
}

inline_always bool session_may_be(const struct packet *packet)
{
	return packet->key.protocol == IPPROTO_UDP && !packet_is_later_fragment(packet) &&
	       (session_port(packet->key.destination_port) || session_port(packet->key.source_port));
}

/* Reads the packet's session key into the scratch room; returns its digest, or that of the client where the message has
 * none. *keyed says which. */
inline_always __u64 session_key(ctx_t *ctx, const struct packet *packet, const struct service *service,
				struct scratch *room, bool *keyed)
{
	const __u8 *message = ctx_start(ctx) + packet_l4(packet) + sizeof(struct udphdr);
	__u64 id;

	*keyed = false;
	if ((void *)(message + SESSION_KEY_AT + 4) > ctx_end(ctx))
		return select_client_digest(packet);
	if (service->hint == HINT_SEID) {
		if ((void *)(message + SESSION_KEY_AT + 8) > ctx_end(ctx) ||
		    (message[0] & SESSION_PFCP_MASK) != SESSION_PFCP_VERSION || !(message[0] & SESSION_PFCP_SEID))
			return select_client_digest(packet);
		__builtin_memcpy(&id, message + SESSION_KEY_AT, 8);
		*(__u64 *)hint_key(room, service->id, HINT_SEID, 8)->bytes = id;
	} else {
		if ((message[0] & SESSION_GTP_MASK) != SESSION_GTP_VERSION)
			return select_client_digest(packet);
		id = *(const __be32 *)(message + SESSION_KEY_AT);
		*(__u64 *)hint_key(room, service->id, HINT_TEID, 4)->bytes = id;
	}
	*keyed = true;
	return id * 0x9e3779b97f4a7c15ULL;
}

/* The endpoint of a packet, and what its hint wants written. */
inline_always enum verdict session_endpoint(ctx_t *ctx, const struct packet *packet, struct scratch *room,
					    __u32 *endpoint_id, const struct hint **found)
{
	const struct service *service = &room->service;
	struct hint *hint;
	__u64 digest;
	bool keyed;

	digest = session_key(ctx, packet, service, room, &keyed);
	hint = keyed ? hint_find(room, packet->now) : NULL;
	*found = hint;
	if (hint) {
		*endpoint_id = hint->endpoint;
		return VERDICT_CONTINUE;
	}
	if (keyed && service->miss == MISS_DROP)
		return VERDICT_DROP_NO_HINT;
	if (keyed && service->miss == MISS_PUNT)
		return punt(ctx, packet, NULL, PUNT_MISS);
	return select_by_hash(service, digest, endpoint_id);
}

/* The kept next hop, where it is that of this destination. */
inline_always struct session_template *session_template(const struct packet *packet, __u32 index,
							const struct address *destination, __u32 endpoint)
{
	struct session_template *template = bpf_map_lookup_elem(&session_templates, &index);
	struct flow *flow;

	if (!template)
		return NULL;
	flow = &template->flow;
	if (!filter_same(&flow->destination, destination) || flow->endpoint != endpoint) {
		flow->route_stamp = 0;
		flow->destination = *destination;
		flow->endpoint = endpoint;
		template->socket.protocol = 0;
	}
	flow->tag = packet_tag(packet);
	flow->state = FLOW_REPLIED;
	return template;
}

inline_always bool session_same_socket(const struct service_key *a, const struct service_key *b)
{
	const __u64 *left = (const __u64 *)a, *right = (const __u64 *)b;

	return left[0] == right[0] && left[1] == right[1] && left[2] == right[2];
}

/* What the packets of an endpoint get is the same for one socket, but for a source that is the client's. */
inline_always void session_translation(struct session_template *template, const struct packet *packet,
				       const struct endpoint *endpoint)
{
	struct flow *flow = &template->flow;
	struct service_key socket;

	service_key(&socket, packet, &packet->key.destination, packet->key.destination_port);
	if (likely(session_same_socket(&template->socket, &socket) && !endpoint->action &&
		   address_is_none(&endpoint->source) &&
		   flow->destination_port == (endpoint->port ? endpoint->port : socket.port))) {
		flow->source = packet->key.source;
		flow->source_port = packet->key.source_port;
		return;
	}
	flow->flags = 0;
	create_translation(flow, packet, endpoint);
	create_deltas(flow, &packet->key);
	template->socket = socket;
	if (endpoint->action || !address_is_none(&endpoint->source))
		template->socket.protocol = 0;
}

/* The identifier that the endpoint knows the session by. */
rarely int session_rewrite(ctx_t *ctx, const struct packet *packet, __be32 identifier)
{
	__be32 *teid = ctx_start(ctx) + packet_l4(packet) + sizeof(struct udphdr) + SESSION_KEY_AT;
	__u32 change;

	if ((void *)(teid + 1) > ctx_end(ctx))
		return -1;
	change = checksum_fold((__u64)(__u32)~*teid + identifier);
	*teid = identifier;
	/* All ones is no change. */
	return change == 0xffff || !change ? 0 : ctx_l4_checksum(ctx, packet_l4(packet) + 6, 0, change, true);
}

/* A call, like the way back: the verifier meets what follows once. Which template it is stands in the scratch room. */
rarely enum verdict session_forward(ctx_t *ctx, struct packet *packet)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	const struct endpoint *endpoint;
	const struct hint *hint;
	struct session_template *template;
	enum verdict verdict;
	__u32 id;

	if (!packet || !room || !settings)
		return VERDICT_DROP_INTERNAL;
	verdict = parse_check(ctx, packet);
	if (verdict)
		return verdict;
	verdict = filter(packet, &room->service);
	if (verdict)
		return verdict;
	verdict = session_endpoint(ctx, packet, room, &id, &hint);
	if (verdict)
		return verdict;
	endpoint = bpf_map_lookup_elem(&endpoints, &id);
	if (!endpoint)
		return VERDICT_DROP_INTERNAL;
	room->template = id & (SESSION_TEMPLATES / 2 - 1);
	template = session_template(packet, room->template, &endpoint->address, id);
	if (!template)
		return VERDICT_DROP_INTERNAL;
	template->flow.service = room->service.id;
	session_translation(template, packet, endpoint);
	verdict = route(ctx, packet, &template->flow, settings);
	if (!verdict && hint && hint->flags & HINT_REWRITE && session_rewrite(ctx, packet, hint->identifier))
		return VERDICT_DROP_INTERNAL;
	return verdict;
}

/* The way back: from an endpoint, as if from the service. */
rarely enum verdict session_return(ctx_t *ctx, struct packet *packet)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	const struct endpoint_return *back;
	struct session_template *template;
	enum verdict verdict;
	struct service_key key;
	struct flow *flow;

	if (!packet || !room || !settings)
		return VERDICT_DROP_INTERNAL;
	service_key(&key, packet, &packet->key.source, packet->key.source_port);
	back = bpf_map_lookup_elem(&returns, &key);
	if (!back)
		return SESSION_NONE;
	verdict = parse_check(ctx, packet);
	if (verdict)
		return verdict;
	room->template = SESSION_TEMPLATES / 2 + (hash_finish(packet->digest, 0) & (SESSION_TEMPLATES / 2 - 1));
	template = session_template(packet, room->template, &packet->key.destination, back->endpoint);
	if (!template)
		return VERDICT_DROP_INTERNAL;
	flow = &template->flow;
	flow->service = back->service;
	flow->source = back->address;
	flow->source_port = back->port;
	flow->destination_port = packet->key.destination_port;
	flow->flags = FLOW_FLAG_REVERSE;
	create_deltas(flow, &packet->key);
	return route(ctx, packet, flow, settings);
}

/* Makes the template what this packet gets, routed. */
inline_always enum verdict session(ctx_t *ctx, struct packet *packet, struct scratch *room)
{
	struct service_key key;
	enum verdict verdict;

	service_key(&key, packet, &packet->key.destination, packet->key.destination_port);
	verdict = service_copy(&key, &room->service);
	if (!verdict && room->service.flags & SERVICE_STATELESS)
		return session_forward(ctx, packet);
	if (!verdict)
		return SESSION_NONE;
	return session_return(ctx, packet);
}
