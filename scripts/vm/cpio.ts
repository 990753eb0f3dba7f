// Writes a cpio archive in the "newc" format, which is what the kernel takes as an initramfs
// (Documentation/driver-api/early-userspace/buffer-format.rst). Folders above an entry are made as needed; everything
// belongs to root.
//
//     070701  13 fields of 8 hexadecimal digits  name NUL  padding to 4  content  padding to 4

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { posix } from 'node:path'

const directoryMode = 0o040755
const fileMode = 0o100000
const linkMode = 0o120777
const trailer = 'TRAILER!!!'

export class CpioArchive {
  readonly #fd: number
  readonly #there = new Set(['.'])
  #entries = 0

  constructor(path: string) {
    this.#fd = openSync(path, 'w')
  }

  directory(path: string): void {
    const name = relative(path)
    if (this.#there.has(name)) return
    this.#entry(name, directoryMode, new Uint8Array())
  }

  /** `permissions` such as 0o755. */
  file(path: string, content: Uint8Array | string, permissions = 0o644): void {
    this.#entry(relative(path), fileMode | permissions, typeof content === 'string' ? Buffer.from(content) : content)
  }

  /** The content and nothing else of a file of this machine. */
  copy(source: string, path: string, permissions = 0o644): void {
    this.file(path, readFileSync(source), permissions)
  }

  link(path: string, target: string): void {
    this.#entry(relative(path), linkMode, Buffer.from(target))
  }

  /** Nothing may be added after this. */
  close(): void {
    this.#write(trailer, 0, new Uint8Array())
    closeSync(this.#fd)
  }

  #entry(name: string, mode: number, content: Uint8Array): void {
    if (this.#there.has(name)) throw new Error(`${name} is in the archive already`)
    this.directory(posix.dirname(name))
    this.#there.add(name)
    this.#entries += 1
    this.#write(name, mode, content)
  }

  #write(name: string, mode: number, content: Uint8Array): void {
    const nameBytes = Buffer.byteLength(name) + 1
    const inode = mode === 0 ? 0 : this.#entries
    const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameBytes, 0]
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`
    this.#append(Buffer.from(header))
    this.#append(content)
  }

  /** And pads to four bytes. */
  #append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
    writeSync(this.#fd, new Uint8Array(-bytes.length & 3))
  }
}

function relative(path: string): string {
  const name = posix.normalize(path).replace(/^\//, '')
  return name === '' ? '.' : name
}
