// What is compared of a protocol: tshark's fields, and where Sluice has the same.

import type { Message } from '../../src/captures/index.ts'
import type { ProtocolName, SessionKind } from '../../src/protocols/protocol.ts'
import type { Row } from './tshark.ts'

export interface JudgedField {
  readonly name: string
  /** `list`: in order; `set`: each once; `within`: ours are among tshark's, which has those inside of containers too */
  readonly as: 'list' | 'set' | 'within'
  readonly fields: readonly string[]
  /** left out: the values as they are */
  readonly read?: (value: string, field: string) => string | readonly string[]
  readonly ours: (message: Message) => readonly (string | number | bigint)[]
}

/** Where tshark has the names of messages: a field whose values have names, fields that are names, fields with text. */
export type JudgedName =
  | { readonly kind: 'values'; readonly of: string }
  | { readonly kind: 'fields'; readonly among: readonly string[]; readonly prefix: string }
  | { readonly kind: 'text'; readonly fields: readonly string[]; readonly read: (row: Row) => readonly string[] }

export interface Judged {
  /** tshark's layer */
  readonly layer: string
  readonly protocols: readonly ProtocolName[]
  /** have one value for each message, together */
  readonly present: readonly string[]
  readonly name: JudgedName
  readonly ourNames: (message: Message) => readonly string[]
  readonly fields: readonly JudgedField[]
}

export const nameOf = ({ description }: Message): readonly string[] => [description.name]

/** Numbers, whatever they are written in. */
export const number = (value: string): string => BigInt(value).toString()
export const hexNumber = (value: string): string => BigInt(`0x${value.replace(/^0x/, '')}`).toString()
/** No identifier, no address. */
export const notNull = (value: string): string | readonly string[] => (BigInt(value) === 0n ? [] : number(value))
export const somewhere = (value: string): string | readonly string[] =>
  value === '0.0.0.0' || value === '::' ? [] : value

export const keysOf = (message: Message, ...kinds: readonly SessionKind[]): readonly string[] =>
  message.keys.filter(({ kind }) => kinds.includes(kind)).map(({ value }) => value)
/** Of `address/number` and of numbers that stand alone. */
export const numbersOf = (message: Message, kind: SessionKind): readonly bigint[] =>
  keysOf(message, kind).map((value) => BigInt(value.slice(value.indexOf('/') + 1)))
export const identifiersOf = (message: Message, kind: SessionKind): readonly bigint[] =>
  numbersOf(message, kind).filter((value) => value !== 0n)
export const addressesOf = (message: Message, ...kinds: readonly SessionKind[]): readonly string[] =>
  keysOf(message, ...kinds).flatMap((value) => (kinds[0] === 'ue-ip' ? [value] : value.split('/').slice(0, -1)))

export const field = (
  name: string,
  fields: string | readonly string[],
  ours: JudgedField['ours'],
  more: Partial<Pick<JudgedField, 'as' | 'read'>> = {},
): JudgedField => ({
  name,
  as: 'list',
  read: number,
  fields: typeof fields === 'string' ? [fields] : fields,
  ours,
  ...more,
})
export const set = (
  name: string,
  fields: string | readonly string[],
  ours: JudgedField['ours'],
  read: NonNullable<JudgedField['read']>,
): JudgedField => field(name, fields, ours, { as: 'set', read })

/** All that tshark is to be asked for, where it has them. */
export const fieldsOf = ({ fields, name, present }: Judged): readonly string[] => [
  ...present,
  ...namesIn(name),
  ...fields.flatMap((one) => one.fields),
]

function namesIn(name: JudgedName): readonly string[] {
  switch (name.kind) {
    case 'values':
      return [name.of]
    case 'fields':
      return name.among
    case 'text':
      return name.fields
    default:
      return name satisfies never
  }
}

/** The values of a field in a frame. */
export function valuesOf({ fields, read = (value) => value }: JudgedField, row: Row): readonly string[] {
  return fields.flatMap((one) => (row.get(one) ?? []).flatMap((value) => read(value, one)))
}
