// The ports of a service as they are written: `80`, `8000-8100`, `any`.

import type { Service } from '../../lb/model.ts'
import type { LooseService } from './service-schema.ts'

export type Ports = Pick<Service, 'port' | 'lastPort'>

export const noPorts: Ports = { port: 0, lastPort: 0 }
const anyPort: Ports = { port: 0, lastPort: 65535 }

/** Undefined where there is no port, or one that is none. */
export const readPorts = (written: number | string | undefined): Ports | undefined => {
  if (written === undefined) return undefined
  if (typeof written === 'number') return { port: written, lastPort: written }
  if (written === 'any') return anyPort
  const [port = 0, lastPort = 0] = written.split('-').map(Number)
  return port >= 1 && port <= lastPort && lastPort <= 65535 ? { port, lastPort } : undefined
}

/** Those of a service that may be wrong; icmp has none, and mode masquerade may leave out that it has all. */
export const portsOf = ({ port, protocol, mode }: LooseService): Ports | undefined => {
  if (protocol === 'icmp' || protocol === 'any') return noPorts
  return mode === 'masquerade' && port === undefined ? anyPort : readPorts(port)
}

/** The one port of a service; undefined where it has several. */
export const singlePort = (ports: Ports | undefined): number | undefined =>
  ports !== undefined && ports.port === ports.lastPort ? ports.port : undefined

/** How the ports of a service are written; undefined for icmp and any, which have none. */
export const writePorts = ({
  port,
  lastPort,
  protocol,
}: Pick<Service, 'port' | 'lastPort' | 'protocol'>): number | string | undefined => {
  if (lastPort === port) return (protocol === 'icmp' || protocol === 'any') && port === 0 ? undefined : port
  return port === 0 && lastPort === 65535 ? 'any' : `${port}-${lastPort}`
}
