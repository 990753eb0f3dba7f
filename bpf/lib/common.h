/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every step needs: the kernel's types, the shared layouts, compiler helpers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "../shared/events.h"
#include "../shared/flow.h"
#include "../shared/limits.h"
#include "../shared/punt.h"
#include "../shared/seid.h"
#include "../shared/service.h"
#include "../shared/settings.h"
#include "../shared/trace.h"
#include "../shared/types.h"
#include "../shared/uplink.h"
#include "../shared/verdicts.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define inline_always static inline __attribute__((always_inline))
/* A call, for what is rare: the common path stays short. Static, because Linux 6.1 takes no argument of a global
 * function as the key of a map. */
#define rarely static __attribute__((noinline, unused))

/* Linux names that its user headers do not give. */
#define AF_INET 2
#define AF_INET6 10
#define EEXIST 17

enum packet_kind {
	PACKET_PLAIN = 0,
	PACKET_ECHO_REQUEST,
	PACKET_ECHO_REPLY,
	PACKET_ICMP_ERROR, /* the key is that of the packet inside, turned round */
};

/* Whose MAC address the kernel has to find before the packet can leave. */
enum next_hop {
	NEXT_HOP_KNOWN = 0, /* nobody's: it stands in the flow */
	NEXT_HOP_GATEWAY,   /* that of scratch.next_hop */
	NEXT_HOP_ASK,       /* the kernel looks the route up again and knows */
};

/* What parse learns of a packet and the later steps work on. parse writes every byte, the last one too: zeroing it all
 * first would cost as much as a map lookup. */
struct packet {
	struct flow_key key;
	__u64 digest;     /* of the key: its upper half is the tag, selection hashes it further */
	__u32 now;        /* ticks */
	__u32 length;     /* bytes of the IP packet; of a GSO packet, of all its segments as one */
	__u32 segments;   /* packets on the wire */
	__u32 wire_bytes; /* bytes of the IP packets on the wire */
	__u32 device;     /* route: the ifindex to leave by */
	__be32 sctp_tag;  /* SCTP: the verification tag; an INIT has 0 */
	__be32 fragment_id;
	__u16 unit;       /* bytes of the longest IP packet on the wire */
	__u16 l3;         /* offset of the IP header in the frame */
	__u16 l4;         /* offset of the transport header, or of what follows a later fragment's IP headers */
	__u16 fragment;   /* enum fragment_bits, host order; 0: a whole packet */
	__u8 tcp_flags;
	__u8 tos;         /* or traffic class */
	__u8 kind;        /* enum packet_kind */
	__u8 next_hop;    /* route: enum next_hop */
	bool v6;
	bool in_pieces;   /* not all of it is in the part of the frame that can be read directly */
	__u16 reserved;
};
_Static_assert(sizeof(struct packet) == 96, "packet: no byte without a name");

enum fragment_bits {
	FRAGMENT_OFFSET = 0x1fff, /* in units of 8 bytes */
	FRAGMENT_MORE = 0x2000,
};

enum packet_offsets {
	PACKET_L3_MASK = 31, /* the IP header starts at byte 14, 18 or 22 */
	PACKET_L4_MASK = 511,
};

/* The verifier sees the bounds of an offset where it is used; the compiler would know them elsewhere and drop them. */
inline_always __u32 packet_l3(const struct packet *packet)
{
	__u32 l3 = packet->l3;

	barrier_var(l3);
	return l3 & PACKET_L3_MASK;
}

inline_always __u32 packet_l4(const struct packet *packet)
{
	__u32 l4 = packet->l4;

	barrier_var(l4);
	return l4 & PACKET_L4_MASK;
}

inline_always bool packet_is_later_fragment(const struct packet *packet)
{
	return packet->fragment & FRAGMENT_OFFSET;
}

inline_always bool address_is_v4(const struct address *address)
{
	return !address->words[0] && !address->words[1] && address->words[2] == bpf_htonl(0xffff);
}

inline_always bool address_is_none(const struct address *address)
{
	return !(address->words[0] | address->words[1] | address->words[2] | address->words[3]);
}

/* Keys are written by the 64-bit word where they are read so at once: such a read of parts that were written one by one
 * waits until all of them have left the processor's buffer. Bytes stand in little-endian order here as everywhere. */
inline_always void address_from_v4(struct address *address, __be32 v4)
{
	__u64 *halves = (__u64 *)address;

	halves[0] = 0;
	halves[1] = (__u64)v4 << 32 | bpf_htonl(0xffff);
}

enum tcp_flag_bits {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

inline_always __u32 packet_tag(const struct packet *packet)
{
	return packet->digest >> 32;
}

inline_always __u8 flow_action(const struct flow *flow)
{
	return flow->flags >> FLOW_ACTION_SHIFT;
}
