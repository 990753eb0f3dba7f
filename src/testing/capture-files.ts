// The captures that tests and the fuzzer read: ours in `fixtures/`, and those of whoever runs them, in the folders that
// SLUICE_CAPTURES names, separated by colons.

import { existsSync, globSync } from 'node:fs'
import { join, resolve } from 'node:path'

export interface CaptureFile {
  /** below its folder, as exceptions name it */
  readonly name: string
  readonly path: string
}

const root = join(import.meta.dirname, '../..')

const foldersOfOthers = (): readonly string[] =>
  (process.env['SLUICE_CAPTURES'] ?? '')
    .split(':')
    .filter((folder) => folder !== '')
    .map((folder) => resolve(folder))

/** Throws for a folder that is not there: whoever names one wants it read. */
export function captureFolders(): readonly string[] {
  const others = foldersOfOthers()
  for (const folder of others)
    if (!existsSync(folder)) throw new Error(`SLUICE_CAPTURES names ${folder}, which is not there`)
  return [join(root, 'fixtures'), ...others]
}

export const filesOf = (folder: string, pattern: string): readonly CaptureFile[] =>
  globSync(`**/${pattern}`, { cwd: folder })
    .toSorted()
    .map((file) => ({ name: file, path: join(folder, file) }))

export const captureFiles = (folder: string): readonly CaptureFile[] =>
  filesOf(folder, '*.{pcap,pcapng,cap,pcap.gz,pcapng.gz}')
