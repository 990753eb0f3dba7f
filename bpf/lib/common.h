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
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "../shared/events.h"
#include "../shared/flow.h"
#include "../shared/limits.h"
#include "../shared/service.h"
#include "../shared/settings.h"
#include "../shared/types.h"
#include "../shared/verdicts.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define inline_always static inline __attribute__((always_inline))
/* A call, for what is rare: the common path stays short. Static, because Linux 6.1 takes no argument of a global
 * function as the key of a map. */
#define rarely static __attribute__((noinline, unused))

/* Linux names that its user headers do not give. */
#define AF_INET 2
#define EEXIST 17

/* What parse learns of a packet and the later steps work on. parse writes every byte, the last one too: zeroing it all
 * first would cost as much as a map lookup. */
struct packet {
	struct flow_key key;
	__u64 digest;     /* of the key: its upper half is the tag, selection hashes it further */
	__u32 now;        /* ticks */
	__u32 length;     /* bytes of the IP packet; of a GSO packet, of all its segments as one */
	__u32 segments;   /* packets on the wire */
	__u32 wire_bytes; /* bytes of the IP packets on the wire */
	__u16 unit;       /* bytes of the longest IP packet on the wire */
	__u16 l4;         /* offset of the transport header in the frame */
	__u8 tcp_flags;
	__u8 tos;
	bool echo_reply;
	bool in_pieces;   /* not all of it is in the part of the frame that can be read directly */
	__u32 device;     /* route: the ifindex to leave by */
	__be32 next_hop;  /* route: whose MAC address the kernel has to find first; 0: it is known */
};
_Static_assert(sizeof(struct packet) == 80, "packet: no byte without a name");

/* A next hop that is no IPv4 address: the kernel looks the route up again and knows. */
#define NEXT_HOP_ASK ((__be32)~0U)

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
