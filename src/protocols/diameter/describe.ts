// A message for people: the fields of its header, and its AVPs by their names.

import { DecodeError } from '../../wire/decode-error.ts'
import { ElementFields } from '../element-table.ts'
import { hexText, named } from '../element-values.ts'
import { teidText } from '../session-keys.ts'
import { applications } from './applications.ts'
import { commandNames } from './commands.ts'
import { failedAvp } from './values.ts'
import { checkAvp, spans, typeOf, walk } from './walk.ts'
import type { Description, FieldValue } from '../protocol.ts'
import type { DiameterMessage } from './codec.ts'
import type { AvpSpan } from './walk.ts'

export const nameOf = ({ command, request }: DiameterMessage): string =>
  `${commandNames[command] ?? `Command ${command}`}-${request ? 'Request' : 'Answer'}`

export function describe(message: DiameterMessage): Description {
  const { application, body, endToEnd, error, hopByHop, proxiable, retransmitted } = message
  return {
    name: nameOf(message),
    fields: {
      application: named(applications, application),
      hopByHop: teidText(hopByHop),
      endToEnd: teidText(endToEnd),
      ...(proxiable ? { proxiable } : {}),
      ...(error ? { error } : {}),
      ...(retransmitted ? { retransmitted } : {}),
      ...describeAvps(body, 0, body.length),
    },
  }
}

/** Those that stand nowhere in the table are in `unknown`. */
function describeAvps(bytes: Uint8Array, start: number, end: number, inFailed = false): Record<string, FieldValue> {
  const fields = new ElementFields()
  for (const span of spans(bytes, start, end)) {
    const type = typeOf(span.code, span.vendor)
    fields.add(type?.field ?? 'unknown', show(bytes, span, inFailed), type?.many)
  }
  return fields.all
}

function show(bytes: Uint8Array, { code, end, start, vendor }: AvpSpan, inFailed: boolean): FieldValue {
  const type = typeOf(code, vendor)
  if (type === undefined) return { code, ...(vendor === 0 ? {} : { vendor }), value: hexText(bytes, start, end) }
  if (type.value === null) return describeAvps(bytes, start, end, inFailed)
  if (end - start < (type.value.leastBytes ?? 0)) return { malformed: hexText(bytes, start, end) }
  try {
    if (type.value === failedAvp && !inFailed) return showFailed(bytes, start, end)
    return type.value.show(bytes, start, end)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { malformed: hexText(bytes, start, end) }
  }
}

/** What failed may be what cannot be read, so that `decode` has not looked at it. One inside another stays bytes. */
function showFailed(bytes: Uint8Array, start: number, end: number): FieldValue {
  walk(bytes, start, end, checkAvp)
  return describeAvps(bytes, start, end, true)
}
