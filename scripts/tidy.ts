// The tidy check, a part of `npm test`: what the compiler, the linter and the formatter do not look at. Prints every
// complaint as `file:line: problem`.

import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { deadExports } from './tidy/exports.ts'
import { arrows } from './tidy/imports.ts'
import type { Complaint, SourceFile } from './tidy/source.ts'
import { forbiddenWords, longLines, opening, unnamedFolders } from './tidy/text.ts'

const root = join(import.meta.dirname, '..')
const notByHand = /^(?:package-lock\.json|LICENSE|bpf\/LICENSE.*|fixtures\/[^/]+\/(?:inspect|golden)\.txt)$/
const notOurs = new Set(['node_modules', 'build', '.git'])

function check(): readonly Complaint[] {
  const files = sourceFiles()
  const written = files.filter(({ path }) => !notByHand.test(path))
  const code = written.filter(({ path }) => path.endsWith('.ts'))
  const architecture = files.find(({ path }) => path === 'ARCHITECTURE.md')
  return [
    ...written.flatMap(longLines),
    ...written.flatMap(opening),
    ...files.filter(({ path }) => path !== 'scripts/tidy.ts').flatMap((file) => forbiddenWords(file, forbidden())),
    ...code.flatMap(arrows),
    ...deadExports(code),
    ...(architecture === undefined ? [] : unnamedFolders(architecture, folders(files))),
  ]
}

function sourceFiles(): readonly SourceFile[] {
  return globSync('{*,.*,.ci/*,*/**}', { cwd: root, exclude: (name) => notOurs.has(name) })
    .filter((path) => statSync(join(root, path)).isFile() && !/\.(?:png|pcap|pcapng|bin|log)$/.test(path))
    .toSorted((a, b) => a.localeCompare(b))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** Those at the top, and those of src. */
function folders(files: readonly SourceFile[]): readonly string[] {
  const found = new Set<string>()
  for (const { path } of files) {
    const [first, second, third] = path.split('/')
    if (first === undefined || second === undefined || first.startsWith('.')) continue
    found.add(first)
    if (first === 'src' && second !== undefined && third !== undefined) found.add(`src/${second}`)
  }
  return [...found]
}

/** The folder this checkout happens to stand in, and what tells of the package registry that is used here. */
function forbidden(): readonly string[] {
  const registry = process.env['npm_config_registry']
  return [`${root}/`, '"resolved":', ...(registry === undefined ? [] : [new URL(registry).host])]
}

const complaints = check()
for (const { path, line, problem } of complaints) console.error(`${path}:${line}: ${problem}`)
process.exitCode = complaints.length === 0 ? 0 : 1
