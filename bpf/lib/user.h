/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* N6: what the data network sends to addresses of users goes, as it is, to the user plane that has the user. It is of
 * any protocol, and fragments have what is looked at: the destination. */
#pragma once
#include "answer.h"
#include "session.h"

/* A user of IPv6 has a prefix of 64 bits, whatever it makes of the rest. */
inline_always void user_prefix(struct address *prefix, const struct address *address)
{
	*prefix = *address;
	if (!address_is_v4(address)) {
		prefix->words[2] = 0;
		prefix->words[3] = 0;
	}
}

/* Whether the packet is for a user; then the service is in the scratch room. The trie frees an entry only after a
 * grace period. */
rarely bool user_is_served(const struct packet *packet)
{
	struct scratch *room = scratch_get();
	const struct service *found;
	struct source_key *key;

	if (!packet || !room)
		return false;
	key = &room->source_key;
	key->prefix_bits = 8 * (sizeof(key->service) + sizeof(key->address));
	key->service = 0;
	key->address = packet->key.destination;
	found = bpf_map_lookup_elem(&user_pools, key);
	if (!found)
		return false;
	room->service = *found;
	return true;
}

/* Ports, where there are any, make the outer addresses of one user's packets vary. */
inline_always void user_parse(ctx_t *ctx, struct packet *packet)
{
	bool has_ports = packet->key.protocol == IPPROTO_TCP || packet->key.protocol == IPPROTO_UDP;

	packet->wire_bytes = packet->length;
	packet->unit = packet->l4 - packet->l3;
	packet->key.source_port = 0;
	packet->key.destination_port = 0;
	/* What lies there is the user's to find. */
	if (has_ports && !packet_is_later_fragment(packet))
		parse_transport(ctx, packet, packet->length - packet->unit, true);
	packet->fragment = 0;
	parse_measure(ctx, packet);
}

inline_always void user_key(struct scratch *room, const struct address *address, __u8 kind)
{
	const __u64 *halves = (const __u64 *)address;
	__u64 *bytes = (__u64 *)hint_key(room, room->service.id, kind, sizeof(*address))->bytes;

	bytes[0] = halves[0];
	bytes[1] = halves[1];
}

/* The longest prefix that has the destination, of those that are no hints. The trie frees an entry only after a grace
 * period. */
inline_always struct hint *user_route(struct scratch *room, const struct packet *packet)
{
	struct source_key *key = &room->source_key;
	struct hint *route;

	key->prefix_bits = 8 * (sizeof(key->service) + sizeof(key->address));
	key->service = bpf_htonl(room->service.id);
	key->address = packet->key.destination;
	route = bpf_map_lookup_elem(&user_routes, key);
	if (unlikely(explain)) {
		user_key(room, &packet->key.destination, HINT_UE_ROUTE);
		trace_tell(TRACE_SESSION, route, route ? route->endpoint : 0, (const struct flow_key *)&room->hint_key,
			   NULL);
	}
	return route && hint_lives(route, room->service.id, packet->now) ? route : NULL;
}

/* Of the longest prefix that has the destination; NULL: none has it. `tag` is its tag while it is that. */
inline_always struct hint *user_hint(struct scratch *room, const struct packet *packet, __u32 *tag)
{
	struct hint *user = hint_find(room, packet->now), *route;
	__u8 asked = user ? ROUTES_LONGER : ROUTES_LONGER | ROUTES_SHORTER;

	*tag = hint_tag(&room->hint_key);
	if (likely(!(room->service.user_routes & asked)))
		return user;
	route = user_route(room, packet);
	if (!route || (user && !(route->flags & HINT_LONGER)))
		return user;
	if (likely(!explain)) /* then the map is that of the programs that run */
		route->seen = packet->now;
	*tag = route->tag;
	return route;
}

/* The same as for a session that is told by a key in the payload. */
inline_always enum verdict user(ctx_t *ctx, struct packet *packet, struct scratch *room)
{
	const struct settings *settings = settings_get();
	struct session_message message = {};
	struct hint *hint = NULL;
	struct address prefix;
	enum verdict verdict;
	const __u64 *halves;
	__u32 id, tag = 0;

	if (!settings)
		return VERDICT_DROP_INTERNAL;
	if (likely(!room->answers))
		user_parse(ctx, packet);
	verdict = parse_check(ctx, packet);
	if (verdict)
		return verdict;
	verdict = filter(packet, &room->service);
	if (verdict)
		return verdict;
	user_prefix(&prefix, &packet->key.destination);
	halves = (const __u64 *)&prefix;
	user_key(room, &prefix, HINT_UE_IP);
	message.kind = SESSION_KEYED;
	message.bytes = packet->wire_bytes;
	message.digest = session_digest(halves[0] ^ halves[1]);
	hint = user_hint(room, packet, &tag);
	if (likely(hint)) {
		id = hint->endpoint;
		if (unlikely(explain))
			hint = NULL;
	} else {
		verdict = session_miss(ctx, packet, &room->service, &message, &id);
	}
	return verdict ? verdict : session_send(ctx, packet, settings, room, &message, id, hint, tag);
}
