// Makes fixtures anew: `npm run fixtures -- [--results] [NAME...]`, without names all of them. Captures are taken from
// real peers in the lab or made of the bytes of other codecs; the results that `npm test` compares with are written for
// them too. With `--results` the captures stay as they are. fixtures/README.md says what there is.

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { captureOf, fixtureFolder, inspectText, replaysOf } from './fixtures/folder.ts'
import { fixtures, type Fixture } from './fixtures/list.ts'
import { recordScene } from './fixtures/stage.ts'

/** So that a clone stays small. */
const mostBytes = 64 << 10
const keepFlag = '--results'

const contentOf = async (folder: string, { source }: Fixture): Promise<Uint8Array> => {
  switch (source.kind) {
    case 'scene':
      return recordScene(folder, source.scene())
    case 'bytes':
      return source.bytes()
    default:
      return source satisfies never
  }
}

/** Returns the file that holds it. */
const makeCapture = async (folder: string, fixture: Fixture): Promise<string> => {
  mkdirSync(folder, { recursive: true })
  const bytes = await contentOf(folder, fixture)
  if (bytes.length > mostBytes) throw new Error(`${bytes.length} bytes; at most ${mostBytes}`)
  const earlier = captureOf(folder)
  if (earlier !== null) rmSync(earlier)
  const file = join(folder, fixture.file)
  writeFileSync(file, bytes)
  return file
}

const writeResults = async (folder: string, capture: string): Promise<void> => {
  writeFileSync(join(folder, 'inspect.txt'), await inspectText(capture))
  for (const { config, golden } of replaysOf(folder)) replay(capture, config, golden)
}

const replay = (capture: string, config: string, golden: string): void => {
  const launcher = join(import.meta.dirname, '../bin/sluice')
  const args = ['replay', capture, '--config', config, '--golden', golden, '--update']
  const run = spawnSync(launcher, args, { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`sluice ${args.join(' ')}: ${run.stderr.trim()}`)
}

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((word) => word !== keepFlag)
  const keep = args.includes(keepFlag)
  const known = new Map(fixtures.map((fixture) => [fixture.name, fixture]))
  const unknown = names.filter((name) => !known.has(name))
  if (unknown.length > 0) {
    console.error(`there is no fixture ${unknown.join(', ')}; there are: ${[...known.keys()].join(', ')}`)
    return 2
  }
  const failed: string[] = []
  for (const fixture of fixtures.filter(({ name }) => names.length === 0 || names.includes(name)))
    try {
      const folder = fixtureFolder(fixture.name)
      const kept = keep ? captureOf(folder) : null
      await writeResults(folder, kept ?? (await makeCapture(folder, fixture)))
      console.log(`${fixture.name}: ${kept === null ? 'made' : 'results written'}`)
    } catch (error) {
      failed.push(fixture.name)
      console.error(`${fixture.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  if (failed.length > 0) console.error(`not made: ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
