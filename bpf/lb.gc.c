/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frees flows. Nothing attaches this program: the control plane runs it by BPF_PROG_TEST_RUN over a frame that does not
 * matter, and talks to it through maps. It is not of type syscall, because such programs sleep, and before Linux 6.5
 * those may not use a queue. */
#include "lib/checksum.h"
#include "lib/expire.h"

SEC("tc")
int sluice_expire(struct __sk_buff *ctx)
{
	expire();
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
