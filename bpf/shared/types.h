/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words every shared layout is made of. */
#pragma once
#include <linux/types.h>

/* One address of either family. IPv4 stands as ::ffff:a.b.c.d, so that later steps are written once. */
struct address {
	union {
		__u8 bytes[16];
		__be32 words[4];
	};
};

/* Packets and bytes seen; flows is the number of flows ever created. One per CPU, summed by the reader. */
struct counters {
	__u64 packets;
	__u64 bytes; /* of IP packets: the link header does not count */
	__u64 flows;
};
