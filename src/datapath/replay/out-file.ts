// The capture that a replay writes: each frame that took part once, as it left or else as it came, with what became of
// it as a comment; and what the slow path and proxies have sent.

import { closeSync, openSync, writeSync } from 'node:fs'
import { linkTypes, pcapngFrame, pcapngHeader } from '../../captures/index.ts'
import type { CaptureTime } from '../../captures/index.ts'

/** Names of the interfaces, in their order. */
const interfaces = ['out', 'in', 'slow-path', 'proxy'] as const

const bufferBytes = 1 << 20

export class OutFile {
  readonly #fd: number
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(path: string) {
    this.#fd = openSync(path, 'w')
    this.#add(pcapngHeader(interfaces.map((name) => ({ linkType: linkTypes.ethernet, name }))))
  }

  write(way: (typeof interfaces)[number], bytes: Uint8Array, time: CaptureTime, comment: string): void {
    this.#add(pcapngFrame({ interface: interfaces.indexOf(way), time, bytes, comments: [comment] }))
  }

  close(): void {
    this.#flush()
    closeSync(this.#fd)
  }

  #add(bytes: Uint8Array): void {
    this.#parts.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes >= bufferBytes) this.#flush()
  }

  #flush(): void {
    const all = Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    for (let at = 0; at < all.length;) at += writeSync(this.#fd, all, at)
  }
}
