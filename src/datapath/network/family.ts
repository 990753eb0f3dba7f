// Addresses as rtnetlink carries them: 4 or 16 bytes, beside the number of their family.

import { isIPv4 } from 'node:net'
import { addressBytes, formatAddress } from '../../wire/ip.ts'
import { MalformedMessage } from './netlink.ts'

export const AF_INET = 2
export const AF_INET6 = 10
export type Family = typeof AF_INET | typeof AF_INET6

const ipv4Offset = 12 // in the 16-byte form

export const familyOf = (address: string): Family => (isIPv4(address) ? AF_INET : AF_INET6)

export const addressValue = (address: string): Uint8Array =>
  isIPv4(address) ? addressBytes(address).subarray(ipv4Offset) : addressBytes(address)

/** Canonical text of 4 or 16 bytes. */
export function addressText(value: Uint8Array): string {
  if (value.length === 16) return formatAddress(value)
  if (value.length !== 4) throw new MalformedMessage(`an address of ${value.length} bytes`)
  return value.join('.')
}
