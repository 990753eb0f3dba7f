/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A new flow: its translation, its source port, its two entries. The endpoint's entry goes in first, so that
 * no answer can find the table without it; it is taken back if the client's loses against another CPU. */
#pragma once
#include "flow.h"
#include "sctp.h"
#include "route.h"

/* The state the first packet makes, if it may make a flow at all. */
inline_always enum verdict create_state(ctx_t *ctx, struct flow *flow, const struct packet *packet,
					const struct service *service)
{
	__u8 flags = packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);

	flow->flags = service->flags & SERVICE_PUNT ? FLOW_FLAG_PUNT : 0;
	flow->state = FLOW_UNREPLIED;
	flow->sctp_tag = 0;
	flow->sctp_change = 0;
	if (packet->key.protocol == IPPROTO_SCTP)
		return sctp_first(ctx, packet, service, flow);
	if (packet->key.protocol != IPPROTO_TCP) /* a reply nobody asked for */
		return packet->kind == PACKET_ECHO_REPLY ? VERDICT_DROP_NO_FLOW : VERDICT_CONTINUE;
	flow->state = FLOW_SYN_SENT;
	if (flags == TCP_SYN)
		return VERDICT_CONTINUE;
	if (!(service->flags & SERVICE_RECREATE) || (flags & ~TCP_FIN) != TCP_ACK)
		return VERDICT_DROP_NO_FLOW;
	/* The endpoint's answer proves that it knows the connection; until then the flow is a short-lived one. */
	if (flags & TCP_FIN) {
		flow->state = FLOW_CLOSING;
		flow->flags |= FLOW_FLAG_FIN;
	}
	return VERDICT_CONTINUE;
}

inline_always __u8 create_action(const struct packet *packet, const struct endpoint *endpoint)
{
	bool to_v4 = address_is_v4(&endpoint->address);

	if (unlikely(endpoint->action))
		return endpoint->action;
	if (likely(packet->v6 != to_v4))
		return ACTION_NAT;
	return to_v4 ? ACTION_NAT64 : ACTION_NAT46;
}

/* The source its packets get: the client's, the endpoint's only one, or the client's first choice of a pool. */
inline_always struct address create_source(const struct packet *packet, const struct endpoint *endpoint)
{
	const struct snat_pool *pool;

	if (likely(address_is_none(&endpoint->source)))
		return packet->key.source;
	pool = pool_get(endpoint);
	return likely(!pool) ? endpoint->source
			     : pool->addresses[pool_choice(pool, pool_client(&packet->key.source), 0)];
}

inline_always void create_translation(struct flow *flow, const struct packet *packet, const struct endpoint *endpoint)
{
	bool icmp = packet->key.protocol == IPPROTO_ICMP;
	__u8 action = create_action(packet, endpoint);

	flow->flags |= action << FLOW_ACTION_SHIFT;
	flow->destination = endpoint->flags & ENDPOINT_AS_ADDRESSED ? packet->key.destination : endpoint->address;
	flow->destination_port = icmp || action >= ACTION_L2 || !endpoint->port ? packet->key.destination_port
										: endpoint->port;
	flow->source = create_source(packet, endpoint);
	flow->source_port = packet->key.source_port;
}

/* Between the families the source must be one of ours: a service by firewall mark may meet both. */
inline_always bool create_is_possible(const struct flow *flow)
{
	__u8 action = flow_action(flow);

	return (action != ACTION_NAT64 && action != ACTION_NAT46) ||
	       address_is_v4(&flow->source) == address_is_v4(&flow->destination);
}

inline_always void create_deltas(struct flow *flow, const struct flow_key *key)
{
	__u64 sum = checksum_address_change(&key->source, &flow->source) +
		    checksum_address_change(&key->destination, &flow->destination);

	flow->address_delta = checksum_fold(sum);
	flow->port_delta = checksum_fold((__u64)(__u16)~key->source_port + flow->source_port +
					 (__u16)~key->destination_port + flow->destination_port);
	/* All ones is zero too, and zero says "nothing changed" to the checksum helpers. */
	if (flow->address_delta == 0xffff)
		flow->address_delta = 0;
	if (flow->port_delta == 0xffff)
		flow->port_delta = 0;
	if (key->protocol == IPPROTO_SCTP)
		flow->sctp_change = sctp_change(key, flow);
}

/* The action of the way back. */
inline_always __u8 create_reverse_action(__u8 action)
{
	return action == ACTION_NAT64 ? ACTION_NAT46 : action == ACTION_NAT46 ? ACTION_NAT64 : action;
}

/* Writes the endpoint's entry for a client's entry into the scratch room. */
rarely void create_reverse(struct scratch *room, const struct packet *packet, const struct flow *flow)
{
	struct flow_key *key = &room->reverse_key;
	struct flow *reverse = &room->reverse;

	flow_partner_key(key, &packet->key, flow);
	*reverse = *flow;
	reverse->tag = hash_digest(key) >> 32;
	reverse->flags = FLOW_FLAG_REVERSE | (flow->flags & FLOW_FLAG_PUNT) |
			 create_reverse_action(flow_action(flow)) << FLOW_ACTION_SHIFT;
	reverse->route_stamp = 0;
	reverse->packets = 0;
	reverse->bytes = 0;
	reverse->source = packet->key.destination;
	reverse->destination = packet->key.source;
	reverse->source_port = packet->key.destination_port;
	reverse->destination_port = packet->key.source_port;
	if (key->protocol == IPPROTO_SCTP)
		reverse->sctp_tag = room->sctp_reply;
	create_deltas(reverse, key);
}

/* An int: before Linux 6.4 the helper leaves the upper half of a long as it was. */
inline_always int create_insert(const struct flow_key *key, const struct flow *flow)
{
	int error = bpf_map_update_elem(&flows, key, flow, BPF_NOEXIST);

	trace(TRACE_INSERTED, error, error ? -error : 0, key);
	return error;
}

/* Another flow has the endpoint's side already. If it is closed it gives way. One without a client's side is being
 * made by another CPU at this moment. */
rarely enum verdict create_conflict(const struct flow_key *reverse_key, const struct packet *packet)
{
	struct flow_key client;
	struct flow *other, *flow;

	if (!reverse_key || !packet)
		return VERDICT_DROP_INTERNAL;
	other = flow_find_key(reverse_key);
	if (!other)
		return VERDICT_CONTINUE;
	if (other->flags & FLOW_FLAG_PATH) { /* of an association that this client has done with */
		bpf_map_delete_elem(&flows, reverse_key);
		return VERDICT_CONTINUE;
	}
	flow_partner_key(&client, reverse_key, other);
	flow = flow_find_key(&client);
	if (!flow || flow->state != FLOW_CLOSED)
		return VERDICT_DROP_FLOW_CONFLICT;
	flow_delete(&client, flow, packet->now);
	return VERDICT_CONTINUE;
}

inline_always enum verdict create_insert_reverse(const struct packet *packet, struct flow *flow)
{
	struct scratch *room = scratch_get();
	enum verdict verdict;
	int error;

	if (!room)
		return VERDICT_DROP_INTERNAL;
	create_reverse(room, packet, flow);
	error = create_insert(&room->reverse_key, &room->reverse);
	if (unlikely(error == -EEXIST)) {
		verdict = create_conflict(&room->reverse_key, packet);
		if (verdict)
			return verdict;
		error = create_insert(&room->reverse_key, &room->reverse);
	}
	if (unlikely(error))
		return error == -EEXIST ? VERDICT_DROP_FLOW_CONFLICT : VERDICT_DROP_FLOWS_FULL;
	return VERDICT_CONTINUE;
}

struct create_search {
	const struct packet *packet;
	struct flow *flow;
	const struct snat_pool *pool;
	__u32 block;
	__u32 hash;
	__u32 verdict;
	bool reuses; /* one bitmap for all destinations: a port in use may be free towards this one */
};

/* Gives the flow a port that the bitmap says is free; where none is and the bitmap is for all destinations, one that
 * may be free towards this one. */
inline_always bool create_take_port(struct create_search *search, __u32 index)
{
	struct flow *flow = search->flow;
	__u32 port = port_take(search->block, search->hash + index * 0x9e3779b9U);

	flow->flags |= FLOW_FLAG_PORT;
	if (port == PORT_NONE && search->reuses) {
		flow->flags &= ~FLOW_FLAG_PORT;
		port = port_any(hash_finish(search->packet->digest, index));
	}
	flow->source_port = bpf_htons(port);
	return port != PORT_NONE;
}

inline_always void create_give_port_back(const struct create_search *search)
{
	if (search->flow->flags & FLOW_FLAG_PORT)
		port_give_back(search->block, bpf_ntohs(search->flow->source_port));
}

/* Tries one port of the flow's source address, with the endpoint's entry. */
static long create_probe(__u32 index, struct create_search *search)
{
	struct scratch *room = scratch_get();
	int error;

	if (!room || !create_take_port(search, index))
		return 1;
	create_reverse(room, search->packet, search->flow);
	error = create_insert(&room->reverse_key, &room->reverse);
	/* Somebody else's flow has this port, though the bitmap does not know: leave it marked, unless that is only so
	 * towards this destination. */
	if (error && (error != -EEXIST || search->reuses))
		create_give_port_back(search);
	if (error == -EEXIST)
		return 0;
	search->verdict = error ? VERDICT_DROP_FLOWS_FULL : VERDICT_CONTINUE;
	return 1;
}

/* An address of a pool, from the client's own one on. Its ports start at a place of the client, so that they stand
 * close together. */
static long create_try_address(__u32 index, struct create_search *search)
{
	__u32 choice, first = search->block;

	if (index && index >= search->pool->count)
		return 1;
	choice = pool_choice(search->pool, search->hash, index);
	search->flow->source = search->pool->addresses[choice];
	search->block = first + choice;
	bpf_loop(SNAT_PROBES, create_probe, search, 0);
	search->block = first;
	return search->verdict != VERDICT_DROP_PORTS_EXHAUSTED;
}

/* Gives the flow a source port of its own and inserts the endpoint's entry. SCTP keeps its port where it is free:
 * then its checksum stays as it is. */
rarely enum verdict create_with_port(const struct packet *packet, struct flow *flow, const struct endpoint *endpoint)
{
	struct scratch *room = scratch_get();
	struct create_search search = {};
	int error;

	if (!packet || !flow || !room || !endpoint)
		return VERDICT_DROP_INTERNAL;
	if (packet->key.protocol == IPPROTO_SCTP) {
		create_reverse(room, packet, flow);
		error = create_insert(&room->reverse_key, &room->reverse);
		if (!error)
			return VERDICT_CONTINUE;
		if (error != -EEXIST)
			return VERDICT_DROP_FLOWS_FULL;
	}
	search.packet = packet;
	search.flow = flow;
	search.block = endpoint->port_block;
	search.reuses = endpoint->flags & ENDPOINT_AS_ADDRESSED;
	search.verdict = VERDICT_DROP_PORTS_EXHAUSTED;
	search.pool = pool_get(endpoint);
	if (unlikely(search.pool)) {
		search.hash = pool_client(&packet->key.source);
		bpf_loop(SNAT_POOL_TRIES, create_try_address, &search, 0);
	} else {
		search.hash = hash_finish(packet->digest, 0);
		bpf_loop(SNAT_PROBES, create_probe, &search, 0);
	}
	return search.verdict;
}

inline_always void create_undo(const struct packet *packet, const struct flow *flow,
			       const struct endpoint *endpoint)
{
	struct flow_key key;

	if (!flow_has_partner(flow))
		return;
	flow_partner_key(&key, &packet->key, flow);
	bpf_map_delete_elem(&flows, &key);
	if (flow->flags & FLOW_FLAG_PORT)
		port_give_back(pool_block(endpoint, &flow->source), bpf_ntohs(flow->source_port));
}

/* The endpoint's entry; endpoints that answer clients themselves need none. */
inline_always enum verdict create_endpoint_side(const struct packet *packet, struct flow *flow,
						const struct endpoint *endpoint)
{
	if (!flow_has_partner(flow))
		return VERDICT_CONTINUE;
	return address_is_none(&endpoint->source) ? create_insert_reverse(packet, flow)
						  : create_with_port(packet, flow, endpoint);
}

/* New flows stop before the table is full: what is left is for connections that live already. */
inline_always bool create_admits(const struct settings *settings, const struct packet *packet)
{
	__u32 zero = 0;
	const __s64 *live = bpf_map_lookup_elem(&live_flows, &zero);
	bool begins = true;

	if (packet->key.protocol == IPPROTO_TCP)
		begins = (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	else if (packet->key.protocol == IPPROTO_SCTP)
		begins = !packet->sctp_tag;

	return !settings->flows_admitted || !begins || !live || *live < settings->flows_admitted;
}

/* Both entries, or none. */
rarely enum verdict create_pair(const struct packet *packet, struct flow *flow, const struct endpoint *endpoint)
{
	enum verdict verdict;
	int error;

	if (!packet || !flow || !endpoint)
		return VERDICT_DROP_INTERNAL;
	verdict = create_endpoint_side(packet, flow, endpoint);
	if (unlikely(verdict))
		return verdict;
	create_deltas(flow, &packet->key);
	error = create_insert(&packet->key, flow);
	if (likely(!error))
		return VERDICT_CONTINUE;
	create_undo(packet, flow, endpoint);
	return error == -EEXIST ? VERDICT_DROP_FLOW_CONFLICT : VERDICT_DROP_FLOWS_FULL;
}

/* Makes the pair. flow comes with its route and translation and is what the packet is translated by. Where the table is
 * full a closed flow gives way. */
inline_always enum verdict create(const struct packet *packet, struct flow *flow, const struct endpoint *endpoint,
				  const struct settings *settings)
{
	enum verdict verdict = VERDICT_DROP_FLOWS_FULL;
	bool admitted = create_admits(settings, packet);

	for (int tries = 0; tries < 2; tries++) {
		if (likely(admitted))
			verdict = create_pair(packet, flow, endpoint);
		if (likely(verdict != VERDICT_DROP_FLOWS_FULL) || tries || !flow_reclaim(packet->now))
			break;
		admitted = true;
	}
	if (unlikely(verdict))
		return verdict;
	count_live(1);
	count_active(flow->endpoint, 1);
	count_new_flow(flow->service, flow->endpoint);
	if (flow_is_embryonic(packet->key.protocol, flow->state))
		count_embryonic(flow->service, 1);
	event(settings, EVENT_FLOW_CREATED, &packet->key, flow, packet->now);
	return VERDICT_CONTINUE;
}
