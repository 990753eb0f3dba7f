// A message for people: its start line, and the headers of `header-names.ts` by their names.

import { headerTypes } from './header-names.ts'
import { headersOf, methodOf } from './headers.ts'
import { decimalOf, Texts, trim } from './text.ts'
import { itemsOf, parameterOf, readAddress, readVia } from './values.ts'
import type { Description, FieldValue } from '../protocol.ts'
import type { HeaderType } from './header-names.ts'
import type { SipMessage, SipRequest, SipResponse } from './message.ts'
import type { Span } from './text.ts'
import type { Parameter } from './values.ts'

/** A message and its text. */
interface Shown {
  readonly bytes: Uint8Array
  readonly texts: Texts
}

/** `INVITE` of a request; `180 INVITE` of a response, whose method is that of its CSeq. */
export function nameOf(message: SipMessage): string {
  if (message.kind === 'keepalive') return 'Keepalive'
  const method = methodOf(message)
  if (message.kind === 'request') return method
  return method === '' ? `${message.status}` : `${message.status} ${method}`
}

export function describe(message: SipMessage): Description {
  const name = nameOf(message)
  if (message.kind === 'keepalive') return { name, fields: { form: message.form } }
  const { bytes } = message
  const shown = { bytes, texts: new Texts(bytes, message.start, message.body) }
  return { name, fields: addHeaders(startLine(message, shown.texts), message, shown) }
}

function startLine(message: SipRequest | SipResponse, texts: Texts): Fields {
  if (message.kind === 'request') return { uri: texts.of({ start: message.methodEnd + 1, end: message.uriEnd }) }
  const { bytes, headers, start, status } = message
  return { status, reason: texts.of(trim(bytes, start + statusBytes, headers)) }
}

const statusBytes = 'SIP/2.0 200'.length

type Fields = Record<string, FieldValue>

/** Of those that may stand once, the first; lists go on from header to header. */
function addHeaders(fields: Fields, message: SipRequest | SipResponse, shown: Shown): Fields {
  const lists = new Map<string, FieldValue[]>()
  for (const { name, value } of headersOf(message)) {
    const type = headerTypes.get(name)
    if (type === undefined) continue
    if (type.value === 'vias' || type.value === 'addresses') {
      let list = lists.get(name)
      if (list === undefined) lists.set(name, (list = []))
      for (const item of itemsOf(shown.bytes, value))
        list.push(type.value === 'vias' ? via(shown, item) : uri(shown, item))
      fields[type.field] = list
    } else {
      fields[type.field] ??= single(shown, type, value)
    }
  }
  return fields
}

function single(shown: Shown, { value: kind }: HeaderType, value: Span): FieldValue {
  if (kind === 'address') return address(shown, value)
  const number = kind === 'number' ? decimalOf(shown.bytes, value) : null
  return number ?? shown.texts.of(value)
}

function via(shown: Shown, item: Span): FieldValue {
  const { bytes, texts } = shown
  const found = readVia(bytes, item)
  if (found === null) return { malformed: texts.of(item) }
  const { host, parameters, port, transport } = found
  const sentBy = port === null ? texts.of(host) : `${texts.of(host)}:${texts.of(port)}`
  const fields: Fields = { transport: texts.of(transport), sentBy }
  for (const name of ['branch', 'received', 'rport', 'maddr']) addParameter(fields, shown, parameters, name)
  return fields
}

/** True: the parameter is a name alone. */
function addParameter(fields: Fields, { bytes, texts }: Shown, parameters: readonly Parameter[], name: string): void {
  const parameter = parameterOf(bytes, parameters, name)
  if (parameter !== null) fields[name] = parameter.value === null ? true : texts.of(parameter.value)
}

function address(shown: Shown, value: Span): FieldValue {
  const { bytes, texts } = shown
  const found = readAddress(bytes, value)
  if (found === null) return { malformed: texts.of(value) }
  const fields: Fields = found.name === null ? {} : { name: texts.of(found.name) }
  fields['uri'] = texts.of(found.uri)
  addParameter(fields, shown, found.parameters, 'tag')
  return fields
}

function uri({ bytes, texts }: Shown, item: Span): FieldValue {
  const found = readAddress(bytes, item)
  return found === null ? { malformed: texts.of(item) } : texts.of(found.uri)
}
