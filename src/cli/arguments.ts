// What people type after `create lb` and `delete lb`, turned into numbers and addresses.

import { isIPv4, isIPv6 } from 'node:net'
import { usage } from './errors.ts'

/** Options that may be repeated and hold comma lists. */
export const collect = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text.split(',').map((part) => part.trim()),
]

const parsePort = (text: string, whole: string): number => {
  const port = Number(text)
  if (/^[0-9]{1,5}$/.test(text) && port >= 1 && port <= 65535) return port
  if (/^[0-9]+-[0-9]+$/.test(text)) {
    throw usage(`"${whole}": port ranges are not in this build; give one port, or several with commas`)
  }
  throw usage(`"${whole}" is not a port pair: "${text}" is not a number from 1 to 65535 (PORT or PORT:TARGETPORT)`)
}

export interface PortPair {
  readonly port: number
  readonly targetPort: number
}

/** `80` or `80:8080`. */
export const parsePortPair = (text: string): PortPair => {
  const [port = '', targetPort, ...rest] = text.split(':')
  if (rest.length > 0) throw usage(`"${text}" is not a port pair: use PORT or PORT:TARGETPORT`)
  const first = parsePort(port, text)
  return { port: first, targetPort: targetPort === undefined ? first : parsePort(targetPort, text) }
}

export interface WeightedAddress {
  readonly address: string
  readonly weight: number
}

/** `10.0.0.1`, `10.0.0.1:3`, `2001:db8::1`, `[2001:db8::1]:3`. */
export const parseEndpoint = (text: string): WeightedAddress => {
  if (isIPv6(text)) return { address: text, weight: 1 }
  const [, bracketed, plain, weightText] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? []
  const address = bracketed ?? plain ?? ''
  if (!(bracketed === undefined ? isIPv4(address) : isIPv6(address))) {
    throw usage(`"${text}" is not an endpoint: use IP or IP:WEIGHT, an IPv6 address with a weight as [IP]:WEIGHT`)
  }
  if (weightText === undefined) return { address, weight: 1 }
  const weight = Number(weightText)
  if (!/^[0-9]{1,3}$/.test(weightText) || weight > 255) {
    throw usage(`"${text}": the weight is a number from 0 to 255, and "${weightText}" is not`)
  }
  return { address, weight }
}

/** A virtual address. */
export const parseAddress = (text: string): string => {
  if (isIPv4(text) || isIPv6(text)) return text
  throw usage(`"${text}" is not an IP address`)
}
