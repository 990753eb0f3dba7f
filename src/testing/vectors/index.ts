// The messages with which plugins are tested, for whoever else has a use for them: as seeds of the fuzzer, and to be
// shown to other readers of the protocols. They stand in the plugins' tests, which are loaded here without being run.

import { globSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ProtocolName } from '../../protocols/protocol.ts'
import { fromHex } from '../packets/bytes.ts'
import * as standIn from './suite-stand-in.ts'

export interface KnownMessage {
  readonly protocol: ProtocolName
  readonly title: string
  readonly bytes: Uint8Array
  /** one that takes long, or much memory, where a reader is careless; it may be refused */
  readonly isHostile: boolean
}

const source = join(import.meta.dirname, '../..')
/** Tells such a copy of a test from the real one. */
const mark = '?vectors'
/** Does nothing, whatever is called of it. */
const idleTest = 'const idle = new Proxy(() => idle, { get: () => idle }); export default idle'
const standIns: readonly (readonly [RegExp, string])[] = [
  [/^ava$/, `data:text/javascript,${encodeURIComponent(idleTest)}`],
  [/\/testing\/(?:aper|protocol)-suite\.ts$/, new URL('suite-stand-in.ts', import.meta.url).href],
]

let known: Promise<readonly KnownMessage[]> | null = null

export const knownMessages = (): Promise<readonly KnownMessage[]> => (known ??= collect())

async function collect(): Promise<readonly KnownMessage[]> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const url = standIns.find(([wanted]) => wanted.test(specifier))?.[1]
      if (url === undefined || context.parentURL?.endsWith(mark) !== true) return next(specifier, context)
      return { url, shortCircuit: true }
    },
  })
  try {
    for (const file of globSync('protocols/*/*.test.ts', { cwd: source }).toSorted()) {
      const path = join(source, file)
      if (readFileSync(path, 'utf8').includes('protocolSuite(')) await import(pathToFileURL(path).href + mark)
    }
  } finally {
    hooks.deregister()
  }
  return standIn.suites.flatMap(({ protocol: { name }, suite }) => [
    ...suite.vectors.map(({ hex, title }) => ({ protocol: name, title, bytes: fromHex(hex), isHostile: false })),
    ...suite.hostile.map(({ bytes, title }) => ({ protocol: name, title, bytes: bytes(), isHostile: true })),
  ])
}
