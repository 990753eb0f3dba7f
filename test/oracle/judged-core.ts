// PFCP and GTP, judged by tshark.

import type { Message } from '../../src/captures/index.ts'
import * as plugins from '../../src/protocols/gtp/index.ts'
import { extensionsOf, qosFlowOf, type Gtpv1Message, type Gtpv2Message } from '../../src/protocols/gtp/index.ts'
import { types as gtpv2Types } from '../../src/protocols/gtp/v2-elements.ts'
import { spans as gtpv2Spans } from '../../src/protocols/gtp/v2-walk.ts'
import { pfcp as plugin, readElements, writeElements } from '../../src/protocols/pfcp/index.ts'
import type { PfcpElement, PfcpMessage } from '../../src/protocols/pfcp/index.ts'
import {
  addressesOf,
  field,
  identifiersOf,
  keysOf,
  nameOf,
  notNull,
  number,
  numbersOf,
  set,
  somewhere,
  type Judged,
} from './judged.ts'

const pfcpOf = ({ bytes }: Message): PfcpMessage => plugin.decode(bytes)
const everyPfcpElement = (elements: readonly PfcpElement[]): readonly PfcpElement[] =>
  elements.flatMap((element) => [
    element,
    ...(element.value instanceof Uint8Array ? [] : everyPfcpElement(element.value)),
  ])
const pfcpElements = (message: Message): readonly PfcpElement[] => everyPfcpElement(readElements(pfcpOf(message).body))
const lengthOf = ({ value }: PfcpElement): number =>
  value instanceof Uint8Array ? value.length : writeElements(value).length
const onNull = (value: number | bigint | null): readonly (number | bigint)[] => (value === null ? [] : [value])

export const pfcp: Judged = {
  layer: 'pfcp',
  protocols: ['pfcp'],
  present: ['pfcp.msg_type'],
  name: { kind: 'values', of: 'pfcp.msg_type' },
  ourNames: nameOf,
  fields: [
    field('type', 'pfcp.msg_type', (message) => [pfcpOf(message).type]),
    field('length', 'pfcp.length', ({ bytes }) => [bytes.length - 4]),
    field('sequence', 'pfcp.seqno', (message) => [pfcpOf(message).sequence]),
    field('elements', 'pfcp.ie_type', (message) => pfcpElements(message).map(({ type }) => type)),
    field('element lengths', 'pfcp.ie_len', (message) => pfcpElements(message).map(lengthOf)),
    set('SEID', 'pfcp.seid', (message) => identifiersOf(message, 'seid'), notNull),
    set('TEID', ['pfcp.f_teid.teid', 'pfcp.outer_hdr_creation.teid'], (message) => numbersOf(message, 'teid'), number),
    set(
      'session address',
      ['pfcp.f_seid.ipv4', 'pfcp.f_seid.ipv6'],
      (message) => addressesOf(message, 'seid'),
      somewhere,
    ),
    set(
      'tunnel address',
      [
        'pfcp.f_teid.ipv4_addr',
        'pfcp.f_teid.ipv6_addr',
        'pfcp.outer_hdr_creation.ipv4',
        'pfcp.outer_hdr_creation.ipv6',
      ],
      (message) => addressesOf(message, 'teid'),
      somewhere,
    ),
    set(
      'UE address',
      ['pfcp.ue_ip_addr_ipv4', 'pfcp.ue_ip_addr_ipv6'],
      (message) => addressesOf(message, 'ue-ip'),
      somewhere,
    ),
  ],
}

const isControl = ({ protocol }: Message): boolean => protocol.name === 'gtpv1c'
const gtpOf = (message: Message): Gtpv1Message =>
  (isControl(message) ? plugins.gtpv1c : plugins.gtp).decode(message.bytes)

export const gtp: Judged = {
  layer: 'gtp',
  protocols: ['gtp', 'gtpv1c'],
  present: ['gtp.message'],
  name: { kind: 'values', of: 'gtp.message' },
  ourNames: nameOf,
  fields: [
    field('type', 'gtp.message', (message) => [gtpOf(message).type]),
    // Lengths of elements go by the same name.
    field('length', 'gtp.length', (message) => [message.bytes.length - 8 - gtpOf(message).surplus], { as: 'within' }),
    field('header TEID', 'gtp.teid', (message) => [gtpOf(message).teid]),
    field('sequence', 'gtp.seq_number', (message) => onNull(gtpOf(message).sequence)),
    field('N-PDU', 'gtp.npdu_number', (message) => onNull(gtpOf(message).nPdu)),
    field('extensions', 'gtp.ext_hdr.next', (message) => extensionsOf(gtpOf(message)).map(({ type }) => type), {
      read: notNull,
    }),
    field('QFI', 'gtp.ext_hdr.pdu_ses_con.qos_flow_id', (message) => onNull(qosFlowOf(gtpOf(message)))),
    set('TEID', ['gtp.teid', 'gtp.teid_data', 'gtp.teid_cp'], (message) => identifiersOf(message, 'teid'), notNull),
    set('tunnel address', ['gtp.gsn_ipv4', 'gtp.gsn_ipv6'], (message) => addressesOf(message, 'teid'), somewhere),
    set('UE address', ['gtp.user_ipv4', 'gtp.user_ipv6'], (message) => addressesOf(message, 'ue-ip'), somewhere),
    set(
      'IMSI',
      'e212.imsi',
      (message) => (isControl(message) ? keysOf(message, 'imsi') : []),
      (value) => value,
    ),
  ],
}

interface Gtpv2Element {
  readonly type: number
  readonly length: number
}
function gtpv2Elements(body: Uint8Array, start = 0, end = body.length): readonly Gtpv2Element[] {
  return [...gtpv2Spans(body, start, end)].flatMap(({ end: to, start: from, type }) => [
    { type, length: to - from },
    ...(gtpv2Types[type]?.value === null ? gtpv2Elements(body, from, to) : []),
  ])
}
const gtpv2Of = ({ bytes }: Message): Gtpv2Message => plugins.gtpv2.decode(bytes)

export const gtpv2: Judged = {
  layer: 'gtpv2',
  protocols: ['gtpv2'],
  present: ['gtpv2.message_type'],
  name: { kind: 'values', of: 'gtpv2.message_type' },
  ourNames: nameOf,
  fields: [
    field('type', 'gtpv2.message_type', (message) => [gtpv2Of(message).type]),
    field('length', 'gtpv2.msg_length', ({ bytes }) => [bytes.length - 4]),
    field('header TEID', 'gtpv2.teid', (message) => onNull(gtpv2Of(message).teid)),
    field('sequence', 'gtpv2.seq', (message) => [gtpv2Of(message).sequence]),
    field('elements', 'gtpv2.ie_type', (message) => gtpv2Elements(gtpv2Of(message).body).map(({ type }) => type)),
    field('element lengths', 'gtpv2.ie_len', (message) =>
      gtpv2Elements(gtpv2Of(message).body).map(({ length }) => length),
    ),
    set('TEID', ['gtpv2.teid', 'gtpv2.f_teid_gre_key'], (message) => identifiersOf(message, 'teid'), notNull),
    set(
      'tunnel address',
      ['gtpv2.f_teid_ipv4', 'gtpv2.f_teid_ipv6'],
      (message) => addressesOf(message, 'teid'),
      somewhere,
    ),
    set(
      'UE address',
      ['gtpv2.pdn_addr_and_prefix.ipv4', 'gtpv2.pdn_addr_and_prefix.ipv6'],
      (message) => addressesOf(message, 'ue-ip'),
      somewhere,
    ),
    set(
      'IMSI',
      'e212.imsi',
      (message) => keysOf(message, 'imsi'),
      (value) => value,
    ),
  ],
}
