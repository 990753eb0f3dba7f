// Messages that tshark calls something else than their specifications do. Case, spaces and signs do not count, nor does
// a protocol's name before that of the message.

/** By tshark's field, then by tshark's name: the specification's. */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // TS 29.281, table 6.1-1
  'gtp.message': {
    'T-PDU': 'G-PDU',
    'Supported extension header notification': 'Supported Extension Headers Notification',
  },
}

/** 3GPP registered some commands of Diameter with its name before theirs. */
const prefixes = /^(?:PFCP |3GPP-)/

export const plainName = (name: string): string =>
  name
    .replace(prefixes, '')
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .toLowerCase()

/** Of one that is not known: with its number alone. */
export const ourName = (name: string): string =>
  plainName(name).replace(/^(?:message|chunk|command)(?=\d+$)/, 'unknown')

/** A name of tshark's as the specification has it, plain. */
export const specifiedName = (field: string, name: string): string => plainName(renamed[field]?.[name] ?? name)
