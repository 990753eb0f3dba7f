// What may be held of a capture: no file makes the memory grow beyond these.

/** bytes: what the tools that write captures take for the longest */
export const longestFrame = 262_144
/** bytes of a block of pcapng, whatever is in it */
export const longestBlock = 16 << 20
/** of a section of pcapng */
export const mostInterfaces = 65_536

/** IP datagrams in parts: how many, how many parts of one, how many bytes of all, and seconds by the capture's clock */
export const fragmentLimits = { datagrams: 4096, parts: 2048, bytes: 32 << 20, seconds: 60 } as const

/** TCP, for each direction of a connection: how many, bytes in order and out of order of one, segments out of order */
export const streamLimits = { streams: 65_536, bytes: 1 << 20, segments: 256, allBytes: 64 << 20 } as const

/** SCTP user messages in parts: how many associations, parts of one, bytes of one message and of all */
export const chunkLimits = { associations: 16_384, parts: 1024, bytes: 1 << 20, allBytes: 64 << 20 } as const

/** Sessions: keys known at a time and seen at all, SCTP associations, requests without an answer, messages of a file */
export const sessionLimits = {
  keys: 1 << 20,
  nodes: 1 << 26,
  associations: 65_536,
  requests: 65_536,
  messages: 1 << 27,
} as const
