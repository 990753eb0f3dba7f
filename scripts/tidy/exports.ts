// Finds dead exports: names that no other file imports. A type may be exported for those who write down what an
// exported function takes or gives, so it is dead only if its own file does not use it either.

import { importsOf } from './imports.ts'
import { eachMatch, type Complaint, type SourceFile } from './source.ts'

const declaration =
  /^export\s+(?:declare\s+)?(?:async\s+)?(?<kind>const|let|function\*?|class|interface|type)\s+(?<name>\w+)/gm
const list = /^export\s+(?:type\s+)?\{(?<names>[^}]*)\}\s*(?<from>from)?/gm

export function deadExports(files: readonly SourceFile[]): readonly Complaint[] {
  const used = new Map<string, Set<string>>()
  for (const file of files) {
    for (const { target, names } of importsOf(file)) {
      const known = used.get(target) ?? new Set()
      for (const name of names) known.add(name)
      used.set(target, known)
    }
  }
  return files.flatMap((file) => {
    const names = used.get(file.path) ?? new Set()
    if (names.has('*') || isExempt(file.path)) return []
    return exportsOf(file)
      .filter(({ name, isType }) => !names.has(name) && !(isType && mentions(file.text, name) > 1))
      .map(({ name, line }) => ({ path: file.path, line, problem: `exports ${name}, which nothing imports` }))
  })
}

/** Generated code is whole on purpose; declarations of the addon are used through a cast. */
const isExempt = (path: string): boolean => path.endsWith('.gen.ts') || path.endsWith('.d.ts')

interface Export {
  readonly name: string
  readonly isType: boolean
  readonly line: number
}

function exportsOf({ text }: SourceFile): readonly Export[] {
  const found: Export[] = []
  eachMatch(text, declaration, ({ groups }, line) => {
    const kind = groups?.['kind'] ?? ''
    found.push({ name: groups?.['name'] ?? '', isType: kind === 'interface' || kind === 'type', line })
  })
  eachMatch(text, list, ({ groups }, line) => {
    for (const entry of (groups?.['names'] ?? '').split(',')) {
      const name = entry
        .trim()
        .replace(/^type\s+/, '')
        .replace(/^.*\s+as\s+/, '')
      if (name !== '') found.push({ name, isType: false, line })
    }
  })
  return found
}

const mentions = (text: string, name: string): number => text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0
