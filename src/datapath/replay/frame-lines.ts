// A line for each frame: when, from whom to whom, what became of it, and how it left.

import { native } from '../../../native/load.ts'
import { addressesOf } from '../explain/index.ts'
import type { Addresses } from '../explain/index.ts'
import type { ReplayedDatagram, ReplayedMessage } from '../../lb/replayed-proxies.ts'

/** What became of a frame, or of a packet that the slow path has sent. */
export interface FrameFate {
  readonly number: number
  /** microseconds since the first frame */
  readonly us: number
  /** verdict, or why it took no part */
  readonly verdict: string
  readonly service: string | null
  readonly endpoint: string | null
  readonly newFlow: boolean
}

const secondsText = (us: number): string => (us / 1e6).toFixed(6)

const placeText = ({ address, port }: Addresses['from']): string =>
  port === 0 ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

const packetText = (frame: Uint8Array): string => {
  const found = addressesOf(frame)
  if (found === null) return 'no IP'
  return `${found.protocol} ${placeText(found.from)} to ${placeText(found.to)}`
}

/** Its bytes, told by their sum: any other byte is another sum. */
const bytesText = (frame: Uint8Array): string =>
  `${frame.length} bytes, crc32c ${native.crc32c(frame).toString(16).padStart(8, '0')}`

/** `forward, service web, endpoint 10.0.1.10:8080, new flow` */
export const fateText = ({ endpoint, newFlow, service, verdict }: FrameFate): string =>
  [
    verdict,
    ...(service === null ? [] : [`service ${service}`]),
    ...(endpoint === null ? [] : [`endpoint ${endpoint}`]),
    ...(newFlow ? ['new flow'] : []),
  ].join(', ')

export const frameLine = (fate: FrameFate, frame: Uint8Array, out: Uint8Array | null): string => {
  const came = `#${fate.number} ${secondsText(fate.us)} ${packetText(frame)}: ${fateText(fate)}`
  return out === null ? came : `${came}\n    ${packetText(out)}, ${bytesText(out)}`
}

export const skipLine = (number: number, us: number, reason: string): string =>
  `#${number} ${secondsText(us)} took no part: ${reason}`

/** A packet that the slow path has sent. */
export const sentLine = (us: number, packet: Uint8Array): string =>
  `    ${secondsText(us)} slow path sends ${packetText(packet)}, ${bytesText(packet)}`

/** What became of a message that a proxy was given, or not. */
export const messageLine = ({ detail, fate, from, name, service }: ReplayedMessage): string =>
  `    ${service}: ${name} of ${from}: ${[fate, detail].filter(Boolean).join(', ')}`

/** A datagram that a proxy has sent. */
export const proxyLine = ({ from, ms, name, service, to }: ReplayedDatagram, frame: Uint8Array): string =>
  `    ${secondsText(ms * 1000)} ${service} sends ${placeText(from)} to ${placeText(to)}: ${name}, ${bytesText(frame)}`
