// The same message with other addresses and host names: those by which SIP elements find each other, and media theirs.
// No other byte changes but Content-Length, where the body becomes longer or shorter.

import { formatAddress, isMappedIPv4, parseAddress } from '../../wire/ip.ts'
import { headerTypes } from './header-names.ts'
import { headersOf } from './headers.ts'
import { splice } from './message.ts'
import { addressesOfSdp } from './sdp.ts'
import { chars, isText, latin1, tokenEnd } from './text.ts'
import { hostsOfUri, itemsOf, parameterOf, readAddress, readVia } from './values.ts'
import type { AddressMap } from '../protocol.ts'
import type { Edit, SipMessage, SipRequest, SipResponse } from './message.ts'
import type { Span } from './text.ts'

export function translate(message: SipMessage, names: AddressMap): SipMessage {
  if (message.kind === 'keepalive') return message
  const { body, bodyEnd, bytes } = message
  const inBody = replaceHosts(bytes, sdpAddresses(message), names)
  const grown = inBody.reduce((sum, { end, start, text }) => sum + text.length - (end - start), 0)
  const edits: Edit[] = message.kind === 'request' ? replaceHosts(bytes, requestHosts(message), names) : []
  for (const { name, value } of headersOf(message)) {
    const type = headerTypes.get(name)
    if (type?.isRouting === true) {
      for (const item of itemsOf(bytes, value)) {
        const hosts = type.value === 'vias' ? viaHosts(bytes, item) : addressHosts(bytes, item)
        edits.push(...replaceHosts(bytes, hosts, names))
      }
    } else if (name === 'content-length' && grown !== 0) {
      edits.push({ ...value, text: `${bodyEnd - body + grown}` })
    }
  }
  return splice(message, [...edits, ...inBody])
}

const requestHosts = ({ bytes, methodEnd, uriEnd }: SipRequest): readonly Span[] =>
  hostsOfUri(bytes, { start: methodEnd + 1, end: uriEnd })

function addressHosts(bytes: Uint8Array, item: Span): readonly Span[] {
  const address = readAddress(bytes, item)
  return address === null ? [] : hostsOfUri(bytes, address.uri)
}

function viaHosts(bytes: Uint8Array, item: Span): readonly Span[] {
  const via = readVia(bytes, item)
  if (via === null) return []
  const received = parameterOf(bytes, via.parameters, 'received')?.value
  const maddr = parameterOf(bytes, via.parameters, 'maddr')?.value
  const hosts = [via.host]
  if (received) hosts.push(received)
  if (maddr) hosts.push(maddr)
  return hosts.length === 3 ? hosts.toSorted((a, b) => a.start - b.start) : hosts
}

/** None where the body is something else, in parts, or compressed. */
function sdpAddresses(message: SipRequest | SipResponse): readonly Span[] {
  const { body, bodyEnd, bytes } = message
  if (body === bodyEnd) return []
  let isSdp = false
  for (const { name, value } of headersOf(message)) {
    if (name === 'content-encoding' && !isText(bytes, value.start, value.end, 'identity')) return []
    if (name === 'content-type') isSdp = isSdpType(bytes, value)
  }
  return isSdp ? addressesOfSdp(bytes, { start: body, end: bodyEnd }) : []
}

function isSdpType(bytes: Uint8Array, { end, start }: Span): boolean {
  const type = tokenEnd(bytes, start, end)
  if (bytes[type] !== chars.slash) return false
  return isText(bytes, start, tokenEnd(bytes, type + 1, end), 'application/sdp')
}

function replaceHosts(bytes: Uint8Array, hosts: readonly Span[], names: AddressMap): Edit[] {
  const edits: Edit[] = []
  for (const { end, start } of hosts) {
    const isBracketed = bytes[start] === chars.leftBracket
    const host = isBracketed ? { start: start + 1, end: end - 1 } : { start, end }
    const before = latin1(bytes, host.start, host.end)
    const text = replaceHost(before, names)
    if (text !== before) edits.push({ ...host, text })
  }
  return edits
}

function replaceHost(host: string, names: AddressMap): string {
  const bytes = parseAddress(host)
  if (bytes === undefined) return replaceName(host, names)
  const isLong = host.includes(':')
  const address = isLong ? bytes : bytes.subarray(12)
  const other = names.address(address)
  if (other.length !== address.length) throw new RangeError(`${other.length} bytes in the place of ${address.length}`)
  if (other.every((byte, i) => byte === address[i])) return host
  if (!isLong) return other.join('.')
  return isMappedIPv4(other) ? `::ffff:${formatAddress(other)}` : formatAddress(other)
}

/** What would end the host, and so change the rest of the message, is no name. */
const notInNames = /[\0- "<>@:;,?/\\[\]\x7f-\uffff]|^$/

function replaceName(host: string, names: AddressMap): string {
  const other = names.name?.(host) ?? host
  if (other !== host && notInNames.test(other)) throw new RangeError(`not a host name: ${JSON.stringify(other)}`)
  return other
}
