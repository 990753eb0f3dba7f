import test from 'ava'
import { deadExports } from './exports.ts'
import { arrows, importsOf } from './imports.ts'
import { forbiddenWords, longLines, opening, unnamedFolders } from './text.ts'

const imports = (path: string, target: string) => arrows({ path, text: `// x\nimport { a } from '${target}'\n` })

test('tidy: accepts imports that follow the arrows', (t) => {
  t.deepEqual(imports('src/lb/model.ts', '../wire/ip.ts'), [])
  t.deepEqual(imports('src/lb/model.ts', './paths.ts'), [])
  t.deepEqual(imports('src/api/app.ts', '../lb/model.ts'), [])
  t.deepEqual(imports('src/captures/messages.ts', '../protocols/index.ts'), [])
  t.deepEqual(imports('src/main.ts', './api/app.ts'), [])
  t.deepEqual(imports('src/cli/run.ts', '../main.ts'), [])
  t.deepEqual(imports('src/cli/lab.ts', '../../lab/lab.ts'), [])
  t.deepEqual(imports('src/datapath/load.ts', '../../native/index.d.ts'), [])
  t.deepEqual(imports('src/lb/model.test.ts', '../testing/fakes.ts'), [])
  t.deepEqual(imports('lab/lab.ts', '../src/main.ts'), [])
})

test('tidy: finds imports against the arrows', (t) => {
  t.is(imports('src/lb/model.ts', '../datapath/load.ts')[0]?.problem, 'src/lb must not import src/datapath')
  t.is(imports('src/api/app.ts', '../config/parse.ts')[0]?.line, 2)
  t.is(imports('src/wire/ip.ts', '../protocols/index.ts').length, 1)
  t.is(imports('src/captures/messages.ts', '../lb/model.ts').length, 1)
  t.is(imports('src/config/plan.ts', '../main.ts').length, 1)
  t.is(imports('src/lb/model.ts', '../../lab/lab.ts').length, 1)
  t.regex(imports('src/novel/a.ts', '../lb/model.ts')[0]?.problem ?? '', /no place in the order/)
})

test('tidy: a protocol is entered by its index.ts', (t) => {
  t.is(imports('src/lb/learn.ts', '../protocols/pfcp/codec.ts').length, 1)
  t.deepEqual(imports('src/lb/learn.ts', '../protocols/pfcp/index.ts'), [])
  t.deepEqual(imports('src/protocols/pfcp/index.ts', './codec.ts'), [])
})

test('tidy: reads every form of import', (t) => {
  const text = [
    "import { a, type B, c as d } from './x.ts'",
    "import type { E } from './y.ts'",
    "import * as all from '../z.ts'",
    "export { f } from './w.ts'",
    "const later = await import('./v.ts')",
    "import fs from 'node:fs'",
    'import {',
    '  many,',
    "} from './u.ts'",
  ].join('\n')
  t.deepEqual(
    importsOf({ path: 'src/lb/a.ts', text }).map(({ target, names }) => `${target}: ${names.join(' ')}`),
    ['src/lb/x.ts: a B c', 'src/lb/y.ts: E', 'src/z.ts: *', 'src/lb/w.ts: f', 'src/lb/u.ts: many', 'src/lb/v.ts: *'],
  )
})

test('tidy: finds exports that nothing imports', (t) => {
  const files = [
    {
      path: 'src/a.ts',
      text: [
        'export const used = 1',
        'export function dead(): Options {}',
        'export interface Options {}',
        'export type Lonely = string',
      ].join('\n'),
    },
    { path: 'src/b.ts', text: "import { used } from './a.ts'" },
  ]
  t.deepEqual(
    deadExports(files).map(({ path, line, problem }) => `${path}:${line}: ${problem}`),
    ['src/a.ts:2: exports dead, which nothing imports', 'src/a.ts:4: exports Lonely, which nothing imports'],
  )
})

test('tidy: finds lines of more than 120 columns, where a tab is eight', (t) => {
  t.deepEqual(longLines({ path: 'a.ts', text: 'x'.repeat(120) }), [])
  t.is(longLines({ path: 'a.c', text: `ok\n\t${'x'.repeat(113)}` })[0]?.line, 2)
  t.deepEqual(longLines({ path: 'a.md', text: `| ${'x'.repeat(200)} |` }), [])
})

test('tidy: finds code that does not say what it is for', (t) => {
  t.is(opening({ path: 'a.ts', text: 'export const a = 1' }).length, 1)
  t.deepEqual(opening({ path: 'a.test.ts', text: 'import' }), [])
  t.deepEqual(opening({ path: 'a.c', text: '/* SPDX */' }), [])
})

test('tidy: finds forbidden words in any case', (t) => {
  t.is(forbiddenWords({ path: 'a', text: 'x\nRegistry.Example' }, ['registry.example'])[0]?.line, 2)
})

test('tidy: finds folders that ARCHITECTURE.md does not name', (t) => {
  const complaints = unnamedFolders({ path: 'ARCHITECTURE.md', text: '`bpf/` is' }, ['bpf', 'lab'])
  t.is(complaints[0]?.problem, 'does not say what lab/ is for')
  t.is(complaints.length, 1)
})
