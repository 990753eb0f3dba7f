// Programs of this machine for another root folder: the files, and the shared libraries they start with.

import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Unavailable } from './packages.ts'

const folders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

export interface HostFile {
  readonly source: string
  /** where it goes; never behind one of the links from /bin, /sbin, /lib and /lib64 to /usr */
  readonly path: string
}

/** Of this machine, not of node_modules/.bin, which npm puts into PATH. */
export function programFile(name: string): HostFile {
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
  if (found === undefined) throw new Unavailable(`the program ${name} is missing (scripts/setup)`)
  return { source: realpathSync(found), path: underUsr(found) }
}

/** The libraries that these programs and addons need, each once. */
export function librariesOf(files: readonly string[]): readonly HostFile[] {
  const needed = new Map<string, HostFile>()
  for (const file of files) {
    for (const library of linkedWith(file))
      needed.set(underUsr(library), { source: realpathSync(library), path: underUsr(library) })
  }
  return [...needed.values()]
}

/** `libelf.so.1 => /lib/x86_64-linux-gnu/libelf.so.1 (0x00007f...)`, `/lib64/ld-linux-x86-64.so.2 (0x00007f...)` */
function linkedWith(file: string): readonly string[] {
  const { status, stdout, stderr } = spawnSync('ldd', [file], { encoding: 'utf8' })
  const said = `${stdout}${stderr}`
  if (status !== 0) {
    if (said.includes('not a dynamic executable')) return []
    throw new Error(`ldd cannot read ${file}: ${said.trim()}`)
  }
  const lost = /^\s*(?<name>\S+) => not found$/m.exec(stdout)?.groups?.['name']
  if (lost !== undefined) throw new Error(`${file} needs the library ${lost}, which is not here`)
  return [...stdout.matchAll(/^\s*(?:\S+ => )?(?<path>\/\S+) \(0x[0-9a-f]+\)$/gm)].map(
    ({ groups }) => groups?.['path'] ?? '',
  )
}

/** Debian has everything under /usr; links lead there from the old places. */
function underUsr(path: string): string {
  const folder = dirname(path)
  return join(/^\/(?:s?bin|lib(?:64)?)(?:\/|$)/.test(folder) ? `/usr${folder}` : folder, basename(path))
}
