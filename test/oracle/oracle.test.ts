// tshark as the judge: every message of our captures, of the plugins' tests, and of captures that whoever runs this
// names (SLUICE_CAPTURES), read by both and compared field by field. Differences are explained in
// fixtures/oracle-exceptions.md, or fail.

import test from 'ava'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { captureFiles, captureFolders, filesOf, type CaptureFile } from '../../src/testing/capture-files.ts'
import { missing, testWith } from '../../src/testing/needs.ts'
import { knownMessages } from '../../src/testing/vectors/index.ts'
import { frameOf, pcapngOf } from '../../src/testing/vectors/packets.ts'
import { askTshark, compareCapture, type Tshark } from './compare.ts'
import { explanationOf, isAbout, readExceptions, type Exception } from './exceptions.ts'
import { readVectors } from './vectors.ts'

const exceptions = readExceptions(new URL('../../fixtures/oracle-exceptions.md', import.meta.url))
const used = new Set<Exception>()
const compared = new Set<string>()
const scratch = mkdtempSync(join(tmpdir(), 'sluice-oracle-'))
let tshark: Promise<Tshark> | null = null
const canRun = missing('tshark') === null

/** Of those that fail, so many are shown. */
const mostShown = 20

function judge(title: string, file: string, path: () => string): void {
  testWith(['tshark'], `oracle: ${title}: tshark reads the same`, async (t) => {
    t.timeout(180_000)
    tshark ??= askTshark()
    const { differences, messages, notJudged, outOfReach } = await compareCapture(file, path(), await tshark)
    compared.add(file)
    const unexplained = differences.filter((difference) => {
      const found = explanationOf(difference, exceptions)
      if (found !== undefined) used.add(found)
      return found === undefined
    })
    const lines = unexplained.map(
      (one) => `${one.file} frame ${one.frame}: ${one.protocol}: ${one.field}: ours ${one.ours}, tshark ${one.tshark}`,
    )
    t.log(
      [
        ...[...messages].map(([protocol, count]) => `${protocol} ${count}`),
        ...[...notJudged].map(([protocol, count]) => `not judged: ${protocol} ${count}`),
        `explained ${differences.length - unexplained.length}`,
        ...[...outOfReach].map(([layers, count]) => `not looked for behind ${layers}: ${count}`),
      ].join(', '),
    )
    if (lines.length > 0) t.fail([`${lines.length} differences`, ...lines.slice(0, mostShown)].join('\n'))
    else t.pass()
  })
}

const captureOf = (name: string, frames: readonly Uint8Array[]): string => {
  const path = join(scratch, `${name.replaceAll('/', '-')}.pcapng`)
  writeFileSync(path, pcapngOf(frames))
  return path
}

if (canRun) {
  const known = (await knownMessages()).filter(({ isHostile }) => !isHostile)
  for (const protocol of new Set(known.map(({ protocol: name }) => name))) {
    const own = known.filter((message) => message.protocol === protocol)
    judge(`the messages of the tests of ${protocol}`, `vectors/${protocol}`, () =>
      captureOf(protocol, own.map(frameOf)),
    )
  }
}
const judgeCapture = ({ name, path }: CaptureFile): void => judge(name, name, () => path)
const judgeVectors = ({ name, path }: CaptureFile): void => {
  const messages = readVectors(readFileSync(path, 'utf8'))
  if (messages.length > 0) judge(name, name, () => captureOf(basename(name), messages.map(frameOf)))
}
for (const folder of captureFolders()) {
  captureFiles(folder).forEach(judgeCapture)
  filesOf(folder, '*.txt').forEach(judgeVectors)
}

test.after.always(() => rmSync(scratch, { recursive: true, force: true }))

test.after('oracle: every exception explains a difference', (t) => {
  const idle = exceptions.filter(
    (exception) => !used.has(exception) && [...compared].some((file) => isAbout(exception, file)),
  )
  t.deepEqual(
    idle.map(({ field, file, line, protocol }) => `line ${line}: ${file} ${protocol} ${field}`),
    [],
  )
})
