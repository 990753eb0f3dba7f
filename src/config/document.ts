// YAML text as a plain value, with the way back from a path to the line it stands in.

import { LineCounter, isAlias, isMap, isPair, isScalar, isSeq, parseDocument, visit } from 'yaml'
import { formatPath } from './errors.ts'
import type { Document, Node, Pair } from 'yaml'
import type { ConfigError, Path } from './errors.ts'

export interface YamlDocument {
  /** undefined when the text is no YAML at all */
  readonly value: unknown
  /** whether the value is worth checking further */
  readonly usable: boolean
  readonly errors: readonly ConfigError[]
  /** A mistake at the nearest place that stands in the text. */
  errorAt(path: Path, message: string): ConfigError
}

type Ancestors = readonly (Document | Node | Pair)[]

const keyText = (key: unknown): string => String(isScalar(key) ? key.value : key)

/** The path of a node, from the nodes above it. */
const pathOf = (ancestors: Ancestors, node: unknown): Path => {
  const chain = [...ancestors, node]
  return chain.flatMap((part, i): Path => {
    const next = chain[i + 1]
    if (isPair(part)) return [keyText(part.key)]
    return isSeq(part) && next !== undefined ? [part.items.indexOf(next)] : []
  })
}

const follow = (node: unknown, document: Document): unknown => (isAlias(node) ? node.resolve(document) : node)

/** Where a path stands, or the deepest part of it that does: a field at its name, an item of a list at its start. */
const offsetOf = (document: Document, path: Path): number => {
  let node = follow(document.contents, document)
  let offset = startOf(node) ?? 0
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => keyText(item.key) === part)
      if (pair === undefined) return offset
      offset = startOf(pair.key) ?? offset
      node = follow(pair.value, document)
    } else if (isSeq(node) && typeof part === 'number') {
      node = follow(node.items[part], document)
      offset = startOf(node) ?? offset
    } else {
      return offset
    }
  }
  return offset
}

const startOf = (node: unknown): number | undefined =>
  isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined

/** The path of the second of two equal keys, found by where it stands. */
const pathAt = (document: Document, offset: number): Path => {
  let found: Path = []
  visit(document, {
    Pair(_, pair, ancestors) {
      if (startOf(pair.key) !== offset) return undefined
      found = pathOf(ancestors, pair)
      return visit.BREAK
    },
  })
  return found
}

const firstOffset = (document: Document, path: Path): number | undefined => {
  const map = document.getIn(path.slice(0, -1), true)
  const container = path.length === 1 ? document.contents : map
  if (!isMap(container)) return undefined
  return startOf(container.items.find((item) => keyText(item.key) === path.at(-1))?.key)
}

export const readYaml = (text: string): YamlDocument => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const errors: ConfigError[] = []
  const tell = (offset: number, path: Path, message: string): void => {
    const { line, col } = lines.linePos(offset)
    errors.push({ path: formatPath(path), line: Math.max(line, 1), column: Math.max(col, 1), message })
  }

  let usable = true
  for (const error of document.errors) {
    if (error.code === 'DUPLICATE_KEY') {
      const path = pathAt(document, error.pos[0])
      const first = firstOffset(document, path)
      const where = first === undefined ? '' : `, first in line ${lines.linePos(first).line}`
      tell(error.pos[0], path, `"${String(path.at(-1))}" is written twice${where}: remove one of them`)
    } else {
      usable = false
      tell(error.pos[0], [], `not valid YAML: ${error.message}`)
    }
  }
  for (const warning of document.warnings) tell(warning.pos[0], [], `not valid here: ${warning.message}`)
  visit(document, {
    Alias(_, alias, ancestors) {
      if (alias.resolve(document) !== undefined) return
      usable = false
      tell(
        startOf(alias) ?? 0,
        pathOf(ancestors, alias),
        `*${alias.source} names no anchor: write &${alias.source} above`,
      )
    },
  })

  let value: unknown
  if (usable) {
    try {
      value = document.toJS()
    } catch (error) {
      // The package refuses aliases that multiply without end; it says so, but not where.
      if (!(error instanceof ReferenceError)) throw error
      usable = false
      tell(0, [], `not valid YAML: ${error.message}`)
    }
  }
  return {
    value,
    usable,
    errors,
    errorAt(path, message) {
      const { line, col } = lines.linePos(offsetOf(document, path))
      return { path: formatPath(path), line: Math.max(line, 1), column: Math.max(col, 1), message }
    },
  }
}
