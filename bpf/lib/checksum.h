/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Internet checksum (RFC 1071) and its update (RFC 1624), inline: a helper call costs forty times as much.
 * Sums are of 16-bit words in the byte order of the wire, whatever that of the machine. */
#pragma once
#include "common.h"

inline_always __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

inline_always __u64 checksum_address(const struct address *address)
{
	return (__u64)address->words[0] + address->words[1] + address->words[2] + address->words[3];
}

/* What replacing one address by another adds to a sum. */
inline_always __u64 checksum_address_change(const struct address *from, const struct address *to)
{
	return (__u64)(__u32)~from->words[0] + (__u32)~from->words[1] + (__u32)~from->words[2] +
	       (__u32)~from->words[3] + checksum_address(to);
}

inline_always __u16 checksum_apply(__u16 checksum, __u32 delta)
{
	__u32 sum = (__u16)~checksum + delta;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}
