// Checks of imports: they point one way, wire <- {protocols, sockets} <- {captures, lb} <- {datapath, proxy, sim,
// config, api} <- main <- cli, and a protocol's folder is entered by its index.ts. Tests, the lab and benchmarks may
// import anything.

import { posix } from 'node:path'
import { eachMatch, type Complaint, type SourceFile } from './source.ts'

const ranks: Readonly<Record<string, number>> = {
  wire: 0,
  protocols: 1,
  sockets: 1,
  captures: 2,
  lb: 2,
  datapath: 3,
  proxy: 3,
  sim: 3,
  config: 3,
  api: 3,
  main: 4,
  cli: 5,
}
const top = 4

export interface Import {
  /** path from the root */
  readonly target: string
  /** names, as the target calls them; `*` for all of them */
  readonly names: readonly string[]
  readonly line: number
}

const statement = /^(?:import|export)\s+(?<what>[^'"]*?)\s*from\s*['"](?<from>\.[^'"]+)['"]/gm
const dynamic = /\bimport\(\s*['"](?<from>\.[^'"]+)['"]\s*\)/g

/** The imports of other files of the repository. */
export function importsOf({ path, text }: SourceFile): readonly Import[] {
  const found: Import[] = []
  const resolve = (from: string | undefined): string => posix.join(posix.dirname(path), from ?? '')
  eachMatch(text, statement, ({ groups }, line) => {
    found.push({ target: resolve(groups?.['from']), names: namesOf(groups?.['what'] ?? ''), line })
  })
  eachMatch(text, dynamic, ({ groups }, line) => {
    found.push({ target: resolve(groups?.['from']), names: ['*'], line })
  })
  return found
}

function namesOf(what: string): readonly string[] {
  const list = /\{(?<list>[^}]*)\}/.exec(what)?.groups?.['list']
  if (list === undefined) return ['*']
  return list
    .split(',')
    .map((name) =>
      name
        .trim()
        .replace(/^type\s+/, '')
        .replace(/\s+as\s+.*$/, ''),
    )
    .filter((name) => name !== '')
}

export function arrows(file: SourceFile): readonly Complaint[] {
  const from = layer(file.path)
  if (from === null || file.path.endsWith('.test.ts')) return []
  return importsOf(file).flatMap(({ target, line }) => {
    const problem = wrongArrow(from, target) ?? wrongDoor(file.path, target)
    return problem === null ? [] : [{ path: file.path, line, problem }]
  })
}

function wrongArrow(from: string, target: string): string | null {
  const to = layer(target)
  const rank = ranks[from]
  if (rank === undefined) return `src/${from} has no place in the order of imports (scripts/tidy/imports.ts)`
  if (to === null) {
    // The command line runs the lab; everything may know the types of the addon.
    return rank >= top || target.startsWith('native/') ? null : `src/${from} imports ${target}, outside of src`
  }
  if (from === to) return null
  const toRank = ranks[to]
  return toRank !== undefined && toRank < rank ? null : `src/${from} must not import src/${to}`
}

function wrongDoor(path: string, target: string): string | null {
  const folder = /^src\/protocols\/[^/]+\//.exec(target)?.[0]
  if (folder === undefined || path.startsWith(folder) || target === `${folder}index.ts`) return null
  return `imports ${target}, and a protocol is entered by its index.ts`
}

/** The part of src a file is in, `testing` excepted; files beside main.ts are parts of it; null outside. */
function layer(path: string): string | null {
  const [root, part, ...below] = path.split('/')
  if (root !== 'src' || part === undefined || part === 'testing') return null
  return below.length === 0 ? 'main' : part
}
