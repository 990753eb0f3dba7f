// Says once of each interface that the kernel does not forward IPv6 there while a service needs it. IPv4 forwarding is
// looked at before the start; whether IPv6 is needed is known only with the services, which come and go.

import { readFileSync } from 'node:fs'
import { familyOf } from '../lb/model.ts'
import { vipsOf } from './entries.ts'
import type { Log } from '../lb/log.ts'
import type { Service } from '../lb/model.ts'

const needsIPv6 = (service: Service): boolean =>
  [...vipsOf(service), ...service.endpoints.map(({ address }) => address)].some((address) => familyOf(address) === 6)

/** Null where it cannot be read: no IPv6, or no such interface. Read by this thread, whose network is meant. */
const read = (name: string): string | null => {
  try {
    return readFileSync(`/proc/sys/net/ipv6/conf/${name}/forwarding`, 'utf8').trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}

export class ForwardingCheck {
  readonly #log: Log
  readonly #said = new Set<string>()

  constructor(log: Log) {
    this.#log = log
  }

  check(interfaces: readonly string[], services: readonly Service[]): void {
    const unsaid = ['all', ...interfaces].filter((name) => !this.#said.has(name))
    if (unsaid.length === 0 || !services.some(needsIPv6)) return
    for (const name of unsaid) {
      if (read(name) === '1') continue
      this.#said.add(name)
      const setting = `net.ipv6.conf.${name.replaceAll('.', '/')}.forwarding`
      this.#log.warn({ interface: name }, `IPv6 is not forwarded (sysctl -w ${setting}=1); services need it`)
    }
  }
}
