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

/* Datagrams in pieces. An LRU may forget one: then its later fragments wait in vain. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_FRAGMENTS);
	__type(key, struct fragment_key);
	__type(value, struct fragment);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_RANGES);
	__type(key, struct service_range_key);
	__type(value, struct service);
} service_ranges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_SOURCES);
	__type(key, struct source_key);
	__type(value, __u8);
} sources SEC(".maps");

/* Inside clients whose traffic to the outside is masqueraded. The key's `service` is the number of a protocol. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_SOURCES);
	__type(key, struct source_key);
	__type(value, struct service);
} masquerades SEC(".maps");

/* Addresses of users, as prefixes. The key's `service` is 0: packets of every protocol are for one service. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_SOURCES);
	__type(key, struct source_key);
	__type(value, struct service);
} user_pools SEC(".maps");

/* Which endpoint has users of a prefix that map `hints` cannot hold: networks behind users, prefixes of other lengths.
 * As a hint, but for its tag. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_USER_ROUTES);
	__type(key, struct source_key);
	__type(value, struct hint);
} user_routes SEC(".maps");

/* Tunnels of sessions with uplink classifiers, and the ways back to their users. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_UPLINKS);
	__type(key, struct uplink_key);
	__type(value, struct uplink);
} uplinks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_UPLINKS);
	__type(key, struct address);
	__type(value, struct downlink);
} downlinks SEC(".maps");

/* Sets of places that are local for sessions, by their number, and the QFI of what comes from there. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_CLASSIFIERS);
	__type(key, struct source_key);
	__type(value, __u8);
} classifiers SEC(".maps");

/* Addresses of this machine, while a service is on all of them or on none. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_LOCAL_ADDRESSES);
	__type(key, struct vip_key);
	__type(value, __u32);
} local_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, __u32);
	__type(value, struct service_idle);
} service_idle SEC(".maps");

/* All flows that live now. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} live_flows SEC(".maps");

/* Flows that are not established yet, for each service id. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, __u32);
	__type(value, __s64);
} embryonic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_SNAT_POOLS);
	__type(key, __u32);
	__type(value, struct snat_pool);
} snat_pools SEC(".maps");

/* A cache: a client that is forgotten gets the endpoint that a hash of its address gives. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_AFFINITIES);
	__type(key, struct affinity_key);
	__type(value, struct affinity);
} affinities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_HINTS);
	__type(key, struct hint_key);
	__type(value, struct hint);
} hints SEC(".maps");

/* Sessions that clients have asked for. An LRU may forget one: then its answer is dropped, and asked for again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_SEID_REQUESTS);
	__type(key, struct seid_request_key);
	__type(value, struct seid_request);
} seid_requests SEC(".maps");

/* Hints that the programs have learnt, for each service id. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, __u32);
	__type(value, struct seid_count);
} seid_counts SEC(".maps");

/* Which endpoint has the TEIDs with a prefix: its id. Asked where there is no hint for the whole TEID. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_TEID_RANGES);
	__type(key, struct teid_range_key);
	__type(value, __u32);
} teid_ranges SEC(".maps");

/* A set bit is a UDP port, in host order, of a service whose packets are told apart by session key. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PORT_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} session_ports SEC(".maps");

/* The way back from endpoints of services without flows. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_ENDPOINTS);
	__type(key, struct service_key);
	__type(value, struct endpoint_return);
} returns SEC(".maps");

/* For each verification tag of an association, how the first path of that direction comes in. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_SCTP_PATHS);
	__type(key, struct sctp_path_key);
	__type(value, struct flow_key);
} sctp_paths SEC(".maps");

/* x^(8n) modulo the polynomial of CRC32c, bits reflected: moves a change over n bytes. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SCTP_POWERS);
	__type(key, __u32);
	__type(value, __u32);
} sctp_powers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LIMIT_PUNT_RING_BYTES);
} punts SEC(".maps");

/* Counts the punts of a CPU, lost ones too. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} punt_sequence SEC(".maps");

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

/* The packet inside a tunnel, as far as it decides. */
struct uplink_inner {
	struct address source;
	struct address destination;
	__u32 length;
	__u32 at; /* bytes from the start of the GTP-U header */
	__u8 protocol;
	__u8 tos;
	bool v6;
};

/* TCP options being walked. */
struct tcp_options {
	__u8 bytes[64]; /* of which TCP uses 40 */
	__u32 length;
	__u32 at;
	__u32 found;
};

/* The packet at hand, and room for a flow in the making; the stack is too small for it, and what stands in a map the
 * verifier does not follow value by value, which makes programs with many branches verifiable. Each object has its own
 * and it is not pinned: a packet may interrupt the expiry program. */
struct scratch {
	struct packet packet;
	struct flow flow;
	struct flow reverse;
	struct flow_key reverse_key;
	struct flow deleted;
	struct flow_key deleted_partner;
	struct closing oldest;
	struct service service;
	struct address next_hop;  /* see NEXT_HOP_GATEWAY */
	struct hint_key hint_key;
	__u8 hint_rest[16]; /* a hint key is read like a flow key when it is told */
	struct flow_key other_key;
	struct fragment_key fragment_key;
	struct service_range_key range_key;
	struct source_key source_key;
	struct tcp_options options;
	struct uplink_inner inner;
	struct downlink downlink; /* of the packet at hand, a copy; see uplink.h */
	__u8 downlink_qfi;
	__u8 user_way;      /* enum jump */
	bool answers;       /* to a user, within the flow `answer`; see answer.h */
	struct flow answer;
	__u32 template; /* see session.h */
	__u32 session_endpoint; /* id: where a fragmented packet with a session key goes */
	struct teid_range_key teid_key;
	struct flow_key sctp_first; /* how the first path of an association comes in */
	struct flow_key sctp_partner;
	__be32 sctp_reply;          /* the tag that answers to the INIT at hand will carry; 0: not known yet */
	__u32 sctp_endpoint;        /* id: a restarted association keeps it, though its flow is new; 0: none */
	__u32 zero;                 /* see loop_zero() */
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

/* 0, which the verifier does not know to be 0. Linux 6.1 takes it that the callback of bpf_loop runs at most once, and
 * removes what would come true only later: what a callback changes and is looked at again begins with this. */
inline_always __u32 loop_zero(void)
{
	const struct scratch *room = scratch_get();

	return room ? room->zero : 0;
}

/* Entry 0 of a map; it is there in every map this is asked of, which the verifier cannot know. */
inline_always struct settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}
