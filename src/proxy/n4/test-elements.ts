// Elements and messages of PFCP for the tests of the N4 proxy, written and read by the codec alone.

import {
  readElements,
  typedFSeid,
  typedFTeid,
  typedNodeId,
  typedNumber,
  writeElements,
} from '../../protocols/pfcp/index.ts'
import { addressBytes, formatAddress } from '../../wire/ip.ts'
import type { PfcpElement, PfcpMessage } from '../../protocols/pfcp/index.ts'

export const vip = '192.0.2.1'
export const n3Vip = '192.0.2.2'

export const ipv4 = (text: string): Uint8Array => addressBytes(text).slice(12)
export const number16 = typedNumber(2)
export const number32 = typedNumber(4)
export const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values)
export const of = (type: number, ...value: readonly number[]): PfcpElement => ({ type, value: bytes(...value) })
export const groupOf = (type: number, ...value: readonly PfcpElement[]): PfcpElement => ({ type, value })
export const nodeIdOf = (address: string): PfcpElement => ({
  type: 60,
  value: typedNodeId.write({ kind: 'address', address: ipv4(address) }),
})
export const fSeidOf = (seid: bigint, address: string): PfcpElement => ({
  type: 57,
  value: typedFSeid.write({ seid, ipv4: ipv4(address), ipv6: null }),
})
export const fTeidOf = (teid: number, address: string): PfcpElement => ({
  type: 21,
  value: typedFTeid.write({ kind: 'given', teid, ipv4: ipv4(address), ipv6: null }),
})
export const chooseOf = (chooseId: number | null = null): PfcpElement => ({
  type: 21,
  value: typedFTeid.write({ kind: 'choose', ipv4: true, ipv6: false, chooseId }),
})
export const ueAddressOf = (address: string): PfcpElement => of(93, 6, ...ipv4(address))
export const far = groupOf(3, { type: 108, value: number32.write(1) }, of(44, 2))

export const pdrOf = (id: number, ...detects: readonly PfcpElement[]): PfcpElement =>
  groupOf(1, { type: 56, value: number16.write(id) }, groupOf(2, of(20, 0), ...detects))

/** The value of the first element on this way down. */
export function valueAt(elements: readonly PfcpElement[], ...path: readonly number[]): Uint8Array | null {
  const [type, ...rest] = path
  const found = elements.find((element) => element.type === type)?.value
  if (found === undefined) return null
  if (rest.length === 0) return found instanceof Uint8Array ? found : new Uint8Array()
  return found instanceof Uint8Array ? null : valueAt(found, ...rest)
}

export const elementsOf = ({ body }: PfcpMessage): readonly PfcpElement[] => readElements(body)
export const causeOf = (message: PfcpMessage): number => valueAt(elementsOf(message), 19)?.[0] ?? 0
export const allOf = (elements: readonly PfcpElement[], type: number): readonly (readonly PfcpElement[])[] =>
  elements.flatMap(({ type: other, value }) => (other === type && !(value instanceof Uint8Array) ? [value] : []))

export function fTeidsOf(message: PfcpMessage): readonly { readonly teid: number; readonly address: string }[] {
  const found: { teid: number; address: string }[] = []
  for (const { type, value } of elementsOf(message)) {
    if (value instanceof Uint8Array || ![8, 128, 256].includes(type)) continue
    const fTeid = valueAt(value, 21)
    const read = fTeid === null ? null : typedFTeid.read(fTeid)
    if (read?.kind === 'given' && read.ipv4 !== null)
      found.push({ teid: read.teid, address: formatAddress(Uint8Array.from([...mapped, ...read.ipv4])) })
  }
  return found
}

const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

/** Rules of a session with one tunnel that the UPF chooses. */
export const sessionOf = (address: string): readonly PfcpElement[] => [pdrOf(1, chooseOf(), ueAddressOf(address)), far]
export const pdrIdOf = (id: number): PfcpElement => ({ type: 56, value: number16.write(id) })

export const messageOf = (
  type: number,
  seid: bigint | null,
  sequence: number,
  elements: readonly PfcpElement[],
): PfcpMessage => ({ type, seid, sequence, priority: null, followOn: false, spare: 0, body: writeElements(elements) })
