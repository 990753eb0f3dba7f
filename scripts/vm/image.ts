// The initramfs of the virtual machine: this checkout as it stands, the pinned Node, the programs that the tests call,
// and the kernel's modules for networks. Nothing is compressed; it is made anew for each run, in about a second.

import { spawnSync } from 'node:child_process'
import { existsSync, globSync, lstatSync, readlinkSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { CpioArchive } from './cpio.ts'
import { Unavailable, type Kernel } from './packages.ts'
import { librariesOf, programFile } from './programs.ts'

export interface ImageOptions {
  readonly root: string
  /** a folder with the files of busybox-static */
  readonly busybox: string
  readonly kernel: Kernel
  /** as ava takes them */
  readonly testFiles: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** after so long the machine ends by itself, also when whoever started it has gone */
  readonly limitSeconds: number
}

/** Where the checkout is in the machine. */
const checkout = '/sluice'

/** What tests and the daemon call and busybox does not have, or does otherwise. */
const programs = ['sh', 'ip', 'tc', 'ethtool', 'curl', 'bpftool', 'nsenter', 'unshare', 'env'] as const

/** For checking and building, which was done before. */
const notNeeded = /^(?:typescript|@typescript|oxlint|@oxlint.*|prettier|node-linux-.*|\.cache|\.sluice-setup)$/

const moduleFolders = ['arch/x86', 'crypto', 'lib', 'net', 'drivers/net'] as const

/** Loaded at the start. The kernel asks for others, such as those of VLANs and tunnels, when they are used. */
const modules = ['veth', 'sch_ingress', 'cls_bpf'] as const

export function writeImage(path: string, options: ImageOptions): void {
  const archive = new CpioArchive(path)
  addSystem(archive, options)
  addPrograms(archive, options)
  addModules(archive, options.kernel)
  addCheckout(archive, options.root)
  archive.close()
}

function addSystem(archive: CpioArchive, { busybox, testFiles, environment, limitSeconds }: ImageOptions): void {
  for (const folder of ['dev', 'proc', 'sys', 'run', 'tmp', 'root', 'var']) archive.directory(folder)
  for (const folder of ['bin', 'sbin', 'lib', 'lib64']) archive.link(folder, `usr/${folder}`)
  archive.link('var/run', '../run')
  archive.file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n')
  archive.file('etc/group', 'root:x:0:\nnogroup:x:65534:\n')
  archive.file('etc/hosts', '127.0.0.1 localhost\n')
  const shell = [
    ...Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`),
    `limit_seconds=${limitSeconds}`,
    `modules='${modules.join(' ')}'`,
    `test_files='${testFiles.join(' ')}'`,
  ]
  archive.file('etc/sluice-vm', `${shell.join('\n')}\n`)
  archive.copy(join(import.meta.dirname, 'init'), 'init', 0o755)
  const binary = join(busybox, 'bin/busybox')
  archive.copy(binary, 'busybox/busybox', 0o755)
  // Behind the real programs in PATH.
  const applets = spawnSync(binary, ['--list'], { encoding: 'utf8' }).stdout.split('\n')
  for (const applet of applets) {
    if (applet !== '' && applet !== 'busybox') archive.link(`busybox/${applet}`, 'busybox')
  }
  archive.link('usr/sbin/modprobe', '/busybox/busybox')
}

function addPrograms(archive: CpioArchive, { root }: ImageOptions): void {
  const found = programs.map((name) => programFile(name))
  const node = join(root, pinnedNode())
  if (!existsSync(node)) throw new Unavailable(`the pinned Node is missing: ${pinnedNode()} (scripts/setup)`)
  const addon = join(root, 'build/sluice.node')
  for (const { source, path } of found) archive.copy(source, path, 0o755)
  for (const { source, path } of librariesOf([...found.map(({ source }) => source), node, addon]))
    archive.copy(source, path, 0o755)
  archive.copy(node, join(checkout, pinnedNode()), 0o755)
}

function pinnedNode(): string {
  return `node_modules/node-linux-${process.arch}/bin/node`
}

function addModules(archive: CpioArchive, { modules: folder, release }: Kernel): void {
  const target = join('/usr/lib/modules', release)
  const files = moduleFolders.flatMap((name) => globSync(join(folder, 'kernel', name, '**/*.ko')))
  for (const source of files) archive.copy(source, join(target, relative(folder, source)))
  for (const name of globSync(join(folder, 'modules.{dep,alias,symbols,builtin,builtin.modinfo,order}')))
    archive.copy(name, join(target, relative(folder, name)))
}

/** What git would have, the built objects, and the npm packages that run. */
function addCheckout(archive: CpioArchive, root: string): void {
  const top = globSync('*', { cwd: root, exclude: ['node_modules', 'build', '*.log'] })
  for (const name of top) addTree(archive, root, name)
  for (const name of globSync('build/{*.o,*.node,test,bench}', { cwd: root })) addTree(archive, root, name)
  const packages = globSync('node_modules/{*,.*}', { cwd: root }).filter(
    (path) => !notNeeded.test(relative('node_modules', path)),
  )
  for (const name of packages) addTree(archive, root, name)
}

function addTree(archive: CpioArchive, root: string, path: string): void {
  const source = join(root, path)
  const target = join(checkout, path)
  const status = lstatSync(source)
  if (status.isDirectory()) {
    archive.directory(target)
    for (const name of globSync('{*,.*}', { cwd: source })) addTree(archive, root, join(path, name))
  } else if (status.isSymbolicLink()) {
    archive.link(target, readlinkSync(source))
  } else if (status.isFile()) {
    archive.copy(source, target, statSync(source).mode & 0o777)
  }
}
