/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes the checksums right that programs verify: few inputs would get past them otherwise. */
#pragma once
#include "check.h"

static void mend_v4(__u8 *ip, __u32 header)
{
	__u16 checksum;

	ip[10] = 0;
	ip[11] = 0;
	checksum = ~checksum_fold(check_sum(ip, header));
	ip[10] = checksum >> 8;
	ip[11] = checksum;
}

static void mend_sctp(__u8 *sctp, __u32 length)
{
	__u32 crc = ~0U;

	__builtin_memset(sctp + 8, 0, 4);
	for (__u32 i = 0; i < length; i++) {
		crc ^= sctp[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	crc = ~crc;
	__builtin_memcpy(sctp + 8, &crc, 4);
}

static void mend(__u8 *frame, __u32 length)
{
	struct check_ip found = check_find_ip(frame, length);
	__u8 *ip = frame + found.l3;

	if (!found.version)
		return;
	if (found.version == 4)
		mend_v4(ip, found.header);
	if (found.protocol == IPPROTO_SCTP && !found.fragmented &&
	    found.length >= found.header + sizeof(struct sctp_header))
		mend_sctp(ip + found.header, found.length - found.header);
}
