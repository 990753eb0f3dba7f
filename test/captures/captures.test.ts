// Public captures of other people's equipment, replayed where whoever runs this has them (SLUICE_CAPTURES). What is
// kept of a result is the report, what proxies have done with each message, and a sum over all lines.

import test, { type ExecutionContext } from 'ava'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { main } from '../../src/cli/program.ts'
import { captureFiles, captureFolders } from '../../src/testing/capture-files.ts'
import { missing, testWith } from '../../src/testing/needs.ts'
import { captures, vip, type KnownCapture } from './captures.ts'

const needs = ['root', 'bpf', 'netns'] as const
const config = join(import.meta.dirname, 'core.yaml')
const isRewritten = process.env['UPDATE_GOLDEN'] === '1'

const files = captureFolders().flatMap(captureFiles)
const digestOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16)

const resultOf = ({ digest, file }: KnownCapture): string =>
  join(import.meta.dirname, 'results', `${file}.${digest}.txt`)

/** Lines of frames are many, and say little that the report does not: of them a sum is kept. */
function summary(text: string): string {
  const start = text.indexOf('\nframes\n')
  const lines = text.slice(start + 1)
  const proxied = lines.split('\n').filter((line) => /^ {4}(?:[\d.]+ )?(?:n4|gtpc)(?: sends|:)/.test(line))
  const sum = createHash('sha256').update(lines).digest('hex').slice(0, 16)
  return `${text.slice(0, start)}\nlines of all frames: sha256 ${sum}\n${proxied.map((line) => `${line}\n`).join('')}`
}

const replayed = async (t: ExecutionContext, capture: KnownCapture, path: string, hook: string): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-captures-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const golden = join(directory, 'golden.txt')
  const said: string[] = []
  const flags = [
    ...capture.servers.flatMap((server) => ['--vip', `${server}=${vip}`]),
    ...(capture.isOffloaded === true ? ['--rewrite-checksums'] : []),
  ]
  const words = ['replay', path, '--config', config, '--hook', hook, '--golden', golden, '--update', ...flags]
  await main(words, {
    env: {},
    out: () => undefined,
    flush: async () => {},
    say: (text) => void said.push(text),
    style: (_stream, _style, text) => text,
  })
  t.true(existsSync(golden), said.join('\n'))
  return summary(readFileSync(golden, 'utf8'))
}

for (const capture of captures) {
  const { digest, file } = capture
  const found = files.filter(({ name }) => basename(name) === file)
  const same = found.find(({ path }) => digestOf(path) === digest)
  const absent = found.length === 0 ? 'no folder of SLUICE_CAPTURES has it' : 'the file of that name is another one'
  const title = `replay: ${file} gives what it gave before, under both hooks`
  if (same === undefined) test.skip(`${title} (${absent})`, () => undefined)
  else
    testWith(needs, title, async (t) => {
      t.timeout(180_000)
      const text = await replayed(t, capture, same.path, 'xdp')
      if (isRewritten) writeFileSync(resultOf(capture), text)
      t.deepEqual(text.split('\n'), readFileSync(resultOf(capture), 'utf8').split('\n'))
      t.is(await replayed(t, capture, same.path, 'tc'), text)
    })
}

test('replay: every public capture that is known has its result', (t) => {
  const absent = captures.filter((capture) => !existsSync(resultOf(capture)))
  t.deepEqual(isRewritten && missing('bpf') === null ? [] : absent, [])
})
