/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the control plane runs: freeing flows. */
#include "lib/checksum.h"
#include "lib/expire.h"

SEC("syscall")
int sluice_expire(struct expire_request *request)
{
	return expire(request);
}

char _license[] SEC("license") = "Dual BSD/GPL";
