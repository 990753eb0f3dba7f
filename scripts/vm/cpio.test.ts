import test from 'ava'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CpioArchive } from './cpio.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-cpio-'))
test.after.always(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Reads the format by its description: name -> mode and content, in order. */
function read(bytes: Buffer): readonly (readonly [name: string, mode: number, content: string])[] {
  const found: [string, number, string][] = []
  for (let at = 0; at < bytes.length;) {
    if (bytes.toString('latin1', at, at + 6) !== '070701') throw new Error(`no entry at ${at}`)
    const field = (index: number): number =>
      Number.parseInt(bytes.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16)
    const [mode, size, nameBytes] = [field(1), field(6), field(11)]
    const content = (at + 110 + nameBytes + 3) & ~3
    found.push([
      bytes.toString('utf8', at + 110, at + 109 + nameBytes),
      mode,
      bytes.toString('utf8', content, content + size),
    ])
    at = (content + size + 3) & ~3
  }
  return found
}

test('cpio: an archive has its folders before what is in them, each once, and an end', (t) => {
  const path = join(folder, 'one')
  const archive = new CpioArchive(path)
  archive.file('/usr/bin/one', 'content', 0o755)
  archive.directory('usr/bin')
  archive.file('usr/other', 'abcd')
  archive.link('bin', 'usr/bin')
  t.throws(() => {
    archive.file('usr/bin/one', '')
  })
  archive.close()
  t.deepEqual(read(readFileSync(path)), [
    ['usr', 0o040755, ''],
    ['usr/bin', 0o040755, ''],
    ['usr/bin/one', 0o100755, 'content'],
    ['usr/other', 0o100644, 'abcd'],
    ['bin', 0o120777, 'usr/bin'],
    ['TRAILER!!!', 0, ''],
  ])
})
