/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Known flows. Finds the entry of this direction and steps the state of the pair. Every step may be repeated:
 * a packet that XDP passes on unchanged is seen a second time by TC. */
#pragma once
#include "count.h"
#include "clock.h"
#include "event.h"
#include "port.h"
#include "pool.h"
#include "sctp-paths.h"

/* How the partner's packets come in. */
inline_always void flow_partner_key(struct flow_key *partner, const struct flow_key *key, const struct flow *flow)
{
	partner->source = flow->destination;
	partner->destination = flow->source;
	partner->source_port = flow->destination_port;
	partner->destination_port = flow->source_port;
	partner->zone = key->zone;
	partner->protocol = key->protocol;
	partner->reserved = 0;
}

/* Null when there is none. A deleted element may already serve another key, so the tag is compared. */
inline_always struct flow *flow_find(const struct flow_key *key, __u32 tag)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, key);

	return flow && flow->tag == tag ? flow : NULL;
}

inline_always struct flow *flow_find_key(const struct flow_key *key)
{
	return flow_find(key, hash_digest(key) >> 32);
}

inline_always bool flow_is_reverse(const struct flow *flow)
{
	return flow->flags & FLOW_FLAG_REVERSE;
}

/* Flows whose endpoints answer clients themselves have one entry only. */
inline_always bool flow_has_partner(const struct flow *flow)
{
	return flow_action(flow) < ACTION_L2;
}

inline_always bool flow_is_embryonic(__u8 protocol, __u8 state)
{
	return (protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP) &&
	       (state == FLOW_SYN_SENT || state == FLOW_SYN_RECEIVED);
}

/* Deletes a pair, given its client side. The client's entry goes first: while only the endpoint's is left, what comes
 * from the endpoint is still translated. */
rarely int flow_delete(const struct flow_key *key, const struct flow *found, __u32 now)
{
	const struct settings *settings = settings_get();
	struct scratch *room = scratch_get();
	struct endpoint *endpoint;
	struct flow *flow;

	if (!settings || !room || !key || !found)
		return -1;
	flow = &room->deleted; /* a copy: once deleted the element may be another's */
	*flow = *found;
	flow_partner_key(&room->deleted_partner, key, flow);
	if (bpf_map_delete_elem(&flows, key))
		return -1; /* another CPU was faster */
	if (key->protocol == IPPROTO_SCTP)
		sctp_forget(key, flow, &room->deleted_partner, flow_find_key(&room->deleted_partner));
	/* The endpoint's side of another path may be the first one's; what is nobody's expires. */
	if (flow_has_partner(flow) && !(flow->flags & FLOW_FLAG_PATH))
		bpf_map_delete_elem(&flows, &room->deleted_partner);
	if (flow_is_embryonic(key->protocol, flow->state))
		count_embryonic(flow->service, -1);
	flow->state = FLOW_CLOSED;
	count_live(-1);
	count_active(flow->endpoint, -1);
	endpoint = bpf_map_lookup_elem(&endpoints, &flow->endpoint);
	if (endpoint && (flow->flags & FLOW_FLAG_PORT))
		port_give_back(pool_block(endpoint, &flow->source), bpf_ntohs(flow->source_port));
	event(settings, EVENT_FLOW_CLOSED, key, flow, now);
	return 0;
}

/* A closed pair waits in a queue; if that is full, the sweep of the table finds it later. */
inline_always void flow_queue_closed(const struct flow_key *client, __u32 now)
{
	struct closing closing = { .key = *client, .closed = now };

	bpf_map_push_elem(&closing_flows, &closing, 0);
}

enum flow_limits {
	FLOW_RECLAIM_TRIES = 4, /* of the queue; entries of flows that were opened again are skipped */
};

/* Makes room when the table is full: a closed flow that waits is freed at once. */
rarely bool flow_reclaim(__u32 now)
{
	struct scratch *room = scratch_get();
	struct flow *flow;

	if (!room)
		return false;
	for (int i = 0; i < FLOW_RECLAIM_TRIES; i++) {
		if (bpf_map_pop_elem(&closing_flows, &room->oldest))
			return false;
		flow = flow_find_key(&room->oldest.key);
		if (flow && flow->state == FLOW_CLOSED)
			return flow_delete(&room->oldest.key, flow, now) == 0;
	}
	return false;
}

/* key is how the packets of `flow` come in. */
inline_always void flow_set_state_of(const struct flow_key *key, struct flow *flow, struct flow *partner, __u32 now,
				     __u8 state)
{
	const struct settings *settings = settings_get();
	struct flow_key client = *key;
	bool reverse = flow_is_reverse(flow);

	if (flow->state == state)
		return;
	if (flow_is_embryonic(key->protocol, flow->state) != flow_is_embryonic(key->protocol, state))
		count_embryonic(flow->service, flow_is_embryonic(key->protocol, state) ? 1 : -1);
	flow->state = state;
	partner->state = state;
	if (reverse)
		flow_partner_key(&client, key, flow);
	if (state == FLOW_CLOSED)
		flow_queue_closed(&client, now);
	if (settings)
		event(settings, EVENT_FLOW_STATE, &client, reverse ? partner : flow, now);
}

inline_always void flow_set_state(struct flow *flow, struct flow *partner, const struct packet *packet, __u8 state)
{
	flow_set_state_of(&packet->key, flow, partner, packet->now, state);
}

/* The client uses its port again: the pair serves a new connection to the same endpoint, if that still takes any. */
inline_always bool flow_reopen(struct flow *flow, struct flow *partner, const struct packet *packet)
{
	const struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &flow->endpoint);

	if (!endpoint || endpoint->service != flow->service || !(endpoint->flags & ENDPOINT_ACCEPTS)) {
		flow_delete(&packet->key, flow, packet->now);
		return false;
	}
	flow->flags &= ~FLOW_FLAG_FIN;
	partner->flags &= ~FLOW_FLAG_FIN;
	flow_set_state(flow, partner, packet, FLOW_SYN_SENT);
	count_new_flow(flow->service, flow->endpoint);
	return true;
}

/* A flow that shows its client's side only: nobody says when the endpoint has closed, so the time-out does. */
inline_always bool flow_step_tcp_alone(struct flow *flow, const struct packet *packet)
{
	__u8 flags = packet->tcp_flags;

	if (flags & TCP_RST) {
		flow_set_state(flow, flow, packet, FLOW_CLOSED);
	} else if (flags & TCP_SYN) {
		if (flow->state == FLOW_CLOSED || flow->state == FLOW_CLOSING)
			return flow_reopen(flow, flow, packet);
	} else if (flags & TCP_FIN) {
		flow_set_state(flow, flow, packet, FLOW_CLOSING);
	} else if (flow->state == FLOW_SYN_SENT || flow->state == FLOW_CLOSED) {
		flow_set_state(flow, flow, packet, FLOW_ESTABLISHED);
	}
	return true;
}

/* What is rare: everything but a plain packet of an established connection. False: the packet is for no flow. */
rarely bool flow_step_tcp(struct flow *flow, const struct packet *packet)
{
	struct flow_key partner_key;
	struct flow *partner;
	__u8 flags;
	bool reverse;

	if (!flow || !packet)
		return false;
	if (!flow_has_partner(flow))
		return flow_step_tcp_alone(flow, packet);
	flags = packet->tcp_flags;
	reverse = flow_is_reverse(flow);
	flow_partner_key(&partner_key, &packet->key, flow);
	partner = flow_find_key(&partner_key);
	if (!partner)
		return false; /* just being deleted */

	if (flags & TCP_RST) {
		flow_set_state(flow, partner, packet, FLOW_CLOSED);
	} else if (flags & TCP_SYN) {
		if (!reverse && !(flags & TCP_ACK) && (flow->state == FLOW_CLOSED || flow->state == FLOW_CLOSING))
			return flow_reopen(flow, partner, packet);
		if (reverse && (flags & TCP_ACK) && flow->state == FLOW_SYN_SENT)
			flow_set_state(flow, partner, packet, FLOW_SYN_RECEIVED);
	} else if (flags & TCP_FIN) {
		flow->flags |= FLOW_FLAG_FIN;
		if (flow->state != FLOW_CLOSED || !(partner->flags & FLOW_FLAG_FIN))
			flow_set_state(flow, partner, packet, FLOW_CLOSING);
	} else if (flow->state == (reverse ? FLOW_SYN_SENT : FLOW_SYN_RECEIVED)) {
		/* The handshake's last packet; or the endpoint knows a connection whose beginning we have not seen. */
		flow_set_state(flow, partner, packet, FLOW_ESTABLISHED);
	} else if (flow->flags & partner->flags & FLOW_FLAG_FIN) {
		flow_set_state(flow, partner, packet, FLOW_CLOSED);
	} else if (flow->state == FLOW_CLOSED) {
		/* They go on talking, so the RST was nobody's: a real one is answered by silence, or by another RST. */
		flags = flow->flags | partner->flags;
		flow_set_state(flow, partner, packet, flags & FLOW_FLAG_FIN ? FLOW_CLOSING : FLOW_ESTABLISHED);
	}
	return true;
}

rarely bool flow_step_reply(struct flow *flow, const struct packet *packet)
{
	struct flow_key partner_key;
	struct flow *partner;

	if (!flow || !packet)
		return false;
	flow_partner_key(&partner_key, &packet->key, flow);
	partner = flow_find_key(&partner_key);
	if (!partner)
		return false;
	flow_set_state(flow, partner, packet, FLOW_REPLIED);
	return true;
}

/* Whether the packet goes the flow's way: of an ICMP echo, ports that are both 0 do not tell. */
inline_always bool flow_goes_with(const struct flow *flow, const struct packet *packet)
{
	return packet->key.protocol != IPPROTO_ICMP || (packet->kind == PACKET_ECHO_REPLY) == flow_is_reverse(flow);
}

/* Whether the packet leaves the state as it is: nearly all do. */
inline_always bool flow_is_steady(const struct flow *flow, const struct packet *packet)
{
	if (packet->key.protocol == IPPROTO_TCP)
		return flow->state == FLOW_ESTABLISHED && !(packet->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST));
	return flow->state != FLOW_UNREPLIED || !flow_is_reverse(flow);
}

/* Steps the state; false when the packet turns out to need a new flow. */
inline_always bool flow_step(struct flow *flow, const struct packet *packet)
{
	if (likely(flow_is_steady(flow, packet)))
		return true;
	return packet->key.protocol == IPPROTO_TCP ? flow_step_tcp(flow, packet) : flow_step_reply(flow, packet);
}
