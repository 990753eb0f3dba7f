// Captures as files, also compressed by gzip, read from start to end in chunks.

import { createReadStream } from 'node:fs'
import { constants, createGunzip } from 'node:zlib'
import type { Gunzip } from 'node:zlib'
import { CaptureError } from './frame.ts'
import type { CapturedFrame } from './frame.ts'
import { CaptureReader } from './reader.ts'

const chunkBytes = 1 << 20
/** Of compressed bytes that are unpacked at once: a thousand times as many may come out. */
const packedBytes = 1 << 14

export interface ReadOptions {
  /** told as bytes of the file are read */
  readonly onRead?: (bytes: number) => void
}

/**
 * The frames of a file, in parts: each part is to be gone through before the next is asked for. Throws CaptureError
 * where the file cannot be read on; the frames before have been given.
 */
export async function* readCapture(path: string, options: ReadOptions = {}): AsyncGenerator<Iterable<CapturedFrame>> {
  const reader = new CaptureReader()
  for await (const chunk of unpacked(chunksOf(path, options))) yield reader.read(chunk)
  reader.finish()
}

/** One frame by its number, with bytes of its own; undefined where the file has fewer. The rest is not read. */
export async function readCapturedFrame(path: string, number: number): Promise<CapturedFrame | undefined> {
  for await (const frames of readCapture(path)) {
    for (const frame of frames) if (frame.number === number) return { ...frame, bytes: new Uint8Array(frame.bytes) }
  }
  return undefined
}

async function* chunksOf(path: string, { onRead }: ReadOptions): AsyncGenerator<Uint8Array> {
  const stream: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: chunkBytes })
  for await (const chunk of stream) {
    onRead?.(chunk.length)
    yield chunk
  }
}

async function* unpacked(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const first = await chunks.next()
  if (first.done === true) return
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield first.value
    yield* chunks
    return
  }
  const gunzip = new Unpacker()
  try {
    yield* gunzip.unpack(first.value)
    for await (const chunk of chunks) yield* gunzip.unpack(chunk)
    yield* gunzip.finish()
  } finally {
    gunzip.close()
  }
}

/** Gives what was unpacked before the place where the bytes are wrong, which a pipeline of streams would lose. */
class Unpacker {
  readonly #gunzip: Gunzip
  #unpacked: Uint8Array[] = []
  #total = 0
  #error: Error | null = null
  #settle = (): void => {}

  constructor() {
    this.#gunzip = createGunzip({ chunkSize: 1 << 17, finishFlush: constants.Z_FINISH })
    this.#gunzip.on('data', (bytes: Uint8Array) => this.#unpacked.push(bytes))
    this.#gunzip.on('error', (error) => {
      this.#error = error
      this.#settle()
    })
  }

  async *unpack(packed: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < packed.length; at += packedBytes) {
      const part = packed.subarray(at, at + packedBytes)
      await this.#settled((done) => void this.#gunzip.write(part, done))
      yield* this.#take()
    }
  }

  async *finish(): AsyncGenerator<Uint8Array> {
    await this.#settled((done) => {
      this.#gunzip.once('end', done)
      this.#gunzip.end()
    })
    yield* this.#take()
  }

  close(): void {
    this.#gunzip.close()
  }

  #settled(start: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve
      start(resolve)
    })
  }

  *#take(): Generator<Uint8Array> {
    const parts = this.#unpacked
    this.#unpacked = []
    for (const part of parts) {
      this.#total += part.length
      yield part
    }
    if (this.#error === null) return
    const isCut = 'code' in this.#error && this.#error.code === 'Z_BUF_ERROR'
    const place = { offset: this.#total, frame: 0 }
    if (isCut) throw new CaptureError('cut', 'truncated', place, 'the compressed file ends before its content does')
    throw new CaptureError('damaged', 'gzip damaged', place, this.#error.message)
  }
}
