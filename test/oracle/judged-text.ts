// Diameter and SIP, judged by tshark.

import type { Message } from '../../src/captures/index.ts'
import { diameter as plugin, readAvps } from '../../src/protocols/diameter/index.ts'
import type { Avp, DiameterMessage } from '../../src/protocols/diameter/index.ts'
import { field, keysOf, nameOf, set, type Judged } from './judged.ts'
import { wholeWords } from './judged-sctp.ts'
import type { Row } from './tshark.ts'

const everyAvp = (avps: readonly Avp[]): readonly Avp[] =>
  avps.flatMap((avp) => [avp, ...(avp.value instanceof Uint8Array ? [] : everyAvp(avp.value))])
const diameterOf = ({ bytes }: Message): DiameterMessage => plugin.decode(bytes)
const avpsOf = (message: Message): readonly Avp[] => everyAvp(readAvps(diameterOf(message).body))
const avpLength = ({ value, vendor }: Avp): number =>
  (vendor === null ? 8 : 12) +
  (value instanceof Uint8Array ? value.length : value.reduce((sum, avp) => sum + wholeWords(avpLength(avp)), 0))

export const diameter: Judged = {
  layer: 'diameter',
  protocols: ['diameter'],
  present: ['diameter.cmd.code'],
  name: { kind: 'values', of: 'diameter.cmd.code' },
  ourNames: ({ description }) => [description.name.replace(/-(?:Request|Answer)$/, '')],
  fields: [
    field('command', 'diameter.cmd.code', (message) => [diameterOf(message).command]),
    field('request', 'diameter.flags.request', (message) => [diameterOf(message).request ? 1 : 0], {
      read: (value) => (value === '1' || value === 'True' ? '1' : '0'),
    }),
    field('length', 'diameter.length', ({ bytes }) => [bytes.length]),
    field('application', 'diameter.applicationId', (message) => [diameterOf(message).application]),
    field('hop-by-hop', 'diameter.hopbyhopid', (message) => [diameterOf(message).hopByHop]),
    field('end-to-end', 'diameter.endtoendid', (message) => [diameterOf(message).endToEnd]),
    field('AVPs', 'diameter.avp.code', (message) => avpsOf(message).map(({ code }) => code)),
    field('AVP lengths', 'diameter.avp.len', (message) => avpsOf(message).map(avpLength)),
    set(
      'Session-Id',
      'diameter.Session-Id',
      (message) => keysOf(message, 'session-id'),
      (value) => value,
    ),
  ],
}

/** Of a frame with one message: its method, or status and method. */
function sipNames(row: Row): readonly string[] {
  const methods = row.get('sip.Method') ?? []
  const statuses = row.get('sip.Status-Code') ?? []
  const answered = (row.get('sip.CSeq.method') ?? []).slice(-statuses.length)
  return [...methods, ...statuses.map((status, at) => `${status} ${answered[at] ?? ''}`)]
}

interface SipFields {
  readonly via?: readonly { readonly transport?: string; readonly sentBy?: string; readonly branch?: string }[]
  readonly from?: { readonly tag?: string }
  readonly to?: { readonly tag?: string }
  readonly cseq?: string
  readonly maxForwards?: number
  readonly contentLength?: number
}
const sipOf = ({ description }: Message): SipFields => description.fields
const viasOf = (message: Message): NonNullable<SipFields['via']> => sipOf(message).via ?? []
const present = <T>(value: T | undefined): readonly T[] => (value === undefined ? [] : [value])
/** tshark leaves the end of a line where it is the last parameter's, as text. */
const asIs = (value: string): string => value.replaceAll(/(?:\\r\\n)+$/g, '')
/** Of `192.0.2.1:5060`, `[2001:db8::1]`; tshark leaves out the brackets. */
const hostOf = (sentBy: string): string => sentBy.replace(/(?<=\]|^[^:]*):\d+$/, '').replaceAll(/[[\]]/g, '')

export const sip: Judged = {
  layer: 'sip',
  protocols: ['sip'],
  present: ['sip.Method', 'sip.Status-Code'],
  name: { kind: 'text', fields: ['sip.Method', 'sip.Status-Code', 'sip.CSeq.method'], read: sipNames },
  ourNames: nameOf,
  fields: [
    set('Call-ID', 'sip.Call-ID', (message) => keysOf(message, 'call-id'), asIs),
    field('CSeq', 'sip.CSeq', (message) => present(sipOf(message).cseq), { read: asIs }),
    field('Via transport', 'sip.Via.transport', (message) => viasOf(message).flatMap((via) => present(via.transport)), {
      read: asIs,
    }),
    field(
      'Via sent-by',
      'sip.Via.sent-by.address',
      (message) => viasOf(message).flatMap(({ sentBy }) => present(sentBy).map(hostOf)),
      { read: asIs },
    ),
    field('Via branch', 'sip.Via.branch', (message) => viasOf(message).flatMap((via) => present(via.branch)), {
      read: asIs,
    }),
    field('From tag', 'sip.from.tag', (message) => present(sipOf(message).from?.tag), { read: asIs }),
    field('To tag', 'sip.to.tag', (message) => present(sipOf(message).to?.tag), { read: asIs }),
    field('Max-Forwards', 'sip.Max-Forwards', (message) => present(sipOf(message).maxForwards)),
    field('Content-Length', 'sip.Content-Length', (message) => present(sipOf(message).contentLength)),
  ],
}
