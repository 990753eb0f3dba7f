// The headers by which network functions of the 5G core, and the proxies between them, tell where a message is to go,
// whom it binds, and how loaded they are (TS 29.500): `3gpp-Sbi-*`. A grammar; the framing of HTTP/2 is another matter.

export { formatSbiHeader, parseSbiHeader, readSbiHeaders, writeSbiHeaders } from './fields.ts'
export { sbiHeaders } from './headers.ts'
export type { HeaderField, SbiHeaderName, SbiHeaders, SbiValues } from './fields.ts'
