// The reader of captures and what finds messages in them, over files that are damaged.

import { CaptureError, Messages } from '../../../src/captures/index.ts'
import { CaptureReader } from '../../../src/captures/reader.ts'
import { frameOf, pcapngOf, pcapOf } from '../../../src/testing/vectors/packets.ts'
import type { KnownMessage } from '../../../src/testing/vectors/index.ts'
import type { Draw } from '../../../test/bpf/random/draw.ts'
import { mustHold, type Subject } from './subject.ts'

const mostBytes = 1400
const framesOfOne = 4

/** Small files with a few messages each. */
export function captureSeeds(messages: readonly KnownMessage[]): readonly Uint8Array[] {
  const frames = messages
    .filter(({ bytes }) => bytes.length > 0 && bytes.length <= mostBytes)
    .map((message, number) => frameOf(message, number))
  const files: Uint8Array[] = []
  for (let at = 0; at < frames.length; at += framesOfOne) {
    const some = frames.slice(at, at + framesOfOne)
    files.push(pcapOf(some), pcapngOf(some))
  }
  return files
}

/** A line for each thing that a file gives, read in parts of these lengths. */
function read(file: Uint8Array, nextLength: () => number): readonly string[] {
  const lines: string[] = []
  const messages = new Messages({ only: null })
  const reader = new CaptureReader()
  try {
    for (let at = 0, length = 0; at < file.length; at += length) {
      length = nextLength()
      for (const frame of reader.read(file.subarray(at, at + length))) {
        lines.push(`frame ${frame.number} ${frame.linkType} ${frame.bytes.length} ${frame.wireBytes}`)
        for (const message of messages.read(frame)) {
          const { description, error, keys, place, protocol } = message
          lines.push(`${protocol.name} ${place.source} ${error?.reason ?? description.name} ${keys.length}`)
        }
      }
    }
    reader.finish()
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error
    lines.push(error.message)
  }
  for (const { error, protocol } of messages.finish()) lines.push(`${protocol.name} at the end ${error?.reason ?? ''}`)
  for (const [name, count] of [...messages.skipped, ...messages.troubles]) lines.push(`${name}: ${count}`)
  return lines
}

const withoutNumbers = (line: string): string => line.replaceAll(/\d+/g, '')

function check(file: Uint8Array, draw: Draw): string {
  const whole = read(file, () => file.length)
  const parts = read(file, () => 1 + draw(200))
  mustHold(
    whole.join('\n') === parts.join('\n'),
    `read as a whole:\n${whole.join('\n')}\nin parts:\n${parts.join('\n')}`,
  )
  return [...new Set(whole.map(withoutNumbers))].join(' ')
}

export const capturesSubject = (seeds: readonly Uint8Array[]): Subject => ({ name: 'captures', seeds, check })
