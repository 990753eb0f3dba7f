// NGAP and S1AP, judged by tshark.

import { Buffer } from 'node:buffer'
import type { Message } from '../../src/captures/index.ts'
import { ngap as ngapPlugin, type NgapMessage } from '../../src/protocols/ngap/index.ts'
import { procedures as ngapProcedures } from '../../src/protocols/ngap/procedures.ts'
import { s1ap as s1apPlugin } from '../../src/protocols/s1ap/index.ts'
import { procedures as s1apProcedures } from '../../src/protocols/s1ap/procedures.ts'
import {
  addressesOf,
  field,
  hexNumber,
  keysOf,
  nameOf,
  number,
  numbersOf,
  set,
  somewhere,
  type Judged,
  type JudgedName,
} from './judged.ts'

/** A bit string of tshark's, whose last byte has zeros behind the bits. */
const bits =
  (width: number) =>
  (value: string): string => {
    const bytes = Buffer.from(value.replaceAll(':', ''), 'hex')
    return (BigInt(`0x${bytes.toString('hex')}`) >> BigInt(bytes.length * 8 - width)).toString()
  }

/** Region, set and pointer of the AMFs that a message names. */
const amfsOf = (message: Message, part: 'region' | 'set' | 'pointer'): readonly bigint[] => {
  const guamis = keysOf(message, 'guami').map((value) => BigInt(value))
  if (part === 'region') return guamis.map((value) => (value >> 16n) & 0xffn)
  const ids = [
    ...guamis.map((value) => value & 0xffffn),
    ...keysOf(message, 's-tmsi').map((value) => BigInt(value) >> 32n),
  ]
  return ids.map((id) => (part === 'set' ? (id >> 6n) & 0x3ffn : id & 0x3fn))
}

const tmsisOf = (message: Message): readonly bigint[] =>
  keysOf(message, 's-tmsi').map((value) => BigInt(value) & 0xffff_ffffn)

/** Messages of both are alike. */
const procedureOf = ({ bytes, protocol }: Message): NgapMessage =>
  (protocol.name === 'ngap' ? ngapPlugin : s1apPlugin).decode(bytes)
const elementIds = (message: Message): readonly number[] => procedureOf(message).elements.map(({ id }) => id)

const messagesAmong = (procedures: readonly (readonly (string | undefined)[])[], prefix: string): JudgedName => ({
  kind: 'fields',
  prefix,
  among: [...new Set(procedures.flat())].flatMap((name) => (name === undefined ? [] : [`${prefix}${name}_element`])),
})

export const ngap: Judged = {
  layer: 'ngap',
  protocols: ['ngap'],
  present: ['ngap.NGAP_PDU'],
  name: messagesAmong(ngapProcedures, 'ngap.'),
  ourNames: nameOf,
  fields: [
    field('procedure', 'ngap.procedureCode', (message) => [procedureOf(message).procedure], { as: 'within' }),
    field('elements', 'ngap.id', elementIds, { as: 'within' }),
    set('AMF-UE-NGAP-ID', 'ngap.AMF_UE_NGAP_ID', (message) => numbersOf(message, 'amf-ue'), number),
    set('RAN-UE-NGAP-ID', 'ngap.RAN_UE_NGAP_ID', (message) => numbersOf(message, 'ran-ue'), number),
    set('5G-TMSI', 'ngap.fiveG_TMSI', tmsisOf, number),
    set('AMF region', 'ngap.aMFRegionID', (message) => amfsOf(message, 'region'), bits(8)),
    set('AMF set', 'ngap.aMFSetID', (message) => amfsOf(message, 'set'), bits(10)),
    set('AMF pointer', 'ngap.aMFPointer', (message) => amfsOf(message, 'pointer'), bits(6)),
    set('TEID', 'ngap.gTP_TEID', (message) => numbersOf(message, 'teid'), hexNumber),
    // Addresses of nodes go by the same name.
    field(
      'tunnel address',
      ['ngap.TransportLayerAddressIPv4', 'ngap.TransportLayerAddressIPv6'],
      (message) => addressesOf(message, 'teid'),
      { as: 'within', read: somewhere },
    ),
  ],
}

const s1apTeids = ['s1ap.gTP_TEID', 's1ap.dL_gTP_TEID', 's1ap.dL_GTP_TEID', 's1ap.uL_GTP_TEID']

export const s1ap: Judged = {
  layer: 's1ap',
  protocols: ['s1ap'],
  present: ['s1ap.S1AP_PDU'],
  name: messagesAmong(s1apProcedures, 's1ap.'),
  ourNames: nameOf,
  fields: [
    field('procedure', 's1ap.procedureCode', (message) => [procedureOf(message).procedure], { as: 'within' }),
    field('elements', 's1ap.id', elementIds, { as: 'within' }),
    set('MME-UE-S1AP-ID', 's1ap.MME_UE_S1AP_ID', (message) => numbersOf(message, 'mme-ue'), number),
    set('eNB-UE-S1AP-ID', 's1ap.ENB_UE_S1AP_ID', (message) => numbersOf(message, 'enb-ue'), number),
    set('M-TMSI', 's1ap.m_TMSI', tmsisOf, number),
    set('TEID', s1apTeids, (message) => numbersOf(message, 'teid'), hexNumber),
    // Addresses of nodes go by the same name.
    field(
      'tunnel address',
      ['s1ap.transportLayerAddressIPv4', 's1ap.transportLayerAddressIPv6'],
      (message) => addressesOf(message, 'teid'),
      { as: 'within', read: somewhere },
    ),
  ],
}
