// JSON as the API writes it: counters are bigint here and exact numbers there. Readers with 64-bit integers lose
// nothing; JavaScript rounds what is above 2^53.

import { setImmediate } from 'node:timers/promises'

/** `JSON.rawJSON`, which the compiler's library does not know yet. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

export const toJson = (value: unknown, space?: number): string =>
  JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? rawJSON(part.toString()) : part), space)

/** Items of a long list that are written in one go: about two milliseconds. */
const writtenAtOnce = 500

/** An object with a long list and at least one other field, part by part; others are let in between. */
export async function* jsonParts(list: string, items: readonly unknown[], others: object): AsyncGenerator<string> {
  yield `{${JSON.stringify(list)}:[`
  for (let first = 0; first < items.length; first += writtenAtOnce) {
    const part = items.slice(first, first + writtenAtOnce).map((item) => toJson(item))
    yield `${first === 0 ? '' : ','}${part.join(',')}`
    await setImmediate()
  }
  yield `],${toJson(others).slice(1)}`
}

/** Reads what toJson wrote: an integer that a number cannot hold is a bigint. */
export const fromJson = (text: string): unknown =>
  (JSON.parse as ParseWithSource)(text, (_key, part, { source }) =>
    typeof part === 'number' && !Number.isSafeInteger(part) && source !== undefined && /^-?\d+$/.test(source)
      ? BigInt(source)
      : part,
  )

type ParseWithSource = (
  text: string,
  reviver: (key: string, part: unknown, context: { readonly source?: string }) => unknown,
) => unknown
