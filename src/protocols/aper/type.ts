// What a type of a PER grammar is: a way to read it, to write it, to show it, and to go through what is inside.

import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import type { FieldValue, SessionKind } from '../protocol.ts'

export interface BitString {
  /** bits */
  readonly length: number
  /** the bits from the highest of the first byte on; what is left of the last one is zero */
  readonly bytes: Uint8Array
}

/** An end of a GTP tunnel. */
export interface Tunnel {
  /** of 32 bits, of 128, or of 160: then IPv4 first */
  readonly address: BitString
  readonly teid: number
}

/** Where the end of a tunnel is, or what goes through it: `forwarding` is for a handover only. */
export type TunnelRole = 'core' | 'ran' | 'forwarding'

/** What is met in a value, in its order. The ones that return a value may return another one to be written. */
export interface Visitor {
  ue?(kind: SessionKind, id: number): number
  tunnel?(tunnel: Tunnel, role: TunnelRole): Tunnel
  /** of a signalling end */
  address?(address: BitString): BitString
  /** Identities that are more than a number, as the text of their session key. */
  identity?(kind: SessionKind, value: string): void
  /** The PDU session, or E-RAB, that all up to the next one belongs to. */
  session?(id: number): void
  qosFlow?(id: number): void
}

export interface Type<T> {
  /** Throws DecodeError. */
  read(from: Reader): T
  /** Throws RangeError for what has no room. */
  write(to: Writer, value: T): void
  show(value: T): FieldValue
  /** The same value, unless the visitor has changed something in it. */
  visit(value: T, visitor: Visitor): T
}

/** The type of a type's values. */
export type ValueOf<Of> = Of extends Type<infer T> ? T : never

const same = <T>(value: T): T => value

/** A type with nothing inside that a visitor would meet. */
export const leaf = <T>(
  read: (from: Reader) => T,
  write: (to: Writer, value: T) => void,
  show: (value: T) => FieldValue,
): Type<T> => ({ read, write, show, visit: same })

/** A value that the bytes hold, and nothing else. Offsets in errors count from their start. */
export function readAll<T>(type: Type<T>, bytes: Uint8Array): T {
  const from = new Reader(bytes)
  const value = type.read(from)
  from.finish()
  return value
}

export function writeAll<T>(type: Type<T>, value: T): Uint8Array {
  const to = new Writer()
  type.write(to, value)
  return to.done()
}
