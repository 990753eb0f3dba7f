// Completes package-lock.json after `npm install`: `node scripts/lock.ts`. A registry that lacks packages for platforms
// this project does not run on leaves them out of the lock file, and `npm ci` then refuses it. Each gets an entry that
// says which platform it is for, so that it is passed over; and no entry names the registry it came from.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

/** The same lock file with an entry for every optional dependency, in npm's order. */
export function complete(lock: LockFile): LockFile {
  const packages: Record<string, LockedPackage> = {}
  for (const [path, locked] of Object.entries(lock.packages)) {
    const { resolved: _resolved, ...kept } = locked
    packages[path] = kept
    for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
      const target = `node_modules/${name}`
      const dev = locked.dev === true ? { dev: true } : {}
      packages[target] ??= lock.packages[target] ?? { version, ...platform(name), ...dev, optional: true }
    }
  }
  const inOrder = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, 'en'))
  return { ...lock, packages: Object.fromEntries(inOrder) }
}

/** From a name that ends like `linux-arm64-musl`, `win32-x64-msvc` or `darwin-arm64`. */
function platform(name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> {
  const found = /(?<os>android|darwin|freebsd|linux|openharmony|win32)-(?<cpu>[a-z0-9]+)(?:-(?<abi>\w+))?$/.exec(name)
  const { os, cpu, abi } = found?.groups ?? {}
  if (os === undefined || cpu === undefined) throw new Error(`${name}: which platform is it for?`)
  const libc = abi?.startsWith('musl') ? ['musl'] : abi?.startsWith('gnu') ? ['glibc'] : null
  return { os: [os], cpu: [cpu], ...(libc === null ? {} : { libc }) }
}

if (import.meta.main) {
  const path = join(import.meta.dirname, '..', 'package-lock.json')
  const text = `${JSON.stringify(complete(JSON.parse(readFileSync(path, 'utf8')) as LockFile), null, 2)}\n`
  writeFileSync(path, text)
}
