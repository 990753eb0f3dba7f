// A CPU that this process may use: a container need not have the first one.

import { readFileSync } from 'node:fs'

/** The lowest of a list such as `0-3,8`. */
export const firstCpu = (): number => {
  const [, first] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(first ?? 0)
}
