// Loads the native addon at its first use, so that what needs no kernel (`sluice check`, `--help`) works without it.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type * as Addon from './index.d.ts'

/** The functions of `index.d.ts`. Where the addon cannot be loaded, the first use of one throws and says what to do. */
export const native: typeof Addon = new Proxy({} as typeof Addon, {
  get: (_target, name) => Reflect.get(load(), name) as unknown,
})

/** Whether an error is one that the addon threw for a failure of the kernel. */
export function isNativeError(error: unknown): error is Addon.NativeError {
  return error instanceof Error && 'call' in error && 'errno' in error && 'object' in error
}

let loaded: typeof Addon | undefined

function load(): typeof Addon {
  if (loaded !== undefined) return loaded
  const path = fileURLToPath(new URL('../build/sluice.node', import.meta.url))
  try {
    loaded = createRequire(import.meta.url)(path) as typeof Addon
  } catch (cause) {
    throw new Error(`the native addon ${path} cannot be loaded: run scripts/setup (${reason(cause)})`, { cause })
  }
  return loaded
}

/** Node's first line: the rest is a list of files that asked for it. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'MODULE_NOT_FOUND') return 'it has not been built'
  return error.message.split('\n')[0] ?? error.message
}
