/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs of one hook under libFuzzer. An input is a row of packets, so that flows live over several:
 *
 *     | flags 1 | time 1 | route 1 | readable 1 | length 2, least byte first | frame |  and so on
 *
 * docs/fuzzing.md says how to run it. */
#ifdef FUZZ_TC
#include "../lb.tc.c" /* all of an object stands in one file: its programs see no other */
#else
#include "../lb.xdp.c"
#endif
#include "../lib/expire.h"
#include "tables.h"
#include "check.h"
#include "mend.h"

#ifdef FUZZ_TC
#define FUZZ_PROGRAM sluice_tc
#else
#define FUZZ_PROGRAM sluice_xdp
#endif

enum fuzz_flags {
	FUZZ_PARTIAL = 1,    /* the device finishes the transport checksum */
	FUZZ_RING_FULL = 2,
	FUZZ_GSO = 4,
	FUZZ_MARK = 8,
	FUZZ_EXPIRE = 16,    /* the expiry program runs first */
	FUZZ_IN_PIECES = 32, /* not all of the frame can be read directly */
	FUZZ_DEVICE = 64,    /* comes in by the device whose MAC address is known */
	FUZZ_RAW = 128,      /* checksums stay as they are */
};

struct fuzz_step {
	__u8 flags;
	__u8 time;
	__u8 route;
	__u8 readable;
	__u8 length[2];
};

static void fuzz_start(void)
{
	static bool started;

	if (started) {
		host_maps_restore();
		return;
	}
	started = true;
#define MAP HOST_MAP
	MAP(meta); MAP(settings); MAP(devices); MAP(services); MAP(vips); MAP(slots); MAP(members); MAP(endpoints);
	MAP(active_flows); MAP(port_blocks); MAP(flows); MAP(fragments); MAP(service_ranges); MAP(sources);
	MAP(masquerades); MAP(user_pools); MAP(user_routes); MAP(uplinks); MAP(downlinks); MAP(classifiers);
	MAP(local_addresses); MAP(service_idle); MAP(live_flows); MAP(embryonic); MAP(snat_pools); MAP(affinities);
	MAP(hints); MAP(seid_requests); MAP(seid_counts); MAP(teid_ranges); MAP(session_ports); MAP(returns);
	MAP(sctp_paths); MAP(sctp_powers); MAP(punt_sequence);
	MAP(cursors); MAP(service_counters); MAP(endpoint_counters); MAP(verdicts); MAP(event_sequence);
	MAP(expire_keys); MAP(expire_request); MAP(scratch); MAP(trace_steps); MAP(trace_count);
	MAP(session_templates); MAP(session_sockets); MAP(refusals);
	HOST_QUEUE(closing_flows);
	HOST_RING(punts);
	HOST_RING(events);
#undef MAP
	tables_write();
	host_maps_save();
}

/* User space reads the ring of punts while this much goes by, and no more than that. */
static __u64 fuzz_ticks(__u8 time)
{
	return time < 192 ? time : 1ULL << (time & 31);
}

static void fuzz_expire(void)
{
	__u32 zero = 0, count = 0;
	struct expire_request *request = bpf_map_lookup_elem(&expire_request, &zero);

	for (__u32 i = 0; i < host_map_capacity(&flows); i++) {
		if (!host_map_value(&flows, i))
			continue;
		tables_put(&expire_keys, &count, host_map_key(&flows, i));
		count++;
	}
	request->count = count;
	request->force = 0;
	expire();
}

/* For people who look at a finding. */
static void fuzz_tell(enum verdict verdict, const __u8 *before, __u32 before_length, const __u8 *after,
		      __u32 after_length)
{
	fprintf(stderr, "verdict %d\n  in  ", verdict);
	for (__u32 i = 0; i < before_length; i++)
		fprintf(stderr, "%02x", before[i]);
	fprintf(stderr, "\n  out ");
	for (__u32 i = 0; i < after_length; i++)
		fprintf(stderr, "%02x", after[i]);
	fprintf(stderr, "\n");
}

static void fuzz_packet(const struct fuzz_step *step, const __u8 *frame, __u32 length)
{
	static __u8 before[HOST_FRAME_MOST];
	__u64 counted[HOOK_MAX * VERDICT_MAX];
	enum verdict verdict;
	const __u8 *after;
	int action;

	__builtin_memcpy(before, frame, length);
	if (!(step->flags & FUZZ_RAW))
		mend(before, length);
	for (__u32 i = 0; i < HOOK_MAX * VERDICT_MAX; i++)
		counted[i] = *(const __u64 *)host_map_value(&verdicts, i);
	host_world.fib = step->route;
	host_world.linear = step->flags & FUZZ_IN_PIECES ? ETH_HLEN + step->readable : length;
	host_world.ifindex = step->flags & FUZZ_DEVICE ? TABLES_KNOWN_DEVICE : 1;
	host_world.mark = step->flags & FUZZ_MARK ? TABLES_MARK : 0;
	host_world.partial = step->flags & FUZZ_PARTIAL && !CTX_HAS_NEXT;
	host_world.segment = step->flags & FUZZ_GSO && !CTX_HAS_NEXT ? 64 + step->readable : 0;
	host_ring_full = step->flags & FUZZ_RING_FULL;
	host_frame_set(before, length);
	action = host_run((int (*)(void *))FUZZ_PROGRAM);

	after = host_frame_open();
	verdict = check_verdict(counted);
	if (getenv("SLUICE_FUZZ_TELL"))
		fuzz_tell(verdict, before, length, after, host_frame_length());
	if (verdict == VERDICT_FORWARD) {
		check_forwarded(before, length, after, host_frame_length());
	} else {
		CHECK(!host_redirected(), "verdict %d is sent", verdict);
		CHECK(action == (verdict < VERDICT_PUNT ? CTX_PASS : CTX_DROP), "verdict %d, action %d", verdict,
		      action);
		if (action == CTX_PASS)
			CHECK(host_frame_length() == length && !__builtin_memcmp(before, after, length),
			      "passed on, but changed, verdict %d", verdict);
	}
	check_maps();
}

int LLVMFuzzerTestOneInput(const __u8 *input, size_t size)
{
	__u32 zero = 0;

	fuzz_start();
	host_world.ticks = TABLES_TICKS;
	while (size > sizeof(struct fuzz_step)) {
		const struct fuzz_step *step = (const struct fuzz_step *)input;
		struct settings *now = bpf_map_lookup_elem(&settings, &zero);
		__u32 length = (step->length[0] | step->length[1] << 8) % HOST_FRAME_MOST;

		input += sizeof(*step);
		size -= sizeof(*step);
		if (length > size)
			length = size;
		host_world.ticks += fuzz_ticks(step->time);
		if (step->time < 192)
			now->punt_alive = host_world.ticks;
		if (step->flags & FUZZ_EXPIRE)
			fuzz_expire();
		/* No frame is shorter than its link header. */
		if (length >= ETH_HLEN)
			fuzz_packet(step, input, length);
		input += length;
		size -= length;
	}
	return 0;
}
