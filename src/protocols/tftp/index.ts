// TFTP: RFC 1350, options by RFC 2347. All numbers in network order, all text ends with a zero byte:
//
//     | 1 read, 2 write | file | mode | (option | value)* |
//     | 3 data          | block (2)   | content           |
//     | 4 acknowledged  | block (2)   |
//     | 5 error         | code (2)    | text              |
//     | 6 options       | (option | value)*               |

import { DecodeError } from '../../wire/decode-error.ts'
import { join, read16 } from '../../wire/fields.ts'

export interface Option {
  /** lower case */
  readonly name: string
  readonly value: string
}

export type TftpMessage =
  | {
      readonly kind: 'read' | 'write'
      readonly file: string
      readonly mode: string
      readonly options: readonly Option[]
    }
  | { readonly kind: 'data'; readonly block: number; readonly content: Uint8Array }
  | { readonly kind: 'acknowledgement'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  | { readonly kind: 'options'; readonly options: readonly Option[] }

const opcodes = { read: 1, write: 2, data: 3, acknowledgement: 4, error: 5, options: 6 } as const

/** Requests are of one block at most (RFC 2347). */
const longestRequest = 512

export function decodeTftp(bytes: Uint8Array): TftpMessage {
  switch (read16(bytes, 0)) {
    case opcodes.read:
      return decodeRequest('read', bytes)
    case opcodes.write:
      return decodeRequest('write', bytes)
    case opcodes.data:
      return { kind: 'data', block: read16(bytes, 2), content: bytes.subarray(4) }
    case opcodes.acknowledgement:
      return { kind: 'acknowledgement', block: read16(bytes, 2) }
    case opcodes.error: {
      const code = read16(bytes, 2)
      const [text] = decodeTexts(bytes, 4)
      if (text === undefined) throw new DecodeError('truncated', bytes.length)
      return { kind: 'error', code, text }
    }
    case opcodes.options: {
      const options = pairs(decodeTexts(bytes, 2), bytes.length)
      if (options.length === 0) throw new DecodeError('truncated', bytes.length)
      return { kind: 'options', options }
    }
    default:
      throw new DecodeError('unknown opcode', 0)
  }
}

function decodeRequest(kind: 'read' | 'write', bytes: Uint8Array): TftpMessage {
  if (bytes.length > longestRequest) throw new DecodeError('request too long', longestRequest)
  const [file = '', mode = '', ...options] = decodeTexts(bytes, 2)
  if (file === '' || mode === '') throw new DecodeError('truncated', bytes.length)
  // Some clients fill their requests up with zeros.
  while (options.at(-1) === '') options.pop()
  return { kind, file, mode: mode.toLowerCase(), options: pairs(options, bytes.length) }
}

/** Texts up to the end; the last one must have its zero byte too. */
function decodeTexts(bytes: Uint8Array, offset: number): readonly string[] {
  const texts: string[] = []
  for (let at = offset; at < bytes.length;) {
    const end = bytes.indexOf(0, at)
    if (end < 0) throw new DecodeError('truncated', bytes.length)
    texts.push(Buffer.from(bytes.subarray(at, end)).toString('latin1'))
    at = end + 1
  }
  return texts
}

function pairs(texts: readonly string[], end: number): readonly Option[] {
  if (texts.length % 2 !== 0) throw new DecodeError('truncated', end)
  return texts.flatMap((name, index) =>
    index % 2 === 0 ? [{ name: name.toLowerCase(), value: texts[index + 1] ?? '' }] : [],
  )
}

const number = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff)
const text = (value: string): Uint8Array => Buffer.from(`${value}\0`, 'latin1')
const optionTexts = (options: readonly Option[]): readonly Uint8Array[] =>
  options.flatMap(({ name, value }) => [text(name), text(value)])

export function encodeTftp(message: TftpMessage): Uint8Array {
  const opcode = number(opcodes[message.kind])
  switch (message.kind) {
    case 'read':
    case 'write':
      return join(opcode, text(message.file), text(message.mode), ...optionTexts(message.options))
    case 'data':
      return join(opcode, number(message.block), message.content)
    case 'acknowledgement':
      return join(opcode, number(message.block))
    case 'error':
      return join(opcode, number(message.code), text(message.text))
    case 'options':
      return join(opcode, ...optionTexts(message.options))
    default:
      return message satisfies never
  }
}
