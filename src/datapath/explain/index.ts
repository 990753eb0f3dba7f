// `sluice explain`: what the fast path would do with a frame, without doing it.

export { explain } from './explain.ts'
export { addressesOf } from './frame.ts'
export { ExplainError } from './rehearsal.ts'
export { linesOf } from './words.ts'
export type { Explained, Question } from './explain.ts'
export type { Addresses } from './steps.ts'
