/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map, with its default size. All that hold state are pinned by the control plane: traffic flows on when it is
 * gone. */
#pragma once
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct meta);
} meta SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMIT_DEVICES);
	__type(key, __u32);
	__type(value, struct device);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, struct service_key);
	__type(value, struct service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, struct vip_key);
	__type(value, __u32); /* services it has */
} vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_SLOT_PAGES);
	__type(key, __u32);
	__type(value, struct slot_page);
} slots SEC(".maps");

/* Service-local endpoint number -> endpoint id; each service has an extent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_ENDPOINTS);
	__type(key, __u32);
	__type(value, __u64);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct endpoint);
} endpoints SEC(".maps");

/* Flows that live now, for each endpoint id. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_ENDPOINTS);
	__type(key, __u32);
	__type(value, __s64);
} active_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_PORT_BLOCKS);
	__type(key, __u32);
	__type(value, struct port_block);
} port_blocks SEC(".maps");

/* A HASH, never an LRU: half of a pair must not be evicted. Two entries for each flow. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * LIMIT_FLOWS);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, LIMIT_CLOSING);
	__type(value, struct closing);
} closing_flows SEC(".maps");

/* Datagrams whose first fragment was dropped, and when. An LRU may forget one: then its later fragments reach the
 * kernel, and nobody can put them together. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_FRAGMENTS);
	__type(key, struct fragment_key);
	__type(value, __u32); /* ticks */
} fragments SEC(".maps");

/* Where the round robin of a service stands, for each service id. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, __u32);
	__type(value, __u32);
} cursors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, __u32);
	__type(value, struct counters);
} service_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LIMIT_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct counters);
} endpoint_counters SEC(".maps");

/* Packets for each verdict; those of a hook start at hook * VERDICT_MAX. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOOK_MAX * VERDICT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LIMIT_EVENT_RING_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} event_sequence SEC(".maps");

/* Keys (client's direction) that the control plane thinks have expired. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_EXPIRE_BATCH);
	__type(key, __u32);
	__type(value, struct flow_key);
} expire_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct expire_request);
} expire_request SEC(".maps");

/* Room for a flow in the making; the stack is too small for it. Each object has its own and it is not pinned: a
 * packet may interrupt the expiry program. */
struct scratch {
	struct flow flow;
	struct flow reverse;
	struct flow_key reverse_key;
	struct flow deleted;
	struct flow_key deleted_partner;
	struct closing oldest;
	struct service service;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

inline_always struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

/* Entry 0 of a map; it is there in every map this is asked of, which the verifier cannot know. */
inline_always struct settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}
