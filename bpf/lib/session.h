/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services whose packets are told apart by a session key, not by a flow: one 5-tuple of GTP-U or PFCP carries
 * thousands of sessions. What a packet gets is made for it alone; only the next hop is kept, for each endpoint. */
#pragma once
#include "../proto/gtpu.h"
#include "create.h"
#include "filter.h"
#include "seid.h"
#include "select.h"
#include "service.h"

/* Not a verdict, and only known to the pipeline: no packet of such a service. */
#define SESSION_NONE VERDICT_MAX

enum session_values {
	SESSION_TEMPLATES = 4096, /* the first half for endpoints, the second for clients */
	SESSION_TEID_AT = 4,
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

/* Services that packets have just been for, so that not each packet looks its service up; believed for as long as a
 * cached next hop, and whoever changes a service makes a new route generation. A CPU's own. */
struct session_socket {
	struct service_key key;
	struct service service;
	__u32 stamp; /* see route_stamp() */
	__u32 reserved;
};

enum session_sockets { SESSION_SOCKETS_BITS = 6 };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << SESSION_SOCKETS_BITS);
	__type(key, __u32);
	__type(value, struct session_socket);
} session_sockets SEC(".maps");

inline_always bool session_same_socket(const struct service_key *a, const struct service_key *b)
{
	const __u64 *left = (const __u64 *)a, *right = (const __u64 *)b;

	return left[0] == right[0] && left[1] == right[1] && left[2] == right[2];
}

inline_always bool session_port(__be16 port)
{
	__u32 number = bpf_ntohs(port), index = number / 64;
	const __u64 *word = bpf_map_lookup_elem(&session_ports, &index);

	return word && *word >> (number & 63) & 1;
}

/* A later fragment has the ports of its first one. */
inline_always bool session_may_be(const struct packet *packet)
{
	return packet->key.protocol == IPPROTO_UDP &&
	       (session_port(packet->key.destination_port) || session_port(packet->key.source_port));
}

/* What a message is to us. */
enum session_kind {
	SESSION_KEYED = 0,     /* of a session: its key stands in the scratch room */
	SESSION_OF_SENDER,     /* has no key: its sender stands in */
	SESSION_ECHO_REQUEST,  /* is answered here */
	SESSION_ECHO_RESPONSE, /* is for the endpoint that has asked */
	SESSION_ANSWER,        /* is for the endpoint that has asked, if it is known, else it goes by its sender */
	SESSION_ERROR,         /* is about a session, whose key user space reads */
};

struct session_message {
	__u64 digest; /* of the key, or of the sender */
	__u32 bytes;  /* of the user that are counted; 0: it has nothing of a user */
	__be32 teid;
	__u32 sequence; /* of PFCP */
	__u8 type;    /* of GTP-U, or PFCP */
	__u8 kind;    /* enum session_kind */
};

inline_always void session_of_sender(const struct packet *packet, struct session_message *message)
{
	message->kind = SESSION_OF_SENDER;
	message->digest = select_client_digest(packet);
}

inline_always __u64 session_digest(__u64 id)
{
	return id * 0x9e3779b97f4a7c15ULL;
}

/* PFCP: by the SEID, where there is one. A request that makes a session has none yet: it goes by its sender and its
 * sequence number, so that its retransmissions meet the same endpoint. What answers an endpoint goes back to it. */
inline_always enum verdict session_pfcp(ctx_t *ctx, const struct packet *packet, struct scratch *room,
					struct session_message *message)
{
	struct pfcp found;

	session_of_sender(packet, message);
	if (!pfcp_read(ctx, packet, &found))
		return VERDICT_CONTINUE;
	message->type = found.type;
	message->sequence = found.sequence;
	if (unlikely(found.type == PFCP_ESTABLISHMENT_REQUEST && !seid_admits(room->service.id)))
		return VERDICT_DROP_SEID_LIMIT;
	if (likely(found.seid)) {
		*(__u64 *)hint_key(room, room->service.id, HINT_SEID, 8)->bytes = found.seid;
		message->kind = SESSION_KEYED;
		message->digest = session_digest(found.seid);
	} else if (pfcp_is(found.type, PFCP_ANSWERS)) {
		message->kind = SESSION_ANSWER;
	} else if (found.type >= PFCP_FIRST_OF_SESSIONS) {
		message->digest += session_digest(found.sequence + 1);
	}
	return VERDICT_CONTINUE;
}

/* Bytes of the user's packets: what is not their tunnel's. A datagram in pieces counts with its first one. */
inline_always __u32 session_user_bytes(const struct packet *packet, __u32 length, __u32 content)
{
	__u32 headers = packet_l4(packet) - packet_l3(packet) + sizeof(struct udphdr) + GTPU_HEADER + length - content;

	return likely(packet->segments <= 1) ? content : packet->wire_bytes - packet->segments * headers;
}

/* GTP-U: what is of a tunnel goes by its TEID. The others are about the path (TS 29.281, 7.2 and 7.3), and have 0 for a
 * TEID; one that says which extension headers its sender knows is of no use to anybody here. */
inline_always enum verdict session_gtpu(ctx_t *ctx, const struct packet *packet, struct scratch *room,
					struct session_message *message)
{
	struct gtpu found = {};
	enum verdict verdict;
	__u32 content = 0;

	verdict = gtpu_check(ctx, packet, &found, &content);
	if (unlikely(verdict))
		return verdict;
	message->type = found.type;
	message->teid = found.teid;
	if (likely(found.type == GTPU_G_PDU))
		message->bytes = session_user_bytes(packet, bpf_ntohs(found.length), content);
	if (likely(found.type >= GTPU_TUNNEL_STATUS)) {
		*(__u64 *)hint_key(room, room->service.id, HINT_TEID, 4)->bytes = found.teid;
		message->kind = SESSION_KEYED;
		message->digest = session_digest(found.teid);
		return VERDICT_CONTINUE;
	}
	session_of_sender(packet, message);
	if (found.type == GTPU_ECHO_REQUEST)
		message->kind = SESSION_ECHO_REQUEST;
	else if (found.type == GTPU_ECHO_RESPONSE)
		message->kind = SESSION_ECHO_RESPONSE;
	else if (found.type == GTPU_ERROR_INDICATION)
		message->kind = SESSION_ERROR;
	else
		return VERDICT_DROP_GTP_MESSAGE;
	return VERDICT_CONTINUE;
}

/* The endpoint that the TEID belongs to by its first bits. */
rarely bool session_range(const struct service *service, __be32 teid, __u32 *endpoint_id)
{
	struct scratch *room = scratch_get();
	const __u32 *found;
	__u32 id;

	if (!service || !endpoint_id || !room)
		return false;
	room->teid_key.prefix_bits = 64;
	room->teid_key.service = bpf_htonl(service->id);
	room->teid_key.teid = teid;
	found = bpf_map_lookup_elem(&teid_ranges, &room->teid_key);
	if (!found)
		return false;
	id = *found;
	*endpoint_id = id;
	return hint_endpoint_serves(bpf_map_lookup_elem(&endpoints, &id), service->id);
}

/* The last endpoint that has asked this sender whether it is there. */
rarely bool session_asker(const struct packet *packet, __u32 *endpoint_id)
{
	const struct scratch *room = scratch_get();
	const struct affinity *asker;
	struct affinity_key key;

	if (!room || !packet || !endpoint_id)
		return false;
	select_affinity_key(&key, &room->service, packet);
	asker = bpf_map_lookup_elem(&affinities, &key);
	if (!asker)
		return false;
	*endpoint_id = asker->endpoint;
	return hint_endpoint_serves(bpf_map_lookup_elem(&endpoints, endpoint_id), room->service.id);
}

inline_always enum verdict session_miss(ctx_t *ctx, const struct packet *packet, const struct service *service,
					const struct session_message *message, __u32 *endpoint_id)
{
	if (service->miss == MISS_HASH)
		return select_by_hash(service, message->digest, endpoint_id);
	/* Only data is answered, and no TEID is no tunnel (TS 29.281, 7.3.1). */
	if (service->miss == MISS_ERROR && message->type == GTPU_G_PDU && message->teid)
		return punt(ctx, packet, NULL, PUNT_MISS);
	return VERDICT_DROP_NO_HINT;
}

/* The endpoint of a packet, and the hint that gives it. */
inline_always enum verdict session_endpoint(ctx_t *ctx, const struct packet *packet, struct scratch *room,
					    const struct session_message *message, __u32 *endpoint_id,
					    struct hint **found)
{
	const struct service *service = &room->service;
	struct hint *hint;

	if (message->kind == SESSION_ECHO_RESPONSE)
		return session_asker(packet, endpoint_id) ? VERDICT_CONTINUE : VERDICT_DROP_GTP_MESSAGE;
	if (message->kind == SESSION_ANSWER && session_asker(packet, endpoint_id))
		return VERDICT_CONTINUE;
	if (message->kind != SESSION_KEYED)
		return select_by_hash(service, message->digest, endpoint_id);
	hint = hint_find(room, packet->now);
	*found = hint;
	if (likely(hint)) {
		if (hint->flags & HINT_LEARNT)
			seid_renew(hint, service->id, packet->now, message->type);
		*endpoint_id = hint->endpoint;
		return VERDICT_CONTINUE;
	}
	if (service->flags & SERVICE_TEID_RANGES && session_range(service, message->teid, endpoint_id))
		return VERDICT_CONTINUE;
	return session_miss(ctx, packet, service, message, endpoint_id);
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

/* Where the template of a client is. */
inline_always __u32 session_client_template(const struct packet *packet)
{
	return SESSION_TEMPLATES / 2 + (hash_finish(packet->digest, 0) & (SESSION_TEMPLATES / 2 - 1));
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
	__be32 *teid = ctx_start(ctx) + packet_l4(packet) + sizeof(struct udphdr) + SESSION_TEID_AT;
	__u32 change;

	if ((void *)(teid + 1) > ctx_end(ctx))
		return -1;
	change = checksum_fold((__u64)(__u32)~*teid + identifier);
	*teid = identifier;
	/* All ones is no change. */
	return change == 0xffff || !change ? 0 : ctx_l4_checksum(ctx, packet_l4(packet) + 6, 0, change, true);
}

/* An Echo Request is answered from the VIP while somebody behind it takes new tunnels (TS 29.281, 7.2.1). */
rarely enum verdict session_echo(ctx_t *ctx, struct packet *packet)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	struct session_template *template;
	enum verdict verdict;
	struct flow *flow;

	if (!packet || !room || !settings)
		return VERDICT_DROP_INTERNAL;
	if (!room->service.slot_count)
		return VERDICT_DROP_NO_ENDPOINT;
	if (packet->fragment || packet->segments > 1)
		return VERDICT_DROP_GTP_MESSAGE;
	room->template = session_client_template(packet);
	template = session_template(packet, room->template, &packet->key.source, 0);
	if (!template)
		return VERDICT_DROP_INTERNAL;
	flow = &template->flow;
	flow->service = room->service.id;
	flow->source = packet->key.destination;
	flow->source_port = packet->key.destination_port;
	flow->destination_port = packet->key.source_port;
	flow->flags = 0;
	flow->address_delta = 0;
	flow->port_delta = 0;
	verdict = route(ctx, packet, flow, settings);
	if (verdict || !gtpu_answer(ctx, packet))
		return verdict;
	return CTX_HAS_NEXT ? VERDICT_TO_TC_DEVICE : VERDICT_DROP_INTERNAL;
}

/* What goes to an endpoint, with a translation that needs no flow. A deleted element may at once be another key's: `id`
 * and what is read here are the hint's if its tag is `tag` behind all that. */
inline_always enum verdict session_send(ctx_t *ctx, struct packet *packet, const struct settings *settings,
					struct scratch *room, const struct session_message *message, __u32 id,
					struct hint *hint, __u32 tag)
{
	struct session_template *template;
	const struct endpoint *endpoint;
	__be32 identifier = 0;
	enum verdict verdict;
	__u32 flags = 0;

	if (likely(hint)) {
		flags = hint->flags;
		identifier = hint->identifier;
		barrier();
		if (unlikely(hint->tag != tag))
			return VERDICT_DROP_NO_HINT;
	}
	endpoint = bpf_map_lookup_elem(&endpoints, &id);
	if (!endpoint)
		return VERDICT_DROP_INTERNAL;
	room->template = id & (SESSION_TEMPLATES / 2 - 1);
	room->session_endpoint = id;
	template = session_template(packet, room->template, &endpoint->address, id);
	if (!template)
		return VERDICT_DROP_INTERNAL;
	template->flow.service = room->service.id;
	session_translation(template, packet, endpoint);
	/* Whose session it is about only user space can tell; but by MAC address it cannot send. */
	if (unlikely(message->kind == SESSION_ERROR && flow_action(&template->flow) != ACTION_L2))
		return punt(ctx, packet, &template->flow, PUNT_GTPU_ERROR);
	verdict = route(ctx, packet, &template->flow, settings);
	/* What is too long may leave in pieces, which user space makes. */
	if ((verdict && verdict != VERDICT_DROP_MTU) || !hint)
		return verdict;
	if (flags & HINT_REWRITE) {
		if (packet->segments > 1) /* each of them has a header of its own */
			return VERDICT_DROP_GSO;
		if (session_rewrite(ctx, packet, identifier))
			return VERDICT_DROP_INTERNAL;
	}
	/* Should it become another key's between these lines, the packet is counted there: a number, and no more. */
	barrier();
	if (likely(!verdict && message->bytes && hint->tag == tag))
		hint_count(hint, packet->segments, message->bytes);
	return verdict;
}

/* A call, like the way back: the verifier meets what follows once. Which template it is stands in the scratch room. */
rarely enum verdict session_forward(ctx_t *ctx, struct packet *packet)
{
	const struct settings *settings = settings_get();
	struct session_message message = {};
	struct scratch *room = scratch_get();
	struct hint *hint = NULL;
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
	if (unlikely(packet_is_later_fragment(packet))) {
		id = room->session_endpoint;
		return id ? session_send(ctx, packet, settings, room, &message, id, NULL, 0) : VERDICT_DROP_FRAGMENT;
	}
	if (room->service.hint == HINT_SEID)
		verdict = session_pfcp(ctx, packet, room, &message);
	else
		verdict = session_gtpu(ctx, packet, room, &message);
	if (verdict)
		return verdict;
	if (unlikely(message.kind == SESSION_ECHO_REQUEST))
		return session_echo(ctx, packet);
	verdict = session_endpoint(ctx, packet, room, &message, &id, &hint);
	if (verdict)
		return verdict;
	if (unlikely(message.type == PFCP_ESTABLISHMENT_REQUEST))
		seid_ask(packet, room->service.id, id, message.sequence);
	return session_send(ctx, packet, settings, room, &message, id, hint, hint ? hint_tag(&room->hint_key) : 0);
}

/* The type of a GTP-U message, where it is one and is about the path; else 0. Endpoints are believed. */
inline_always __u8 session_path_message(ctx_t *ctx, const struct packet *packet)
{
	const struct gtpu *message = gtpu_of(ctx, packet);

	if (packet_is_later_fragment(packet) || (void *)(message + 1) > ctx_end(ctx) ||
	    (message->flags & GTPU_VERSION_MASK) != GTPU_VERSION || message->type >= GTPU_TUNNEL_STATUS)
		return 0;
	return message->type;
}

/* An endpoint asks whether somebody is there: the answer, which comes to the VIP, will be for it. */
rarely int session_asks(const struct packet *packet, const struct flow *flow)
{
	struct affinity_key key;
	struct affinity value;

	if (!packet || !flow)
		return -1;
	key.client = packet->key.destination;
	key.service = flow->service;
	value.endpoint = flow->endpoint;
	value.seen = packet->now;
	return bpf_map_update_elem(&affinities, &key, &value, BPF_ANY);
}

/* PFCP from an endpoint. */
inline_always enum verdict session_pfcp_back(ctx_t *ctx, const struct packet *packet,
					     const struct endpoint_return *back, struct pfcp *found)
{
	if (packet_is_later_fragment(packet) || !pfcp_read(ctx, packet, found))
		found->type = 0;
	return found->type == PFCP_ESTABLISHMENT_RESPONSE ? seid_learn(ctx, packet, back, found->sequence)
							  : VERDICT_CONTINUE;
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
	struct pfcp pfcp = {};
	struct flow *flow;
	__u8 type = 0;

	if (!packet || !room || !settings)
		return VERDICT_DROP_INTERNAL;
	service_key(&key, packet, &packet->key.source, packet->key.source_port);
	back = bpf_map_lookup_elem(&returns, &key);
	if (!back)
		return SESSION_NONE;
	verdict = parse_check(ctx, packet);
	if (verdict)
		return verdict;
	if (back->hint == HINT_TEID)
		type = session_path_message(ctx, packet);
	/* Clients have theirs from the VIP: somebody has asked the endpoint itself, as we do. */
	if (unlikely(type == GTPU_ECHO_RESPONSE))
		return SESSION_NONE;
	if (back->hint == HINT_SEID)
		verdict = session_pfcp_back(ctx, packet, back, &pfcp);
	if (verdict)
		return verdict;
	room->template = session_client_template(packet);
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
	/* The tunnel that it names is known to the other side by the VIP. */
	if (unlikely(type == GTPU_ERROR_INDICATION))
		return punt(ctx, packet, flow, PUNT_GTPU_ERROR);
	verdict = route(ctx, packet, flow, settings);
	if (unlikely(!verdict && (type == GTPU_ECHO_REQUEST || pfcp_is(pfcp.type, PFCP_ASKS))))
		session_asks(packet, flow);
	return verdict;
}

/* The service of a socket, into the scratch room. */
inline_always enum verdict session_service(const struct packet *packet, struct scratch *room)
{
	const struct settings *settings = settings_get();
	struct session_socket *known;
	struct service_key key;
	enum verdict verdict;
	__u32 index, stamp;

	if (!settings)
		return VERDICT_DROP_INTERNAL;
	service_key(&key, packet, &packet->key.destination, packet->key.destination_port);
	index = service_tag(&key) >> (32 - SESSION_SOCKETS_BITS);
	stamp = route_stamp(settings, packet->now, 0);
	known = bpf_map_lookup_elem(&session_sockets, &index);
	if (likely(known && known->stamp == stamp && session_same_socket(&known->key, &key) && !explain)) {
		room->service = known->service;
		return VERDICT_CONTINUE;
	}
	verdict = service_copy(&key, &room->service);
	if (!verdict && known) {
		known->key = key;
		known->service = room->service;
		known->stamp = stamp;
	}
	return verdict;
}

/* Makes the template what this packet gets, routed. */
inline_always enum verdict session(ctx_t *ctx, struct packet *packet, struct scratch *room)
{
	enum verdict verdict = session_service(packet, room);

	if (!verdict && room->service.flags & SERVICE_STATELESS)
		return session_forward(ctx, packet);
	if (!verdict)
		return SESSION_NONE;
	return session_return(ctx, packet);
}
