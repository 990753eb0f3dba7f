// Debian packages that the virtual machine is made of: downloaded and unpacked under build/vm/, never installed.

import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Why the lane cannot run on this machine: it is skipped, it has not failed. */
export class Unavailable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Unavailable'
  }
}

export interface Kernel {
  /** as `uname -r` says it */
  readonly release: string
  readonly image: string
  /** the folder of this release under /lib/modules */
  readonly modules: string
}

/**
 * Debian's newest cloud kernel of a series such as 6.1; one that is here serves where the archive is out of reach.
 * `busybox` makes the index of its modules, which is otherwise made when the package is installed.
 */
export function cloudKernel(cache: string, series: string, busybox: string): Kernel {
  const name = newest(search(series)) ?? newest(unpackedPackages(cache).filter((each) => isOfSeries(each, series)))
  if (name === null) throw new Unavailable(`Debian's archive here has no ${kernelPrefix}${series}.*${kernelSuffix}`)
  const folder = unpack(cache, name)
  const release = name.slice(kernelPrefix.length)
  const modules = join(folder, 'lib/modules', release)
  if (!existsSync(join(modules, 'modules.dep'))) {
    const { status, said } = run(busybox, ['depmod', '-b', folder, release])
    if (status !== 0) throw new Error(`depmod cannot read ${modules}: ${said}`)
  }
  return { release, image: join(folder, 'boot', `vmlinuz-${release}`), modules }
}

/** The folder with the files of a package. */
export function unpack(cache: string, name: string): string {
  const folder = join(cache, name)
  if (existsSync(folder)) return folder
  // Whole or not there, also when two do this at once.
  const work = join(cache, `.${name}.${process.pid}`)
  try {
    mkdirSync(work, { recursive: true })
    download(name, work)
    const [archive] = globSync(join(work, '*.deb'))
    if (archive === undefined) throw new Unavailable(`apt-get brought no file for the package ${name}`)
    const result = run('dpkg-deb', ['--extract', archive, join(work, 'files')])
    if (result.status !== 0) throw new Error(`cannot unpack ${archive}: ${result.said}`)
    if (!existsSync(folder)) renameSync(join(work, 'files'), folder)
    return folder
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const kernelPrefix = 'linux-image-'
const kernelSuffix = '-cloud-amd64'

/** `linux-image-6.1.0-56-cloud-amd64`: a certain version, not the package that only names the newest one. */
export function isOfSeries(name: string, series: string): boolean {
  const version = name.slice(kernelPrefix.length, -kernelSuffix.length)
  return name.startsWith(kernelPrefix) && name.endsWith(kernelSuffix) && version.startsWith(`${series}.`)
}

/** By version: every number in a name counts as a number. */
export function newest(names: readonly string[]): string | null {
  const byVersion = names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return byVersion.at(-1) ?? null
}

function unpackedPackages(cache: string): readonly string[] {
  return existsSync(cache) ? readdirSync(cache) : []
}

function search(series: string): readonly string[] {
  const ask = (): readonly string[] => {
    const pattern = `^${kernelPrefix}${series.replaceAll('.', '\\.')}\\..*${kernelSuffix}$`
    const lines = run('apt-cache', ['search', '--names-only', pattern]).stdout.split('\n')
    return lines.map((line) => line.split(' ', 1)[0] ?? '').filter((name) => isOfSeries(name, series))
  }
  const found = ask()
  return found.length > 0 || !readPackageLists() ? found : ask()
}

function download(name: string, folder: string): void {
  const fetch = () => run('apt-get', ['--quiet', 'download', name], folder)
  let result = fetch()
  // The lists may be old: of a kernel the archive keeps only the last few.
  if (result.status !== 0 && readPackageLists()) result = fetch()
  if (result.status !== 0) throw new Unavailable(`cannot download the Debian package ${name}: ${result.said}`)
}

/** At most once a run, and only where that is ours to do. */
function readPackageLists(): boolean {
  if (listsRead || process.geteuid?.() !== 0 || process.env['SLUICE_NO_INSTALL'] === '1') return false
  listsRead = true
  return run('apt-get', ['--quiet', 'update']).status === 0
}

let listsRead = false

function run(
  program: string,
  args: readonly string[],
  cwd = '/',
): { readonly status: number | null; readonly stdout: string; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (error !== undefined) throw new Unavailable(`this is no Debian machine: ${error.message}`)
  // What apt says about its sandbox is no error.
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('W: '))
  return { status, stdout, said: lines.join('; ') }
}
