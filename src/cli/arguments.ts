// What people type after `create lb` and `delete lb`, turned into numbers and addresses.

import { isIPv4, isIPv6 } from 'node:net'
import { InvalidArgumentError } from 'commander'
import { usage } from './errors.ts'

/** Options that may be repeated and hold comma lists. */
export const collect = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text.split(',').map((part) => part.trim()),
]

export const wholeNumber = (text: string): number => {
  if (/^[0-9]{1,10}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number.')
}

const parsePort = (text: string, whole: string): number => {
  const port = Number(text)
  if (/^[0-9]{1,5}$/.test(text) && port >= 1 && port <= 65535) return port
  throw usage(`"${whole}" is not a port pair: "${text}" is not a number from 1 to 65535 (PORT or PORT:TARGETPORT)`)
}

interface Ports {
  readonly port: number
  /** the last of a range; equal to `port` for a single one; with port 0 any port */
  readonly lastPort: number
}

const parsePorts = (text: string, whole: string): Ports => {
  if (text === 'any') return { port: 0, lastPort: 65535 }
  const [first = '', last, ...rest] = text.split('-')
  const port = parsePort(first, whole)
  if (last === undefined) return { port, lastPort: port }
  const lastPort = parsePort(last, whole)
  if (rest.length > 0 || lastPort < port) {
    throw usage(`"${whole}" is not a range of ports: use FIRST-LAST, the lower one first`)
  }
  return { port, lastPort }
}

export interface PortPair extends Ports {
  /** of a range its first one, where the endpoints get the port that the client asked for */
  readonly targetPort: number
}

/** `80`, `80:8080`, `8000-8100`, `8000-8100:9000`, `any`. */
export const parsePortPair = (text: string): PortPair => {
  const [listened = '', target, ...rest] = text.split(':')
  if (rest.length > 0) throw usage(`"${text}" is not a port pair: use PORT or PORT:TARGETPORT`)
  const ports = parsePorts(listened, text)
  if (target === undefined) return { ...ports, targetPort: ports.port }
  const { port, lastPort } = parsePorts(target, text)
  const isRange = ports.port !== ports.lastPort
  if (port === lastPort && !(isRange && port === ports.port)) return { ...ports, targetPort: port }
  if (isRange && port === ports.port && lastPort === ports.lastPort) return { ...ports, targetPort: port }
  throw usage(`"${text}": a range keeps its ports, or goes to one port outside of its start; leave the target out`)
}

export interface TypedEndpoint {
  readonly address: string
  readonly weight: number
  readonly priority?: number
  readonly serverId?: string
}

type More = Pick<TypedEndpoint, 'priority' | 'serverId'>

const parseMore = (part: string, whole: string): More => {
  const [name = '', value = ''] = part.split('=')
  if (name === 'priority' && /^[0-9]{1,5}$/.test(value)) return { priority: Number(value) }
  if (name === 'serverId' && /^([0-9a-f]{2})+$/i.test(value)) return { serverId: value }
  throw usage(`"${whole}": behind an endpoint stand /priority=NUMBER and /serverId=HEX, and "${part}" is neither`)
}

/** `10.0.0.1`, `10.0.0.1:3`, `2001:db8::1`, `[2001:db8::1]:3`, each with `/priority=1` or `/serverId=0a`. */
export const parseEndpoint = (whole: string): TypedEndpoint => {
  const [text = '', ...more] = whole.split('/')
  const own = more.reduce<More>((all, part) => ({ ...all, ...parseMore(part, whole) }), {})
  if (isIPv6(text)) return { address: text, weight: 1, ...own }
  const [, bracketed, plain, weightText] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? []
  const address = bracketed ?? plain ?? ''
  if (!(bracketed === undefined ? isIPv4(address) : isIPv6(address))) {
    throw usage(`"${whole}" is not an endpoint: use IP or IP:WEIGHT, an IPv6 address with a weight as [IP]:WEIGHT`)
  }
  if (weightText === undefined) return { address, weight: 1, ...own }
  const weight = Number(weightText)
  if (!/^[0-9]{1,3}$/.test(weightText) || weight > 255) {
    throw usage(`"${whole}": the weight is a number from 0 to 255, and "${weightText}" is not`)
  }
  return { address, weight, ...own }
}

/** An address with a port, or without one: `10.0.0.1`, `10.0.0.1:8080`, `[2001:db8::1]:8080`. */
export const parsePlace = (text: string): { readonly address: string; readonly port?: number } => {
  if (isIPv4(text) || isIPv6(text)) return { address: text }
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]+)$/.exec(text) ?? []
  const address = bracketed ?? plain ?? ''
  if (bracketed === undefined ? isIPv4(address) : isIPv6(address)) return { address, port: parsePort(port, text) }
  throw usage(`"${text}" is not an endpoint: use IP or IP:PORT, an IPv6 address with a port as [IP]:PORT`)
}

/** A virtual address. */
export const parseAddress = (text: string): string => {
  if (isIPv4(text) || isIPv6(text)) return text
  throw usage(`"${text}" is not an IP address`)
}

export interface TypedQuic {
  readonly serverIdLength?: number
  readonly nonceLength?: number
  readonly configId?: number
  readonly key?: string
}

const parseQuicPart = (part: string): TypedQuic => {
  const [name = '', value = ''] = part.trim().split('=')
  if (name === 'key' && value !== '') return { key: value }
  if (name !== 'serverIdLength' && name !== 'nonceLength' && name !== 'configId') {
    throw usage(`--quic: "${part}" is none of serverIdLength=..., nonceLength=..., configId=..., key=...`)
  }
  if (!/^[0-9]{1,2}$/.test(value)) throw usage(`--quic: ${name} is a number, and "${value}" is not`)
  return { [name]: Number(value) }
}

/** `serverIdLength=8,nonceLength=10,key=HEX,configId=0`. */
export const parseQuic = (text: string): TypedQuic =>
  text.split(',').reduce<TypedQuic>((all, part) => ({ ...all, ...parseQuicPart(part) }), {})
