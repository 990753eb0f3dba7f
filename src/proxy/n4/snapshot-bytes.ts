// Texts, byte strings and lists in the records of a snapshot: each has its length before it.

import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'

export const putBytes = (to: Writer, bytes: Uint8Array): void => void to.u32(bytes.length).put(bytes)

export const readBytes = (from: Reader): Uint8Array => from.take(from.u32()).slice()

/** Names and addresses of nodes and networks, which come again and again. */
const knownTexts = new Map<string, Uint8Array>()
const mostKnownTexts = 1024
/** Peers may give names of any length. */
const longestKnownText = 256

function bytesOf(text: string): Uint8Array {
  const known = knownTexts.get(text)
  if (known !== undefined) return known
  if (text.length > longestKnownText) return Buffer.from(text)
  if (knownTexts.size >= mostKnownTexts) knownTexts.clear()
  const bytes = Buffer.from(text)
  knownTexts.set(text, bytes)
  return bytes
}

export const putText = (to: Writer, text: string): void => {
  const bytes = bytesOf(text)
  to.u32(bytes.length).put(bytes)
}

export const readText = (from: Reader): string => {
  const bytes = from.take(from.u32())
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
}

export const putList = <Item>(to: Writer, items: readonly Item[], put: (to: Writer, item: Item) => void): void => {
  to.u32(items.length)
  for (const item of items) put(to, item)
}

export const readList = <Item>(from: Reader, read: (from: Reader) => Item): Item[] => {
  const items: Item[] = []
  for (let left = from.u32(); left > 0; left--) items.push(read(from))
  return items
}

export const putOptional = <Item>(to: Writer, item: Item | null, put: (to: Writer, item: Item) => void): void => {
  to.u8(item === null ? 0 : 1)
  if (item !== null) put(to, item)
}

export const readOptional = <Item>(from: Reader, read: (from: Reader) => Item): Item | null =>
  readFlag(from) ? read(from) : null

export const putFlag = (to: Writer, flag: boolean): void => void to.u8(flag ? 1 : 0)

export const readFlag = (from: Reader): boolean => {
  const value = from.u8()
  if (value > 1) throw from.fail('a flag is neither 0 nor 1', from.at - 1)
  return value === 1
}

export const readOneOf = <Word>(from: Reader, words: readonly Word[]): Word => {
  const word = words[from.u8()]
  if (word === undefined) throw from.fail('a number stands for nothing', from.at - 1)
  return word
}
