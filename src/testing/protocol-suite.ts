// What holds for every protocol plugin. A plugin's test calls it once with messages whose bytes and meaning are known.

import { performance } from 'node:perf_hooks'
import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../wire/decode-error.ts'
import { fromHex as bytesOf, toHex as hexOf } from './packets/bytes.ts'
import type { Protocol, SessionKey } from '../protocols/protocol.ts'

export interface Vector {
  /** unique in the suite: `Heartbeat Request (TS 29.244, figure 7.4.2.1-1)` */
  readonly title: string
  /** spaces do not count */
  readonly hex: string
  /** of `describe` */
  readonly name: string
  /** some of the fields that `describe` gives */
  readonly fields?: Readonly<Record<string, unknown>>
  readonly sessions: readonly SessionKey[]
}

export interface HostileMessage {
  readonly title: string
  readonly bytes: () => Uint8Array
  /** why it is refused; null: it is a message all the same */
  readonly reason: string | null
}

export interface ProtocolSuite {
  readonly vectors: readonly Vector[]
  /** Bytes that would take long, or much memory, if a reader were careless. */
  readonly hostile: readonly HostileMessage[]
}

export { bytesOf, hexOf }

/** Why a message is refused. Throws where it is not. */
export function refusalOf<Message>(protocol: Protocol<Message>, hex: string): DecodeError {
  try {
    protocol.decode(bytesOf(hex))
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
  throw new Error('it was accepted')
}

/** A reader that is not linear would take minutes; it fails the whole file. */
const hostileTimeout = 20_000
const randomInputs = 500
/** Longer messages have that many of their bytes changed, spread evenly. */
const mostChangedBytes = 400

export function protocolSuite<Message>(protocol: Protocol<Message>, { vectors, hostile }: ProtocolSuite): void {
  const { name } = protocol
  /** Undefined: refused. Whatever is no DecodeError fails the test. */
  const read = (bytes: Uint8Array): Message | undefined => {
    try {
      return protocol.decode(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      if (error.offset < 0 || error.offset > bytes.length)
        throw new Error(`offset ${error.offset} is not in the message`, { cause: error })
      return undefined
    }
  }
  /** Reads what may be anything, and uses it in every way there is. Returns what is wrong, or null. */
  const wrongWith = (bytes: Uint8Array): string | null => {
    const before = hexOf(bytes)
    const message = read(bytes)
    if (message === undefined) return null
    const { fields, name: said } = protocol.describe(message)
    if (typeof said !== 'string' || said === '') return `${before} has no name`
    if ((protocol.nameOf?.(message) ?? said) !== said) return `${before} has two names`
    for (const value of Object.values(fields)) if (value === undefined) return `${before} has an undefined field`
    protocol.sessions(message)
    protocol.learn?.(message, 'endpoint')
    const written = hexOf(protocol.encode(message))
    if (written !== before) return `${before} is written as ${written}`
    return hexOf(bytes) === before ? null : `${before} was changed`
  }

  for (const { fields, hex, name: said, sessions, title } of vectors) {
    const bytes = bytesOf(hex)

    test(`${name}: ${title}: says what it means`, (t) => {
      const message = protocol.decode(bytes)
      const description = protocol.describe(message)
      t.is(description.name, said)
      if (fields !== undefined) t.like(description.fields, fields)
      t.deepEqual(protocol.sessions(message), sessions)
    })

    test(`${name}: ${title}: is written byte for byte as it was read`, (t) => {
      const message = protocol.decode(bytes)
      t.is(hexOf(protocol.encode(message)), hexOf(bytes))
      t.deepEqual(protocol.decode(protocol.encode(message)), message)
    })

    test(`${name}: ${title}: every truncation is refused, or is a message of its own`, (t) => {
      for (let length = 0; length < bytes.length; length++) {
        const wrong = wrongWith(bytes.slice(0, length))
        if (wrong !== null) return t.fail(wrong)
      }
      t.pass()
    })

    test(`${name}: ${title}: with any byte changed it is refused, or written as it is`, (t) => {
      const step = Math.max(1, Math.floor(bytes.length / mostChangedBytes))
      for (let at = 0; at < bytes.length; at += step) {
        for (const change of [0x01, 0x80, 0xff, 0x10]) {
          const changed = bytes.slice()
          changed[at]! ^= change
          const wrong = wrongWith(changed)
          if (wrong !== null) return t.fail(wrong)
        }
      }
      t.pass()
    })
  }

  test(`${name}: whatever the bytes are, they are refused by name or written as they are`, (t) => {
    const any = fc.uint8Array({ maxLength: 200 })
    const mutated = fc
      .record({
        hex: fc.constantFrom(...vectors.map(({ hex }) => hex)),
        at: fc.nat({ max: 500 }),
        insert: fc.uint8Array({ maxLength: 8 }),
        remove: fc.nat({ max: 8 }),
      })
      .map(({ at, hex, insert, remove }) => {
        const bytes = [...bytesOf(hex)]
        bytes.splice(at % (bytes.length + 1), remove, ...insert)
        return Uint8Array.from(bytes)
      })
    fc.assert(
      fc.property(fc.oneof(any, mutated), (bytes) => {
        const wrong = wrongWith(bytes)
        if (wrong !== null) throw new Error(wrong)
      }),
      { numRuns: randomInputs },
    )
    t.pass()
  })

  for (const { bytes: make, reason, title } of hostile) {
    test(`${name}: ${title}`, (t) => {
      t.timeout(hostileTimeout)
      const bytes = make()
      const started = performance.now()
      if (reason === null) {
        t.is(wrongWith(bytes), null)
        t.truthy(read(bytes))
      } else {
        const error = t.throws(() => protocol.decode(bytes), { instanceOf: DecodeError })
        t.is(error?.reason, reason)
      }
      t.log(`${bytes.length} bytes in ${Math.round(performance.now() - started)} ms`)
    })
  }

  if (protocol.frame === undefined) return
  const frame = (bytes: Uint8Array): number | null | undefined => protocol.frame?.(bytes)
  for (const { hex, title } of vectors) {
    test(`${name}: ${title}: is found in a stream however it is cut`, (t) => {
      const bytes = bytesOf(hex)
      const stream = Uint8Array.from([...bytes, ...bytes])
      for (let length = 0; length <= stream.length; length++) {
        const found = frame(stream.subarray(0, length))
        if (found !== null && found !== bytes.length) return t.fail(`${length} bytes give ${found}`)
        if (found === null && length >= bytes.length) return t.fail(`${length} bytes are too few`)
      }
      t.pass()
    })
  }
}
