// Addresses with ports as tests write them: `10.0.0.1:80`, `[2001:db8::1]:80`; without one `10.0.0.1`, `2001:db8::1`.

import { isIPv6 } from 'node:net'
import { addressBytes } from '../../wire/ip.ts'

export type Socket = string
export type Family = 4 | 6

export function parseSocket(text: Socket): { readonly address: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  const portless = colon < 0 || isIPv6(text) || text.endsWith(']')
  const address = portless ? text : text.slice(0, colon)
  return { address: address.replaceAll(/[[\]]/g, ''), port: portless ? 0 : Number(text.slice(colon + 1)) }
}

/** A port may be a word that stands for one. */
export function socketOf(address: string, port: number | string): Socket {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

export function familyOf(socket: Socket): Family {
  return isIPv6(parseSocket(socket).address) ? 6 : 4
}

/** The four bytes of an IPv4 address. */
function ipv4Bytes(address: string): Uint8Array {
  return addressBytes(address).subarray(12)
}

/** The four or sixteen bytes that stand in an IP header. */
export function headerAddress(socket: Socket): Uint8Array {
  const { address } = parseSocket(socket)
  return isIPv6(address) ? addressBytes(address) : ipv4Bytes(address)
}
