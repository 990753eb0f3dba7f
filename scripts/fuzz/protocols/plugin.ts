// What must hold of a plugin, whatever the bytes are.

import { isDeepStrictEqual } from 'node:util'
import { splitDatagram, type AnyProtocol } from '../../../src/protocols/index.ts'
import { ngapUeKeys } from '../../../src/protocols/ngap/index.ts'
import { sessionKinds, type AddressMap, type SessionKey } from '../../../src/protocols/protocol.ts'
import { s1apUeKeys } from '../../../src/protocols/s1ap/index.ts'
import { DecodeError } from '../../../src/wire/decode-error.ts'
import type { Draw } from '../../../test/bpf/random/draw.ts'
import { Broken, mustHold } from './subject.ts'

const kinds = new Set<string>(sessionKinds)
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** What it gives, or how it is refused. Any other error is a finding. */
function attempt<T>(action: () => T, length: number): T | DecodeError {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const { offset, path, reason } = error
    mustHold(Number.isInteger(offset) && offset >= 0 && offset <= length, `offset ${offset} of ${length}: ${reason}`)
    mustHold(reason !== '', 'refused without a reason')
    mustHold(
      path.every((name) => typeof name === 'string' && name !== ''),
      `a path with a nameless element: ${JSON.stringify(path)}`,
    )
    return error
  }
}

export function checkPlugin(protocol: AnyProtocol, bytes: Uint8Array, draw: Draw): string {
  const before = Buffer.from(bytes)
  checkFrames(protocol, bytes, draw)
  checkSplit(protocol, bytes)
  const message = attempt(() => protocol.decode(bytes), bytes.length)
  checkUeKeys(protocol, bytes, message instanceof DecodeError ? null : message)
  if (message instanceof DecodeError) {
    mustHold(isSame(before, bytes), 'decode has changed the bytes')
    return `!${message.reason} ${message.path.map((name) => name.replaceAll(/\d+/g, '')).join('/')}`
  }
  const { fields, name } = protocol.describe(message)
  mustHold(typeof name === 'string' && name !== '', 'no name')
  const shape = shapeOf(fields)
  const keys = protocol.sessions(message)
  checkKeys(keys)
  const written = protocol.encode(message)
  if (!isSame(before, written)) throw new Broken(`written as ${hexOf(written)}`)
  checkLearn(protocol, message)
  checkTranslate(protocol, message, before)
  mustHold(isSame(before, bytes), 'the bytes were changed')
  return `${name} ${shape} ${keys.map(({ kind }) => kind).join(',')}`
}

/** Names of fields, and what kinds of values they have. Throws where a value may not be there. */
function shapeOf(value: unknown, depth = 0): string {
  mustHold(depth < 64, 'fields are nested without end')
  if (typeof value === 'number') mustHold(Number.isFinite(value), `a field is ${value}`)
  if (typeof value !== 'object') {
    mustHold(['number', 'string', 'bigint', 'boolean'].includes(typeof value), `a field is ${typeof value}`)
    return ''
  }
  mustHold(value !== null && !ArrayBuffer.isView(value), 'a field is null or bytes')
  if (Array.isArray(value)) {
    const shapes = value.map((item: unknown) => shapeOf(item, depth + 1))
    return `[${[...new Set(shapes)].toSorted().join('|')}]`
  }
  const entries = Object.entries(value).map(([name, item]) => name + shapeOf(item, depth + 1))
  return `{${entries.join(',')}}`
}

function checkKeys(keys: readonly SessionKey[]): void {
  const seen = new Set<string>()
  for (const { kind, value } of keys) {
    mustHold(kinds.has(kind), `no kind of session: ${kind}`)
    mustHold(typeof value === 'string' && value !== '', `a key of ${kind} is empty`)
    const text = `${kind} ${value}`
    mustHold(!seen.has(text), `the key ${text} twice`)
    seen.add(text)
  }
}

function checkLearn(protocol: AnyProtocol, message: unknown): void {
  for (const side of ['client', 'endpoint'] as const) {
    for (const { action, key } of protocol.learn?.(message, side) ?? []) {
      mustHold(action === 'add' || action === 'remove', `learned: ${action as string}`)
      checkKeys([key])
    }
  }
}

const unchanged: AddressMap = {
  address: (bytes) => bytes,
  name: (text) => text,
  teid: (_, teid) => teid,
  seid: (_, seid) => seid,
}
/** Done twice, it changes nothing. */
const turned: AddressMap = {
  address(bytes) {
    mustHold(bytes.length === 4 || bytes.length === 16, `an address of ${bytes.length} bytes`)
    return bytes.map((byte) => byte ^ 0x55)
  },
  teid: (_, teid) => (teid ^ 0x55aa55aa) >>> 0,
  seid: (_, seid) => seid ^ 0x55aa55aa55aa55aan,
}
const longer: AddressMap = { ...unchanged, name: (text) => `x.${text}` }

function checkTranslate(protocol: AnyProtocol, message: unknown, before: Uint8Array): void {
  if (protocol.translate === undefined) return
  const encode = (what: unknown): Uint8Array => protocol.encode(what)
  const translate = (from: unknown, names: AddressMap): unknown => protocol.translate!(from, names)
  mustHold(isSame(encode(translate(message, unchanged)), before), 'translated to the same, it is not the same')
  const other = encode(translate(message, turned))
  // Addresses that are text have many forms and lengths.
  const isText = protocol.name === 'sip'
  mustHold(isText || other.length === before.length, 'other addresses of the same length change the length')
  const again = attempt(() => protocol.decode(other), other.length)
  if (again instanceof DecodeError) throw new Broken(`translated to ${hexOf(other)}, it is refused: ${again.message}`)
  const back = encode(translate(again, turned))
  if (!isText && !isSame(back, before)) throw new Broken(`translated to ${hexOf(other)} and back, it is ${hexOf(back)}`)
  let named: Uint8Array
  try {
    named = encode(translate(message, longer))
  } catch (error) {
    if (error instanceof RangeError) return
    throw error
  }
  const renamed = attempt(() => protocol.decode(named), named.length)
  if (renamed instanceof DecodeError) throw new Broken(`renamed to ${hexOf(named)}, it is refused: ${renamed.message}`)
}

/** Where a message ends in a stream does not depend on how much of the stream is there. */
function checkFrames(protocol: AnyProtocol, bytes: Uint8Array, draw: Draw): void {
  if (protocol.frame === undefined) return
  const found = (length: number): number | null | DecodeError => {
    const frame = attempt(() => protocol.frame!(bytes.subarray(0, length)), length)
    mustHold(
      !(typeof frame === 'number') || (Number.isInteger(frame) && frame > 0),
      `a frame of ${String(frame)} bytes`,
    )
    return frame
  }
  const whole = found(bytes.length)
  const some = found(draw(bytes.length + 1))
  if (typeof some === 'number')
    mustHold(some === whole, `a part of the stream says ${some}, all of it ${String(whole)}`)
  if (whole === null) mustHold(some === null, 'a part of the stream is refused, and all of it is not')
  if (typeof whole === 'number') mustHold(some === null || some === whole, 'a part of the stream is refused')
}

function checkSplit(protocol: AnyProtocol, bytes: Uint8Array): void {
  const parts = attempt(() => splitDatagram(protocol, bytes), bytes.length)
  if (parts instanceof DecodeError) return
  mustHold(isSame(Buffer.concat(parts), bytes), 'the messages of a datagram are not all of it')
}

/** The way without decoding sees the same numbers of UEs, where the decoder reads the message. */
function checkUeKeys(protocol: AnyProtocol, bytes: Uint8Array, message: unknown): void {
  const { name } = protocol
  const read = name === 'ngap' ? ngapUeKeys : name === 's1ap' ? s1apUeKeys : null
  if (read === null) return
  const keys = attempt(() => read(bytes), bytes.length)
  if (message === null || keys === null) return
  if (keys instanceof DecodeError) throw new Broken(`decoded, but its keys cannot be read: ${keys.message}`)
  const [core, ran] = name === 'ngap' ? ['amf-ue', 'ran-ue'] : ['mme-ue', 'enb-ue']
  const known = new Set(
    protocol
      .sessions(message)
      .filter(({ kind }) => kind === core || kind === ran)
      .map(({ kind, value }) => `${kind} ${BigInt(value)}`),
  )
  const wanted = [
    ...(keys.core === null ? [] : [`${core} ${keys.core}`]),
    ...(keys.ran === null ? [] : [`${ran} ${keys.ran}`]),
  ]
  const missing = wanted.filter((key) => !known.has(key))
  mustHold(isDeepStrictEqual(missing, []), `keys that the decoder does not see: ${missing.join(', ')}`)
}
