// What the user guide says about the configuration file must be true.

import test from 'ava'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Check } from 'typebox/value'
import { parse as parseYaml } from 'yaml'
import { configHelp } from './help.ts'
import { parse, readConfig } from './parse.ts'
import { fileSchema, jsonSchema, schemaNode, sections } from './schema.ts'
import { rules } from './sections/combinations.ts'
import { tunnelRules } from './sections/rules/n4-tunnels.ts'
import type { SchemaNode } from './schema.ts'

const repository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const guideFile = repository('docs/configuration.md')
const exampleFile = repository('docs/example.yaml')

test('docs: the example is accepted, by us and by what editors use', async (t) => {
  const config = await readConfig(exampleFile)
  t.is(config.services.length, 10)
  t.true(Check(jsonSchema(), parseYaml(await readFile(exampleFile, 'utf8'))))
})

test('docs: what the example calls the defaults are the defaults', async (t) => {
  const { interfaces: _, services: __, sessions, ...example } = await readConfig(exampleFile)
  t.is(sessions.length, 1)
  const {
    interfaces: ___,
    services: ____,
    sessions: _____,
    ...defaults
  } = parse('version: 1\ninterfaces: [{ name: eth0 }]\n')
  t.deepEqual(example, defaults)
})

test('docs: the examples in the guide are accepted', async (t) => {
  const guide = await readFile(guideFile, 'utf8')
  const blocks = [...guide.matchAll(/```yaml\n(version:[^`]*)```/g)].map((match) => match[1] ?? '')
  t.true(blocks.length > 0)
  for (const block of blocks) t.notThrows(() => parse(block))
})

test.serial('docs: the list of fields is what the schema says', async (t) => {
  const guide = await readFile(guideFile, 'utf8')
  const listed = /(?<=```text\n)[^]*(?=```\n)/
  if (process.env['UPDATE_GOLDEN'] === '1') {
    await writeFile(
      guideFile,
      guide.replace(listed, () => configHelp()),
    )
  }
  const [list] = listed.exec(await readFile(guideFile, 'utf8')) ?? []
  t.is(list, configHelp(), 'run UPDATE_GOLDEN=1 npx ava src/config/docs.test.ts and look at the difference')
})

test.serial('docs: the rules for what cannot stand together are all there, with their reasons', async (t) => {
  const rows = [...rules, ...tunnelRules].map(({ name, reason }) => `| \`${name}\` | ${reason} |\n`).join('')
  const listed = /(?<=## What cannot stand together[^]*?\|---\|---\|\n)(?:\|.*\n)*/
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const guide = await readFile(guideFile, 'utf8')
    await writeFile(
      guideFile,
      guide.replace(listed, () => rows),
    )
  }
  const [list] = listed.exec(await readFile(guideFile, 'utf8')) ?? []
  t.is(list, rows, 'run UPDATE_GOLDEN=1 npx ava src/config/docs.test.ts and look at the difference')
})

test('schema: every field says what it means', (t) => {
  const walk = (node: SchemaNode, path: string): void => {
    for (const [name, inner] of Object.entries(node.properties ?? {})) {
      t.truthy(inner.description, `${path}${name}`)
      walk(inner.items ?? inner, `${path}${name}.`)
    }
  }
  walk(schemaNode(fileSchema), '')
})

test('schema: what has a default is not required of an editor, and the schema is plain JSON', (t) => {
  const schema = JSON.parse(JSON.stringify(jsonSchema())) as SchemaNode & { readonly $schema: string }
  t.is(schema.$schema, 'https://json-schema.org/draft/2020-12/schema')
  t.deepEqual(schema.required, ['version', 'interfaces'])
  t.deepEqual(schema.properties?.['services']?.items?.required, ['vip', 'protocol'])
  t.false(schema.additionalProperties)
})

test('limits: the defaults are those of the fast path', async (t) => {
  const header = await readFile(repository('bpf/shared/limits.h'), 'utf8')
  const ofHeader = (name: string): number => Number(new RegExp(`\\b${name} = (\\d+)`).exec(header)?.[1])
  const { flowsReserve: _, ...limits } = parse('version: 1\ninterfaces: [{ name: eth0 }]\n').limits
  t.deepEqual(limits, {
    flows: ofHeader('LIMIT_FLOWS'),
    services: ofHeader('LIMIT_SERVICES'),
    endpoints: ofHeader('LIMIT_ENDPOINTS'),
    slotPages: ofHeader('LIMIT_SLOT_PAGES'),
    portBlocks: ofHeader('LIMIT_PORT_BLOCKS'),
    snatPools: ofHeader('LIMIT_SNAT_POOLS'),
    ranges: ofHeader('LIMIT_RANGES'),
    sources: ofHeader('LIMIT_SOURCES'),
    affinities: ofHeader('LIMIT_AFFINITIES'),
    hints: ofHeader('LIMIT_HINTS'),
    sctpPaths: ofHeader('LIMIT_SCTP_PATHS'),
    fragments: ofHeader('LIMIT_FRAGMENTS'),
  })
  t.is(schemaNode(sections.services.schema).items?.properties?.['sources']?.maxItems, ofHeader('SNAT_POOL_ADDRESSES'))
})

test('timeouts: every state of a flow that can go idle has one', async (t) => {
  const header = await readFile(repository('bpf/shared/flow.h'), 'utf8')
  const [, states = ''] = /enum flow_state \{([^}]*)\}/.exec(header) ?? []
  const names = [...states.matchAll(/FLOW_([A-Z_]+)/g)]
    .map((match) => (match[1] ?? '').toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()))
    .filter((name) => !['none', 'closed', 'stateMax'].includes(name))
  const others = ['drain'] // of flows in any state
  t.deepEqual(Object.keys(sections.timeouts.schema.properties).toSorted(), [...names, ...others].toSorted())
})
