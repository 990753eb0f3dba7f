/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A new flow: its translation, its source port, its two entries. The endpoint's entry goes in first, so that
 * no answer can find the table without it; it is taken back if the client's loses against another CPU. */
#pragma once
#include "flow.h"
#include "route.h"

/* The state the first packet makes, if it may make a flow at all. */
inline_always enum verdict create_state(struct flow *flow, const struct packet *packet, const struct service *service)
{
	__u8 flags = packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);

	flow->flags = 0;
	flow->state = FLOW_UNREPLIED;
	if (packet->key.protocol != IPPROTO_TCP)
		return packet->echo_reply ? VERDICT_DROP_NO_FLOW : VERDICT_CONTINUE; /* a reply nobody asked for */
	flow->state = FLOW_SYN_SENT;
	if (flags == TCP_SYN)
		return VERDICT_CONTINUE;
	if (!(service->flags & SERVICE_RECREATE) || (flags & ~TCP_FIN) != TCP_ACK)
		return VERDICT_DROP_NO_FLOW;
	/* The endpoint's answer proves that it knows the connection; until then the flow is a short-lived one. */
	if (flags & TCP_FIN) {
		flow->state = FLOW_CLOSING;
		flow->flags = FLOW_FLAG_FIN;
	}
	return VERDICT_CONTINUE;
}

inline_always void create_translation(struct flow *flow, const struct packet *packet, const struct endpoint *endpoint)
{
	bool icmp = packet->key.protocol == IPPROTO_ICMP;
	bool keep_source = !endpoint->source.words[3];

	flow->destination = endpoint->address;
	flow->destination_port = icmp || !endpoint->port ? packet->key.destination_port : endpoint->port;
	flow->source = keep_source ? packet->key.source : endpoint->source;
	flow->source_port = packet->key.source_port;
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
}

/* Writes the endpoint's entry for a client's entry into the scratch room. */
rarely void create_reverse(struct scratch *room, const struct packet *packet, const struct flow *flow)
{
	struct flow_key *key = &room->reverse_key;
	struct flow *reverse = &room->reverse;

	flow_partner_key(key, &packet->key, flow);
	*reverse = *flow;
	reverse->tag = hash_digest(key) >> 32;
	reverse->flags = FLOW_FLAG_REVERSE;
	reverse->route_stamp = 0;
	reverse->packets = 0;
	reverse->bytes = 0;
	reverse->source = packet->key.destination;
	reverse->destination = packet->key.source;
	reverse->source_port = packet->key.destination_port;
	reverse->destination_port = packet->key.source_port;
	create_deltas(reverse, key);
}

inline_always long create_insert(const struct flow_key *key, const struct flow *flow, __u32 now)
{
	long error = bpf_map_update_elem(&flows, key, flow, BPF_NOEXIST);

	if (unlikely(error && error != -EEXIST) && flow_reclaim(now))
		error = bpf_map_update_elem(&flows, key, flow, BPF_NOEXIST);
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
	long error;

	if (!room)
		return VERDICT_DROP_INTERNAL;
	create_reverse(room, packet, flow);
	error = create_insert(&room->reverse_key, &room->reverse, packet->now);
	if (unlikely(error == -EEXIST)) {
		verdict = create_conflict(&room->reverse_key, packet);
		if (verdict)
			return verdict;
		error = create_insert(&room->reverse_key, &room->reverse, packet->now);
	}
	if (unlikely(error))
		return error == -EEXIST ? VERDICT_DROP_FLOW_CONFLICT : VERDICT_DROP_FLOWS_FULL;
	return VERDICT_CONTINUE;
}

/* Gives the flow a source port of its own and inserts the endpoint's entry. */
rarely enum verdict create_with_port(const struct packet *packet, struct flow *flow, __u32 block_id)
{
	struct scratch *room = scratch_get();
	__u32 port;
	long error;

	if (!packet || !flow || !room)
		return VERDICT_DROP_INTERNAL;
	for (int i = 0; i < SNAT_PROBES; i++) {
		port = port_take(block_id, hash_finish(packet->digest, i));
		if (port == PORT_NONE)
			return VERDICT_DROP_PORTS_EXHAUSTED;
		flow->source_port = bpf_htons(port);
		flow->flags |= FLOW_FLAG_PORT;
		create_reverse(room, packet, flow);
		error = create_insert(&room->reverse_key, &room->reverse, packet->now);
		if (!error)
			return VERDICT_CONTINUE;
		if (error != -EEXIST) {
			port_give_back(block_id, port);
			return VERDICT_DROP_FLOWS_FULL;
		}
		/* Somebody else's flow has this port, though the bitmap does not know: leave it marked. */
	}
	return VERDICT_DROP_PORTS_EXHAUSTED;
}

inline_always void create_undo(const struct packet *packet, const struct flow *flow, __u32 block_id)
{
	struct flow_key key;

	flow_partner_key(&key, &packet->key, flow);
	bpf_map_delete_elem(&flows, &key);
	if (flow->flags & FLOW_FLAG_PORT)
		port_give_back(block_id, bpf_ntohs(flow->source_port));
}

/* Makes the pair. flow comes with its route and translation and is what the packet is translated by. */
inline_always enum verdict create(const struct packet *packet, struct flow *flow, const struct endpoint *endpoint)
{
	const struct settings *settings = settings_get();
	bool keep_source = !endpoint->source.words[3];
	__u32 block = keep_source ? 0 : endpoint->port_block;
	enum verdict verdict;
	long error;

	verdict = keep_source ? create_insert_reverse(packet, flow) : create_with_port(packet, flow, block);
	if (unlikely(verdict))
		return verdict;
	create_deltas(flow, &packet->key);
	error = create_insert(&packet->key, flow, packet->now);
	if (unlikely(error)) {
		create_undo(packet, flow, block);
		return error == -EEXIST ? VERDICT_DROP_FLOW_CONFLICT : VERDICT_DROP_FLOWS_FULL;
	}
	count_active(flow->endpoint, 1);
	count_new_flow(flow->service, flow->endpoint);
	if (settings)
		event(settings, EVENT_FLOW_CREATED, &packet->key, flow, packet->now);
	return VERDICT_CONTINUE;
}
