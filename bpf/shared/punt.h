/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets for user space: why, what the fast path knew of them, and the frame. */
#pragma once
#include "types.h"
#include "flow.h"

/* Who is to look at it. */
enum punt_reason {
	PUNT_FRAGMENT = 0,  /* a later fragment came before the first one */
	PUNT_ICMP_ERROR,    /* an ICMP error for a flow between the families */
	PUNT_TOO_BIG,       /* longer than the next link takes: tell the sender */
	PUNT_ALG,           /* of a flow whose payload names addresses or ports */
	PUNT_MISS,          /* a session key without a hint, and the service says so to its sender */
	PUNT_QUIC,          /* an encrypted connection id at a new 5-tuple */
	PUNT_SCTP_ADDRESS,  /* an INIT or INIT ACK with address parameters to change */
	PUNT_SCTP_ABORT,    /* out of the blue, and the service answers */
	PUNT_GTPU_ERROR,    /* an Error Indication of GTP-U: the tunnel that it is about stands inside */
	PUNT_RESET,         /* not a packet: a flow with SERVICE idle reset expired; the frame is empty */
	PUNT_REASON_MAX,
};

struct punt {
	__u32 sequence; /* counts the punts of one CPU, lost ones too */
	__u16 cpu;
	__u8 reason;    /* enum punt_reason */
	__u8 hook;      /* enum hook */
	__u32 at;       /* ticks */
	__u32 ifindex;  /* where the packet came in */
	__u32 service;  /* id, 0: not known */
	__u32 endpoint; /* id, 0: not known */
	__u32 mtu;      /* PUNT_TOO_BIG: bytes of IP packet that the next link takes */
	__u16 l3;       /* offset of the IP header in the frame */
	__u16 l4;       /* offset of the transport header */
	__u32 length;   /* bytes of the frame; less than what came in, where that is too long for a record */
	__u32 whole;    /* bytes of the frame that came in */
	struct flow_key key;
	struct flow flow; /* of this direction, as it was then; all zero: none */
};
_Static_assert(sizeof(struct punt) == 184, "punt");
