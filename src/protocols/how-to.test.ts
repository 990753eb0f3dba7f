// The example of ARCHITECTURE.md, "How to add a protocol", is a protocol: its text is run as it stands there.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
const section = page.slice(page.indexOf('## How to add a protocol'), page.indexOf('\n## Invariants'))
const blocks = [...section.matchAll(/```ts\n(.*?)```/gs)].map(([, block = '']) => block)

const folder = join(root, 'build', `how-to-${process.pid}-${Math.random().toString(36).slice(2)}`)
const inSources = (text: string): string =>
  text.replaceAll(
    /from '((?:\.\.\/)+[^']+)'/g,
    (_, path: string) => `from '${join(root, 'src/protocols/radius', path)}'`,
  )

test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const [code = '', suite = ''] = blocks
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'index.ts'), inSources(code))
writeFileSync(join(folder, 'suite.ts'), inSources(suite))
await import(join(folder, 'suite.ts'))

test('how to add a protocol: the page has the code and its test', (t) => {
  t.is(blocks.length, 2)
  t.regex(code, /export const radius: Protocol/)
})
