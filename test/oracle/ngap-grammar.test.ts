// A second codec as the judge of NGAP: the one that Debian's erlang-asn1 makes of the grammar of TS 38.413. The grammar
// is 3GPP's and not here: SLUICE_NGAP_GRAMMAR names a folder with its modules (`NGAP-*.asn`, of which Wireshark's
// sources have a copy).

import test from 'ava'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { CaptureError, Messages, readCapture } from '../../src/captures/index.ts'
import { mapAmfUeNgapIds, ngap } from '../../src/protocols/ngap/index.ts'
import { captureFiles, captureFolders } from '../../src/testing/capture-files.ts'
import { missing } from '../../src/testing/needs.ts'
import { knownMessages } from '../../src/testing/vectors/index.ts'

const grammar = process.env['SLUICE_NGAP_GRAMMAR']

/** Why this machine cannot ask the other codec; null when it can. */
function unmet(): string | null {
  if (grammar === undefined) return 'SLUICE_NGAP_GRAMMAR names no folder with the grammar of TS 38.413'
  if (!existsSync(join(grammar, 'NGAP-IEs.asn'))) return `${grammar} has no NGAP-IEs.asn`
  return missing('erlc')
}

/** Has 40 bits, and stands in no message. */
const otherId = 0x81_2345_6789
const scratch = mkdtempSync(join(tmpdir(), 'sluice-ngap-'))
test.after.always(() => rmSync(scratch, { recursive: true, force: true }))

function compile(): void {
  const modules = globSync(join(grammar!, 'NGAP-*.asn'))
  for (const path of modules) copyFileSync(path, join(scratch, basename(path)))
  writeFileSync(join(scratch, 'NGAP.set.asn'), modules.map((path) => `${basename(path)}\n`).join(''))
  const made = spawnSync('erlc', ['-bper', 'NGAP.set.asn'], { cwd: scratch, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`erlc ended with ${made.status}: ${made.stdout}${made.stderr}`)
}

interface Answer {
  readonly term: string
  readonly written: string
}

function ask(messages: readonly Uint8Array[]): readonly Answer[] {
  const script = new URL('ngap-codec.escript', import.meta.url).pathname
  const input = messages.map((bytes) => `${Buffer.from(bytes).toString('hex')}\n`).join('')
  const { status, stderr, stdout } = spawnSync('escript', [script, scratch], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`escript ended with ${status}: ${stdout.slice(-500)}${stderr}`)
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [term = '', written = ''] = line.split('\t')
      return { term, written }
    })
}

/** Each once: those of the plugin's tests that the specification knows, and those of captures. */
async function messagesOf(): Promise<readonly Uint8Array[]> {
  const found = new Map<string, Uint8Array>()
  const add = (bytes: Uint8Array): void => void found.set(Buffer.from(bytes).toString('hex'), new Uint8Array(bytes))
  for (const { bytes, isHostile, protocol } of await knownMessages()) if (protocol === 'ngap' && !isHostile) add(bytes)
  for (const { path } of captureFolders().flatMap(captureFiles)) {
    const messages = new Messages({ only: new Set(['ngap']) })
    try {
      for await (const frames of readCapture(path))
        for (const frame of frames) for (const { bytes, error } of messages.read(frame)) if (error === null) add(bytes)
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error
    }
  }
  return [...found.values()]
}

const reason = unmet()
const title = 'oracle: a codec made of the grammar reads NGAP as we do, before and after other AMF-UE-NGAP-IDs'
if (reason !== null) test.skip(`${title} (${reason})`, () => {})
else {
  test(title, async (t) => {
    t.timeout(300_000)
    compile()
    const messages = await messagesOf()
    const before = messages.map((bytes) => ngap.decode(bytes))
    const spliced = before.map((message) => ngap.encode(mapAmfUeNgapIds(message, () => otherId)))
    const answers = ask(messages)
    const answersAfter = ask(spliced)
    let [read, changed] = [0, 0]
    for (const [at, bytes] of messages.entries()) {
      const [answer, after] = [answers[at]!, answersAfter[at]!]
      const said = Buffer.from(bytes).toString('hex')
      if (answer.term.startsWith('error')) {
        t.log(`not read by the other codec: ${ngap.describe(before[at]!).name} ${answer.term.slice(0, 200)}`)
        continue
      }
      // The other codec does not keep additions of later releases.
      if (before[at]!.rest.length > 0) continue
      read++
      // What follows a message in its buffer is not part of it.
      const { trailing } = before[at]!
      t.is(answer.written, said.slice(0, said.length - 2 * trailing.length), 'is written otherwise')
      const afterHex = Buffer.from(spliced[at]!).toString('hex')
      t.is(after.written, afterHex.slice(0, afterHex.length - 2 * trailing.length), `spliced: ${afterHex}`)
      const ids = new Set(ngap.sessions(before[at]!).flatMap(({ kind, value }) => (kind === 'amf-ue' ? [value] : [])))
      if (ids.size !== 1) continue
      changed++
      const [id] = ids
      t.is(after.term.replaceAll(String(otherId), String(Number(id))), answer.term, `spliced: ${afterHex}`)
    }
    t.log(`${messages.length} messages, ${read} read by both, ${changed} with another number`)
    t.true(read > messages.length / 2 && changed > 0)
  })
}
