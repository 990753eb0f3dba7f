// Numbers of a circle of 2^32, as TCP counts bytes.

/** How far `a` is ahead of `b`; negative: behind. */
export const distance = (a: number, b: number): number => (a - b) | 0

/** `count` may be negative. */
export const advance = (position: number, count: number): number => (position + count) >>> 0

export const later = (a: number, b: number): number => (distance(a, b) > 0 ? a : b)
export const earlier = (a: number, b: number): number => (distance(a, b) < 0 ? a : b)
