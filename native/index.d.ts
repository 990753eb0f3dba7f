// Types of the native addon (`native/*.c`): primitives of libbpf, sockets and the kernel, no policy.
//
// Every failure of the kernel is thrown as a NativeError. A wrong argument is a TypeError. File descriptors are plain
// numbers that the caller closes; the opaque handles close themselves when their environment (main thread or worker)
// ends, whatever is still open.

export interface NativeError extends Error {
  /** errno name, such as `ENOENT`; libbpf's own failures are `LIBBPF_ERRNO__FORMAT` and the like */
  readonly code: string
  /** positive errno */
  readonly errno: number
  /** the call that failed, such as `bpf_obj_get` */
  readonly call: string
  /** what it was called on: a path, a map or program name, `fd 12`, `ifindex 3` */
  readonly object: string
}

// ---- libbpf objects ------------------------------------------------------------------------------------------------

export interface BpfObject {
  readonly opaque: unique symbol
}

export interface MapInfo {
  readonly name: string
  readonly id: number
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
}

export interface ProgramInfo {
  readonly name: string
  readonly id: number
  readonly type: number
  readonly tag: string
  /** instructions the verifier walked; 0 where the kernel does not say */
  readonly verifiedInstructions: number
  /** size of the translated program in instructions */
  readonly translatedInstructions: number
}

/** Opens an ELF object; nothing is in the kernel yet. */
export function objectOpen(path: string): BpfObject
/** Map sizes, before load. */
export function objectSetMaxEntries(object: BpfObject, map: string, maxEntries: number): void
/** Sets a `const volatile` variable of `.rodata` by its name, before load. `bytes` has exactly the variable's size. */
export function objectSetRodata(object: BpfObject, variable: string, bytes: Uint8Array): void
/**
 * Uses an existing map (for example a pinned one) instead of making one, before load. EINVAL, with both shapes in the
 * message, unless type, key size, value size and flags are the same; the existing number of entries stays. The object
 * keeps its own duplicate of the fd.
 */
export function objectReuseMap(object: BpfObject, map: string, fd: number): void
/** Leaves a program out of the load. */
export function objectSkipProgram(object: BpfObject, program: string): void
/** Loads maps and programs. The error's message ends with the last lines of the verifier's log. */
export function objectLoad(object: BpfObject): void
/**
 * Maps by name, internal ones (`.rodata`, `.bss`) too, with the fd they have in this object (do not close it). Before
 * load, and for a skipped program, the fd is -1; after objectReuseMap it is that of the duplicate.
 */
export function objectMaps(object: BpfObject): readonly { readonly name: string; readonly fd: number }[]
export function objectPrograms(object: BpfObject): readonly { readonly name: string; readonly fd: number }[]
/** Closes every fd of the object. Pinned maps and programs live on. */
export function objectClose(object: BpfObject): void

// ---- pins, file descriptors ----------------------------------------------------------------------------------------

/** Pins a map, program or link under a bpffs path. The folder must be there (`mkdir` works in a bpffs). */
export function pin(fd: number, path: string): void
/** Opens a pinned map, program or link. */
export function pinGet(path: string): number
export function fdClose(fd: number): void
export function fdDuplicate(fd: number): number

// ---- maps ----------------------------------------------------------------------------------------------------------

// Keys and values must have the sizes that the kernel knows for the map, else it is a TypeError. A per-CPU map has one
// value of 8-byte rounded size for each possible CPU, one behind the other, in single calls and in batches alike.

export function mapInfo(fd: number): MapInfo
export function mapCreate(options: {
  readonly type: number
  readonly name: string
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags?: number
}): number
/** False when there is no such key. */
export function mapLookup(fd: number, key: Uint8Array, value: Uint8Array): boolean
/** flags: 0 any, 1 only new (EEXIST), 2 only existing (ENOENT) */
export function mapUpdate(fd: number, key: Uint8Array, value: Uint8Array, flags?: number): void
/** False when there was no such key. */
export function mapDelete(fd: number, key: Uint8Array): boolean
/** The key behind `key` (or the first one for null) into `next`; false at the end. */
export function mapNextKey(fd: number, key: Uint8Array | null, next: Uint8Array): boolean
/**
 * Reads the next entries of a hash or array into caller-owned memory. `cursor` is at least 16 bytes and at least a key
 * long, kept by the caller between calls; `first` starts from the beginning. A bucket that does not fit (ENOSPC) is
 * thrown: call again with larger arrays.
 */
export function mapLookupBatch(
  fd: number,
  cursor: Uint8Array,
  first: boolean,
  keys: Uint8Array,
  values: Uint8Array,
  maxCount: number,
): { readonly count: number; readonly done: boolean }
/**
 * Looks up the first `count` of these keys: `found` gets 1 for each that is there, whose value then stands in `values`,
 * and 0 for the others. Returns how many are there.
 */
export function mapLookupEach(
  fd: number,
  keys: Uint8Array,
  values: Uint8Array,
  found: Uint8Array,
  count: number,
): number
/** Returns how many were written; throws, and says how many it was, if the kernel stopped before the end. */
export function mapUpdateBatch(fd: number, keys: Uint8Array, values: Uint8Array, count: number, flags?: number): number
/** The same; stops (ENOENT) at a key that is not there. */
export function mapDeleteBatch(fd: number, keys: Uint8Array, count: number): number
/**
 * The memory of a BPF_F_MMAPABLE array, shared with the kernel: max_entries values, each rounded up to 8 bytes. Given
 * back when the ArrayBuffer is collected; it cannot be transferred to another thread.
 */
export function mapMemory(fd: number): ArrayBuffer
export function possibleCpus(): number

// ---- programs and links --------------------------------------------------------------------------------------------

export function programInfo(fd: number): ProgramInfo
/** XDP link. `native` is the driver's hook, `generic` the kernel's. Returns the link's fd. */
export function linkXdp(programFd: number, ifindex: number, mode: 'native' | 'generic'): number
/** tcx link by raw BPF_LINK_CREATE (kernel 6.6 and newer; EINVAL on older ones). Returns the link's fd. */
export function linkTcx(programFd: number, ifindex: number, direction: 'ingress' | 'egress'): number
/** Swaps the program of a link in place. */
export function linkUpdate(linkFd: number, programFd: number): void
export function linkInfo(linkFd: number): {
  readonly id: number
  readonly type: number
  readonly programId: number
  /** 0 when the device has gone */
  readonly ifindex: number
}
/** Detaches a link for good, whoever else holds it. */
export function linkDetach(linkFd: number): void
/** Classic TC filter at clsact, for kernels without tcx. Replaces a filter with the same handle and priority. */
export function clsactAttach(
  programFd: number,
  ifindex: number,
  direction: 'ingress' | 'egress',
  handle: number,
  priority: number,
): void
/** Removes the filter; the clsact qdisc stays, since others may use it. */
export function clsactDetach(ifindex: number, direction: 'ingress' | 'egress', handle: number, priority: number): void

export interface TestRun {
  readonly data?: Uint8Array
  /** packet out */
  readonly dataOut?: Uint8Array
  readonly context?: Uint8Array
  readonly contextOut?: Uint8Array
  readonly repeat?: number
  readonly flags?: number
  readonly cpu?: number
  readonly batchSize?: number
}
/**
 * BPF_PROG_TEST_RUN. `result` is the program's return value as a signed number. ENOSPC when a packet is larger than
 * `dataOut`. A program of type syscall takes only `context`, and changes it in place.
 */
export function testRun(
  programFd: number,
  run: TestRun,
): { readonly result: number; readonly dataSize: number; readonly contextSize: number; readonly durationNs: number }

// ---- ring buffer ---------------------------------------------------------------------------------------------------

export interface Ring {
  readonly opaque: unique symbol
}
/**
 * Reads a BPF ring buffer on the event loop, without keeping the process alive. One callback a drain: `arena` then
 * starts with `count` records, each a little-endian u32 length, the bytes, and padding to 8; `used` bytes in all. When
 * the arena fills, the callback comes before the rest is read. A record larger than the arena is skipped and counted.
 */
export function ringOpen(mapFd: number, arena: Uint8Array, onRecords: (count: number, used: number) => void): Ring
/** Drains now, without waiting for the event loop; returns the number of records. Not from the ring's own callback. */
export function ringConsume(ring: Ring): number
/** Records lost so far: larger than the arena, or read when the callback threw or closed the ring. */
export function ringSkipped(ring: Ring): number
/** No callback after this, whatever is still in the ring. */
export function ringClose(ring: Ring): void

// ---- sockets -------------------------------------------------------------------------------------------------------

export interface Socket {
  readonly opaque: unique symbol
}
export interface SocketOptions {
  /** AF_INET 2, AF_INET6 10, AF_NETLINK 16, AF_PACKET 17 */
  readonly domain: number
  /** SOCK_DGRAM 2, SOCK_RAW 3 */
  readonly type: number
  /** host byte order; AF_PACKET turns it itself */
  readonly protocol: number
  /** a complete struct sockaddr to bind to */
  readonly address?: Uint8Array
  /** setsockopt calls made before bind */
  readonly options?: readonly { readonly level: number; readonly name: number; readonly value: Uint8Array }[]
}
/** Opened in the network namespace that the calling thread is in. Non-blocking, close-on-exec. */
export function socketOpen(options: SocketOptions): Socket
/**
 * Starts reading on the event loop. `arena` is cut into slots of `slotBytes`; one callback for each recvmmsg: message i
 * is `arena[i * slotBytes ...]` with `lengths[i]` bytes (more than slotBytes: it was cut), its sender
 * `addresses[i * 28 ...]` as a struct sockaddr. The arrays are the same ones each time. `error` has the errno name of a
 * receive that failed (ENOBUFS: messages were lost), with a `count` of 0; receiving goes on. At most 1,024 slots are
 * used. Keeps the process alive only if `keepAlive`; a socket that nobody holds goes on receiving until it is closed.
 */
export function socketReceive(
  socket: Socket,
  arena: Uint8Array,
  slotBytes: number,
  onMessages: (count: number, lengths: Uint32Array, addresses: Uint8Array, error: string | null) => void,
  keepAlive?: boolean,
): void
/**
 * sendmmsg; returns how many were sent: fewer when the socket's buffer is full, or when a later message was refused (it
 * throws once it is the first). Not more than 1,024 a call.
 */
export function socketSend(
  socket: Socket,
  messages: readonly { readonly data: Uint8Array; readonly address?: Uint8Array }[],
): number
/** The port or name the kernel bound the socket to, as a struct sockaddr. */
export function socketAddress(socket: Socket): Uint8Array
export function socketClose(socket: Socket): void

// ---- kernel odds and ends ------------------------------------------------------------------------------------------

/** Moves the calling thread into the network namespace at this path. Once per worker; the main thread is refused. */
export function enterNetworkNamespace(path: string): void
/** Of the namespace the thread is in. 0 when there is no such device. */
export function interfaceIndex(name: string): number
/** Empty when there is no such device. */
export function interfaceName(index: number): string
/** The driver behind a device (ethtool), such as `veth` or `ixgbe`; empty for one that has none (`lo`). */
export function interfaceDriver(name: string): string
/** Kernel ticks a second, from the resolution of the coarse clock. */
export function ticksPerSecond(): number
/** Tells systemd (`READY=1`); false when $NOTIFY_SOCKET is not set. */
export function sdNotify(state: string): boolean
/** `seed` is the result for the bytes before these. */
export function crc32c(bytes: Uint8Array, seed?: number): number
/** Pins the calling thread to one CPU. */
export function pinToCpu(cpu: number): void
