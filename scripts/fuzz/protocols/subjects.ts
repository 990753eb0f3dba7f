// What is fuzzed: a subject for each plugin, one for the grammar of SBI, and one for the reader of captures. They start
// from the messages of the
// plugins' tests and from those that are in captures.

import { readFileSync, statSync } from 'node:fs'
import { CaptureError, Messages, readCapture } from '../../../src/captures/index.ts'
import { protocols } from '../../../src/protocols/index.ts'
import type { ProtocolName } from '../../../src/protocols/protocol.ts'
import { captureFiles, captureFolders } from '../../../src/testing/capture-files.ts'
import { knownMessages, type KnownMessage } from '../../../src/testing/vectors/index.ts'
import { captureSeeds, capturesSubject } from './captures.ts'
import { mends } from './mend.ts'
import { checkPlugin } from './plugin.ts'
import { plantedSubject } from './planted.ts'
import { sbiSubject } from './sbi.ts'
import type { Subject } from './subject.ts'

const mostSeedBytes = 4096
/** of one plugin, from captures */
const mostSeeds = 2000
const mostFileBytes = 16_384

export const subjectNames: readonly string[] = [...protocols.map(({ name }) => name), sbiSubject.name, 'captures']

export async function subjectOf(name: string): Promise<Subject> {
  const alone = name === sbiSubject.name ? sbiSubject : plantedSubject(name)
  if (alone !== undefined) return alone
  const known = (await knownMessages()).filter(({ bytes }) => bytes.length <= mostSeedBytes)
  if (name === 'captures') return capturesSubject([...captureSeeds(known), ...smallFiles()])
  const protocol = protocols.find((each) => each.name === name)
  if (protocol === undefined) throw new Error(`there is no subject ${name}`)
  const mend = mends[protocol.name]
  return {
    name,
    seeds: [...ofVectors(known, protocol.name), ...(await ofCaptures(protocol.name))],
    check: (bytes, draw) => checkPlugin(protocol, bytes, draw),
    ...(mend === undefined ? {} : { mend }),
  }
}

const ofVectors = (known: readonly KnownMessage[], name: ProtocolName): readonly Uint8Array[] =>
  known.filter(({ protocol }) => protocol === name).map(({ bytes }) => bytes)

const files = (): readonly string[] =>
  captureFolders().flatMap((folder) => captureFiles(folder).map(({ path }) => path))

async function ofCaptures(name: ProtocolName): Promise<readonly Uint8Array[]> {
  const found = new Map<string, Uint8Array>()
  for (const path of files()) {
    const messages = new Messages({ only: new Set([name]) })
    try {
      for await (const frames of readCapture(path)) {
        for (const frame of frames) for (const { bytes } of messages.read(frame)) add(found, bytes)
      }
    } catch (error) {
      // What a damaged capture has up to there will do.
      if (!(error instanceof CaptureError)) throw error
    }
    if (found.size >= mostSeeds) break
  }
  return [...found.values()]
}

function add(found: Map<string, Uint8Array>, bytes: Uint8Array): void {
  if (bytes.length > mostSeedBytes || found.size >= mostSeeds) return
  found.set(Buffer.from(bytes).toString('latin1'), new Uint8Array(bytes))
}

const smallFiles = (): readonly Uint8Array[] =>
  files()
    .filter((path) => statSync(path).size <= mostFileBytes)
    .map((path) => readFileSync(path))
