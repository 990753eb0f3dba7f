/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the control plane would have written: a service of each kind, with two endpoints. Row n stands at the VIP
 * 192.0.2.n or 2001:db8::n, counted from 1; scripts/fuzz/seeds.ts sends to these. */
#pragma once
#include "../lib/service.h"
#include "../lib/session.h"
#include <stdlib.h>

enum tables_values {
	TABLES_SLOTS = 251,
	TABLES_TICKS = 1000000,
	TABLES_KNOWN_DEVICE = 3, /* its MAC address is known, 02:00:00:00:00:03; of 1 and 2 it is not */
	TABLES_MARK = 7,
};

struct tables_row {
	__u8 family;          /* of the VIP */
	__u8 endpoint_family;
	__u8 protocol;
	__u16 port;
	__u16 endpoint_port;
	bool source;          /* its packets get an address of ours */
	__u8 select;
	__u8 flags;           /* enum service_flags */
	__u8 hint;
	__u8 miss;
	__u8 action;
	bool pool;            /* several addresses of ours */
};

static const struct tables_row tables_rows[] = {
	{ 4, 4, IPPROTO_TCP, 80, 8080, false, SELECT_HASH, SERVICE_RECREATE },
	{ 4, 4, IPPROTO_UDP, 80, 8080, true, SELECT_RR },
	{ 4, 4, IPPROTO_ICMP, 0, 0, false, SELECT_RR },
	{ 4, 4, IPPROTO_SCTP, 80, 8080, false, SELECT_HASH },
	{ 4, 4, IPPROTO_SCTP, 80, 8080, true, SELECT_LC, SERVICE_ABORT },
	{ 4, 4, IPPROTO_TCP, 80, 80, false, SELECT_HASH, 0, 0, 0, ACTION_L2 },
	{ 4, 4, IPPROTO_UDP, 80, 80, false, SELECT_HASH, 0, 0, 0, ACTION_ENCAP_IP },
	{ 4, 6, IPPROTO_UDP, 80, 80, false, SELECT_HASH, 0, 0, 0, ACTION_ENCAP_GUE },
	{ 4, 6, IPPROTO_TCP, 80, 8080, true, SELECT_PERSIST },
	{ 4, 6, IPPROTO_UDP, 80, 8080, true, SELECT_LC },
	{ 4, 6, IPPROTO_ICMP, 0, 0, true, SELECT_HASH },
	{ 4, 6, IPPROTO_SCTP, 80, 8080, true, SELECT_HASH },
	{ 4, 4, IPPROTO_UDP, 2152, 2152, false, SELECT_N3, SERVICE_STATELESS, HINT_TEID, MISS_HASH },
	{ 4, 4, IPPROTO_UDP, 8805, 8805, false, SELECT_HINT, SERVICE_STATELESS, HINT_SEID, MISS_DROP },
	{ 4, 4, IPPROTO_UDP, 443, 443, false, SELECT_QUIC, 0, HINT_QUIC },
	{ 4, 4, IPPROTO_UDP, 443, 443, true, SELECT_QUIC, SERVICE_QUIC_ENCRYPTED },
	{ 4, 4, IPPROTO_TCP, 21, 21, true, SELECT_RR, SERVICE_PUNT },
	{ 4, 4, IPPROTO_TCP, 80, 8080, false, SELECT_RR, SERVICE_SOURCES },
	{ 4, 4, IPPROTO_UDP, 80, 8080, false, SELECT_HINT, 0, HINT_CLIENT, MISS_DROP },
	{ 6, 6, IPPROTO_TCP, 80, 8080, false, SELECT_HASH, SERVICE_RECREATE },
	{ 6, 6, IPPROTO_UDP, 80, 8080, true, SELECT_RR },
	{ 6, 6, IPPROTO_ICMP, 0, 0, false, SELECT_RR },
	{ 6, 6, IPPROTO_SCTP, 80, 8080, true, SELECT_RR },
	{ 6, 4, IPPROTO_TCP, 80, 8080, true, SELECT_PERSIST },
	{ 6, 4, IPPROTO_UDP, 80, 8080, true, SELECT_LC },
	{ 6, 4, IPPROTO_ICMP, 0, 0, true, SELECT_HASH },
	{ 6, 4, IPPROTO_SCTP, 80, 8080, true, SELECT_HASH },
	{ 6, 6, IPPROTO_UDP, 2152, 2152, false, SELECT_N3, SERVICE_STATELESS | SERVICE_TEID_RANGES, HINT_TEID,
	  MISS_ERROR },
	{ 6, 4, IPPROTO_UDP, 80, 80, false, SELECT_HASH, 0, 0, 0, ACTION_ENCAP_IP },
	{ 6, 6, IPPROTO_TCP, 80, 80, false, SELECT_HASH, 0, 0, 0, ACTION_ENCAP_GUE },
	{ 4, 4, IPPROTO_UDP, 80, 8080, true, SELECT_HASH, .pool = true },
};

enum { TABLES_ROWS = sizeof(tables_rows) / sizeof(tables_rows[0]) };

static struct address tables_address(__u8 family, __u32 v4, __u32 v6, __u32 last)
{
	struct address address = { .words = { bpf_htonl(v6), 0, 0, bpf_htonl(last) } };

	if (family == 4)
		address_from_v4(&address, bpf_htonl(v4 | last));
	return address;
}

static struct address tables_vip(int row)
{
	return tables_address(tables_rows[row].family, 0xc0000200, 0x20010db8, row + 1);
}

/* 10.0.2.10 and .11, or fd00::a and ::b. */
static struct address tables_endpoint(__u8 family, int number)
{
	return tables_address(family, 0x0a000200, 0xfd000000, 10 + number);
}

static void tables_put(void *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map, key, value, BPF_ANY))
		abort();
}

#define TABLES_SET(map, index, ...)                                                                           \
	do {                                                                                                  \
		__u32 tables_at = (index);                                                                         \
		typeof(*(map).value) tables_value = __VA_ARGS__;                                                   \
		tables_put(&(map), &tables_at, &tables_value);                                                 \
	} while (0)

static void tables_write_vip(const struct address *address, __u32 what)
{
	struct vip_key key = { .address = *address };
	__u32 *known = bpf_map_lookup_elem(&vips, &key), value = what | (known ? *known : 0);

	tables_put(&vips, &key, &value);
}

static void tables_write_endpoint(int row, int number)
{
	const struct tables_row *r = &tables_rows[row];
	__u32 id = 2 * row + number + 1;
	struct endpoint endpoint = {
		.address = tables_endpoint(r->endpoint_family, number),
		.service = row + 1,
		.port = bpf_htons(r->endpoint_port),
		.flags = ENDPOINT_ACCEPTS,
		.weight = number + 1,
		.action = r->action,
	};
	struct endpoint_return back = { .address = tables_vip(row), .port = bpf_htons(r->port), .hint = r->hint,
					.service = row + 1, .endpoint = id };
	struct service_key key = { .address = endpoint.address, .port = endpoint.port, .protocol = r->protocol };

	if (r->source) {
		endpoint.source = tables_address(r->endpoint_family, 0x0a000200, 0xfd000000, 1);
		endpoint.port_block = row + 1;
		endpoint.pool = r->pool; /* number 1 */
	}
	TABLES_SET(endpoints, id, endpoint);
	TABLES_SET(members, id, id);
	tables_write_vip(&endpoint.address, VIP_ENDPOINT);
	if (r->flags & SERVICE_STATELESS)
		tables_put(&returns, &key, &back);
}

static void tables_write_slots(int row)
{
	struct slot_page page = {};

	for (int i = 0; i < SLOTS_PER_PAGE; i++)
		page.slots[i] = i < TABLES_SLOTS ? i & 1 : SLOT_EMPTY;
	TABLES_SET(slots, row, page);
}

static void tables_write_session_port(__u16 port)
{
	__u32 index = port / 64;
	__u64 *word = bpf_map_lookup_elem(&session_ports, &index);

	*word |= 1ULL << (port & 63);
}

static void tables_write_service(int row)
{
	const struct tables_row *r = &tables_rows[row];
	struct address address = tables_vip(row);
	struct service_key key = { .address = address, .port = bpf_htons(r->port), .protocol = r->protocol };
	struct service service = {
		.tag = service_tag(&key),
		.id = row + 1,
		.select = r->select,
		.flags = r->flags,
		.miss = r->miss,
		.hint = r->hint,
		.first_page = row,
		.slot_count = TABLES_SLOTS,
		.member_base = 2 * row + 1,
		.member_count = 2,
		.affinity_ticks = 1000,
		.embryonic_limit = row & 1 ? 8 : 0,
		.quic_offset = 1 << 4 | 1,
		.quic_length = 4,
	};
	struct service_key marked = { .address.words = { 0, 0, bpf_htonl(SERVICE_MARK_WORD), bpf_htonl(TABLES_MARK) },
				      .protocol = r->protocol };

	tables_put(&services, &key, &service);
	tables_write_vip(&address, 1 | VIP_RANGES);
	for (int i = 0; i < 2; i++)
		tables_write_endpoint(row, i);
	tables_write_slots(row);
	if (r->flags & SERVICE_STATELESS)
		tables_write_session_port(r->port);
	if (row < 2) { /* ports 1024 to 2047, and a mark, of the first TCP and UDP services */
		struct service_range_key range = { .prefix_bits = 128 + 16 + 8 + 6, .address = address,
						   .protocol = r->protocol, .port = { 4, 0 } };

		tables_put(&service_ranges, &range, &service);
		service.tag = service_tag(&marked);
		tables_put(&services, &marked, &service);
	}
}

static void tables_write_hint(__u32 service, __u8 kind, __u8 length, const __u8 *bytes)
{
	struct hint_key key = { .service = service, .kind = kind, .length = length };
	struct hint hint = { .endpoint = 2 * service, .identifier = bpf_htonl(0xabcd0001), .flags = HINT_REWRITE };

	__builtin_memcpy(key.bytes, bytes, length);
	hint.tag = hint_tag(&key);
	tables_put(&hints, &key, &hint);
}

/* x^(8n) modulo the polynomial of CRC32c, as src/datapath writes it. */
static void tables_write_powers(void)
{
	__u32 power = 1U << 31;

	for (__u32 i = 0; i < SCTP_POWERS; i++) {
		TABLES_SET(sctp_powers, i, power);
		for (int bit = 0; bit < 8; bit++)
			power = power >> 1 ^ (power & 1 ? 0x82f63b78 : 0);
	}
}

static void tables_write_settings(void)
{
	struct settings value = {
		.route_generation = 1,
		.snat_first = 32768,
		.snat_last = 32895,
		.events = 1,
		.encap_source4 = tables_address(4, 0x0a630000, 0, 0),
		.encap_source6 = tables_address(6, 0, 0xfd000099, 0),
		.gue_port = bpf_htons(6080),
		.features = FEATURE_SESSIONS | FEATURE_RANGES | FEATURE_HOST | (CTX_HAS_NEXT ? 0 : FEATURE_MARKS),
		.flows_admitted = 100,
		.seids_admitted = 40,
		.punt_alive = TABLES_TICKS,
	};

	for (int i = 0; i < 16; i++)
		value.timeouts[i] = 1000 * (i + 1);
	TABLES_SET(settings, 0, value);
}

static void tables_write(void)
{
	struct source_key source = { .prefix_bits = 32 + 120, .service = bpf_htonl(18),
				     .address = tables_address(4, 0x0a000100, 0, 0) };
	struct snat_pool pool = { .count = 2 };
	__u8 yes = 1;

	for (__u32 i = 0; i < pool.count; i++)
		pool.addresses[i] = tables_address(4, 0x0a000200, 0, 1 + i);
	TABLES_SET(snat_pools, 1, pool);
	tables_write_settings();
	tables_write_powers();
	TABLES_SET(devices, 2, { .flags = DEVICE_XDP_TRANSMIT });
	TABLES_SET(devices, TABLES_KNOWN_DEVICE,
		   { .flags = DEVICE_KNOWN | DEVICE_XDP_TRANSMIT, .mac = { 2, 0, 0, 0, 0, 3 } });
	for (int row = 0; row < TABLES_ROWS; row++)
		tables_write_service(row);
	tables_put(&sources, &source, &yes);
	tables_write_hint(13, HINT_TEID, 4, (const __u8[]){ 0, 0, 0x10, 1 });
	tables_write_hint(14, HINT_SEID, 8, (const __u8[]){ 0, 0, 0, 0, 0, 0, 0x10, 1 });
	tables_write_hint(15, HINT_QUIC, 4, (const __u8[]){ 1, 2, 3, 4 });
	tables_write_hint(19, HINT_CLIENT, 16, (const __u8[]){ [10] = 0xff, 0xff, 10, 0, 1, 2 });
	tables_write_hint(28, HINT_TEID, 4, (const __u8[]){ 0, 0, 0x10, 1 });
}
