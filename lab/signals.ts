// Ctrl-C and its relatives, for programs that own a lab.

import { constants } from 'node:os'

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Lets a signal end the process through its `exit` event, where a lab removes itself; by default a signal skips that.
 * While the returned `use` has a handler, a signal calls that handler in its place.
 */
export const exitOnSignals = (): { readonly use: (handler: (() => void) | null) => void } => {
  let current: (() => void) | null = null
  for (const signal of endingSignals) {
    process.on(signal, () => {
      if (current === null) process.exit(128 + constants.signals[signal])
      current()
    })
  }
  return { use: (handler) => (current = handler) }
}
