// Generates src/datapath/layout.gen.ts from bpf/shared/*.h, the only home of a layout: `npm run generate`. With --check
// nothing is written, and a stale file is an error. The compiler lays the structs out, and its BTF says how.

import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { Btf } from './layouts/btf.ts'
import { emit, type Layout } from './layouts/emit.ts'
import { declarations } from './layouts/headers.ts'

const root = join(import.meta.dirname, '..')
const target = join(root, 'src/datapath/layout.gen.ts')

const types = 'types.h'

async function main(args: readonly string[]): Promise<number> {
  const text = await generate()
  const current = read(target)
  if (text === current) return 0
  if (args.includes('--check')) {
    console.error('src/datapath/layout.gen.ts is not what bpf/shared/*.h says: run `npm run generate`')
    showDifference(text)
    return 1
  }
  writeFileSync(target, text)
  console.error('wrote src/datapath/layout.gen.ts')
  return 0
}

async function generate(): Promise<string> {
  // types.h first: it has the words that the others are made of.
  const headers = globSync(join(root, 'bpf/shared/*.h')).toSorted(
    (a, b) => Number(basename(b) === types) - Number(basename(a) === types) || a.localeCompare(b),
  )
  const declared = headers.flatMap((path) => declarations(readFileSync(path, 'utf8')))
  const source = [
    ...headers.map((path) => `#include "shared/${basename(path)}"`),
    ...declared.map(({ kind, name }) => `${kind} ${name} layout_of_${kind}_${name};`),
  ]
  const btf = new Btf(compileToBtf(source.join('\n')))
  const layouts = declared.map((declaration): Layout =>
    declaration.kind === 'struct'
      ? { ...btf.struct(declaration.name), declaration }
      : { ...btf.enum(declaration.name), declaration },
  )
  const options = await resolveConfig(target)
  return format(emit(layouts, hash(layouts)), { ...options, parser: 'typescript' })
}

/** Every type is kept in the BTF because the source has a variable of it. */
function compileToBtf(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-layouts-'))
  try {
    const file = join(folder, 'layouts.c')
    const object = join(folder, 'layouts.o')
    writeFileSync(file, `${source}\n`)
    const multiarch = execFileSync('gcc', ['-print-multiarch'], { encoding: 'utf8' }).trim()
    const include = [`-I${join(root, 'bpf')}`, `-I/usr/include/${multiarch}`]
    execFileSync('clang', ['-target', 'bpf', '-O2', '-g', ...include, '-c', file, '-o', object], { stdio: 'inherit' })
    return execFileSync('bpftool', ['btf', 'dump', 'file', object, 'format', 'raw', '-j'], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      maxBuffer: 1 << 26,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Of everything that two builds must agree on to share maps: not of comments, and not of sizes set at load. */
function hash(layouts: readonly Layout[]): bigint {
  const shared = layouts
    .filter(({ name }) => name !== 'limits')
    .map(({ declaration: _declaration, ...layout }) => layout)
    .toSorted((a, b) => a.name.localeCompare(b.name))
  const digest = createHash('sha256').update(JSON.stringify(shared)).digest()
  return digest.readBigUInt64BE()
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function showDifference(wanted: string): void {
  try {
    execFileSync('diff', ['--unified', target, '-'], { input: wanted, stdio: ['pipe', 2, 2] })
  } catch {
    // diff exits with 1 when it has found the difference it shows.
  }
}

process.exitCode = await main(process.argv.slice(2))
