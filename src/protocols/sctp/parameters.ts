// Parameters and error causes (RFC 9260, 3.2.1 and 3.3.10): a type, a length that counts the header and not the
// padding, a value, and zeros up to a multiple of 4 bytes.
//
//     | type (2) | length (2) | value | padding |

import { inElement } from '../../wire/decode-error.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'
import type { Registered, Shape } from './names.ts'
import { causes as causeRegistry, parameters as parameterRegistry } from './names.ts'

export type Value =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'address'; readonly address: Uint8Array }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'numbers'; readonly numbers: readonly number[] }
  | { readonly kind: 'correlated'; readonly correlation: number; readonly parameters: readonly Parameter[] }
  | { readonly kind: 'refused'; readonly correlation: number; readonly causes: readonly Parameter[] }
  | {
      readonly kind: 'outgoingReset'
      readonly request: number
      readonly response: number
      readonly lastTsn: number
      /** none: all of them */
      readonly streams: readonly number[]
    }
  | { readonly kind: 'incomingReset'; readonly request: number; readonly streams: readonly number[] }
  | {
      readonly kind: 'response'
      readonly response: number
      readonly result: number
      /** with an answer to an SSN/TSN reset */
      readonly nextTsns: { readonly sender: number; readonly receiver: number } | null
    }
  | { readonly kind: 'addStreams'; readonly request: number; readonly count: number; readonly reserved: number }

export interface Parameter {
  readonly type: number
  readonly value: Value
  /**
   * What stands where a receiver looks for padding, if it is not what a sender puts there: zeros behind all but the
   * last parameter, which has none in its chunk's length. A receiver passes it by whatever it is.
   */
  readonly padding?: Uint8Array
}

const headerLength = 4
/** A parameter that holds parameters holds none that hold any. */
const deepest = 2

export const padLength = (length: number): number => -length & 3

export const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** Up to the end. */
export function readList(from: Reader, registry: ReadonlyMap<number, Registered>, depth = 1): readonly Parameter[] {
  const list: Parameter[] = []
  while (from.left > 0) {
    const at = from.at
    const type = from.u16()
    const length = from.u16()
    if (length < headerLength || length - headerLength > from.left) throw from.fail('length lies', at + 2)
    const { name, shape } = registry.get(type) ?? unknown
    const value = inElement(name, () => readValue(from.part(length - headerLength), shape, depth))
    const padding = from.take(Math.min(padLength(length), from.left))
    const isUsual = from.left > 0 ? isZero(padding) : padding.length === 0
    list.push(isUsual ? { type, value } : { type, value, padding })
  }
  return list
}

const unknown: Registered = { name: 'parameter', shape: 'bytes' }

function readValue(from: Reader, shape: Shape, depth: number): Value {
  switch (shape) {
    case 'none':
      from.finish()
      return { kind: 'none' }
    case 'bytes':
      return { kind: 'bytes', bytes: from.rest() }
    case 'address4':
    case 'address6': {
      const address = from.take(shape === 'address4' ? 4 : 16)
      from.finish()
      return { kind: 'address', address }
    }
    case 'number': {
      const number = from.u32()
      from.finish()
      return { kind: 'number', number }
    }
    case 'numbers8':
      return { kind: 'numbers', numbers: [...from.rest()] }
    case 'numbers16':
      return { kind: 'numbers', numbers: readNumbers(from) }
    case 'counted': {
      const at = from.at
      const count = from.u32()
      const numbers = readNumbers(from)
      if (count !== numbers.length) throw from.fail('length lies', at)
      return { kind: 'numbers', numbers }
    }
    case 'correlated': {
      if (depth >= deepest) throw from.fail('nested too deep')
      return { kind: 'correlated', correlation: from.u32(), parameters: readList(from, parameterRegistry, depth + 1) }
    }
    case 'refused': {
      if (depth >= deepest) throw from.fail('nested too deep')
      return { kind: 'refused', correlation: from.u32(), causes: readList(from, causeRegistry, depth + 1) }
    }
    case 'outgoingReset':
      return {
        kind: 'outgoingReset',
        request: from.u32(),
        response: from.u32(),
        lastTsn: from.u32(),
        streams: readNumbers(from),
      }
    case 'incomingReset':
      return { kind: 'incomingReset', request: from.u32(), streams: readNumbers(from) }
    case 'response': {
      const response = from.u32()
      const result = from.u32()
      const nextTsns = from.left === 0 ? null : { sender: from.u32(), receiver: from.u32() }
      from.finish()
      return { kind: 'response', response, result, nextTsns }
    }
    case 'addStreams': {
      const value: Value = { kind: 'addStreams', request: from.u32(), count: from.u16(), reserved: from.u16() }
      from.finish()
      return value
    }
    default:
      return shape satisfies never
  }
}

function readNumbers(from: Reader): readonly number[] {
  const numbers: number[] = []
  while (from.left > 0) numbers.push(from.u16())
  return numbers
}

export function writeList(to: Writer, list: readonly Parameter[], registry: ReadonlyMap<number, Registered>): void {
  for (const [index, { padding, type, value }] of list.entries()) {
    const start = to.length
    to.u16(type).u16(0)
    writeValue(to, value, (registry.get(type) ?? unknown).shape)
    const length = to.length - start
    to.fill(start + 2, 2, length)
    if (padding !== undefined) to.put(padding)
    else if (index < list.length - 1) to.zeros(padLength(length))
  }
}

function writeValue(to: Writer, value: Value, shape: Shape): void {
  switch (value.kind) {
    case 'none':
      return
    case 'bytes':
      to.put(value.bytes)
      return
    case 'address':
      to.put(value.address)
      return
    case 'number':
      to.u32(value.number)
      return
    case 'numbers':
      if (shape === 'counted') to.u32(value.numbers.length)
      for (const number of value.numbers) to.uint(shape === 'numbers8' ? 1 : 2, number)
      return
    case 'correlated':
      to.u32(value.correlation)
      writeList(to, value.parameters, parameterRegistry)
      return
    case 'refused':
      to.u32(value.correlation)
      writeList(to, value.causes, causeRegistry)
      return
    case 'outgoingReset':
      to.u32(value.request).u32(value.response).u32(value.lastTsn)
      writeNumbers(to, value.streams)
      return
    case 'incomingReset':
      to.u32(value.request)
      writeNumbers(to, value.streams)
      return
    case 'response':
      to.u32(value.response).u32(value.result)
      if (value.nextTsns !== null) to.u32(value.nextTsns.sender).u32(value.nextTsns.receiver)
      return
    case 'addStreams':
      to.u32(value.request).u16(value.count).u16(value.reserved)
      return
    default:
      return value satisfies never
  }
}

function writeNumbers(to: Writer, numbers: readonly number[]): void {
  for (const number of numbers) to.u16(number)
}

/** The list with other addresses; the same one where none changes. Their lengths stay as they are. */
export function mapAddresses(
  list: readonly Parameter[],
  map: (address: Uint8Array) => Uint8Array,
): readonly Parameter[] {
  let isChanged = false
  const mapped = list.map((parameter) => {
    const value = mapValue(parameter.value, map)
    if (value === parameter.value) return parameter
    isChanged = true
    return { ...parameter, value }
  })
  return isChanged ? mapped : list
}

function mapValue(value: Value, map: (address: Uint8Array) => Uint8Array): Value {
  if (value.kind === 'address') {
    const address = map(value.address)
    if (address.length !== value.address.length) throw new RangeError('an address stays as long as it is')
    return Buffer.compare(address, value.address) === 0 ? value : { kind: 'address', address }
  }
  if (value.kind !== 'correlated') return value
  const parameters = mapAddresses(value.parameters, map)
  return parameters === value.parameters ? value : { ...value, parameters }
}
