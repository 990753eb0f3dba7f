// A log of records in a file, for whoever starts after us: what is written to it outlives the process, also one that is
// killed, since it is in the kernel's page cache when `append` returns. Nothing is synced before the end: of a machine
// that goes down only a log that was closed is read again.
//
//     0   16  "sluice kept log\n"
//    16   12  the head, written anew after each batch: where the batches end (6 bytes), state (1: open, 2: closed),
//             a byte 0, CRC-32 of these 8
//    28       batches: length (4), CRC-32 (4), records; the first has one record, which is JSON and says what this is
//
// A record is its length (4) and its bytes. A batch that is behind the end of the head was never finished, and what it
// tells of has been told to nobody: it is left out. Everything else that is not as it was written makes the whole log
// unreadable. Numbers are in network order.

import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { read32, write16, write32 } from '../wire/fields.ts'

const magic = Buffer.from('sluice kept log\n')
const headAt = 16
const headBytes = 12
const batchesAt = headAt + headBytes
const batchHeader = 8
const lengthBytes = 4
const isOpen = 1
const isClosed = 2
/** A batch that a reader takes into memory at once. */
const longestBatch = 0x400_0000
/** Records of one batch, when many are written at once. */
const batchBytes = 0x10_0000

/** Why a log is not taken up. */
export class UnreadableLog extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(why, options)
    this.name = 'UnreadableLog'
  }
}

const temporaryOf = (file: string): string => `${file}.tmp`

function headOf(end: number, state: number): Uint8Array {
  const head = new Uint8Array(headBytes)
  write16(head, 0, Math.floor(end / 2 ** 32))
  write32(head, 2, end % 2 ** 32)
  head[6] = state
  write32(head, 8, crc32(head.subarray(0, 8)))
  return head
}

function batchOf(records: readonly Uint8Array[]): Uint8Array {
  const length = records.reduce((sum, record) => sum + lengthBytes + record.length, 0)
  const batch = Buffer.allocUnsafe(batchHeader + length)
  let at = batchHeader
  for (const record of records) {
    write32(batch, at, record.length)
    batch.set(record, at + lengthBytes)
    at += lengthBytes + record.length
  }
  write32(batch, 0, length)
  write32(batch, 4, crc32(batch.subarray(batchHeader)))
  return batch
}

export class KeptLog {
  readonly #file: string
  readonly #fd: number
  #bytes = batchesAt
  #isClosed = false

  private constructor(file: string, fd: number) {
    this.#file = file
    this.#fd = fd
  }

  /**
   * An empty one, whose description is anything that JSON can say. It is not found under its name before `publish`.
   * Throws what the file system throws.
   */
  static begin(file: string, description: object): KeptLog {
    const log = new KeptLog(file, openSync(temporaryOf(file), 'w', 0o600))
    try {
      log.#write(magic, 0)
      log.append([Buffer.from(JSON.stringify(description))])
      return log
    } catch (error) {
      log.discard()
      throw error
    }
  }

  /** Takes the place of what had the name before. */
  publish(): void {
    renameSync(temporaryOf(this.#file), this.#file)
  }

  /** Was not published, and will not be. */
  discard(): void {
    this.abandon()
    rmSync(temporaryOf(this.#file), { force: true })
  }

  /** of the file */
  get bytes(): number {
    return this.#bytes
  }

  /** Is kept when this returns. Throws what the file system throws: the log ends before this batch then. */
  append(records: readonly Uint8Array[]): void {
    const batch = batchOf(records)
    this.#write(batch, this.#bytes)
    this.#write(headOf(this.#bytes + batch.length, isOpen), headAt)
    this.#bytes += batch.length
  }

  /** The same in batches of a size that a reader likes. */
  appendAll(records: Iterable<Uint8Array>): void {
    let batch: Uint8Array[] = []
    let bytes = 0
    for (const record of records) {
      batch.push(record)
      bytes += record.length
      if (bytes < batchBytes) continue
      this.append(batch)
      batch = []
      bytes = 0
    }
    if (batch.length > 0) this.append(batch)
  }

  /** Nothing more comes; it is on the disk when this returns. */
  close(): void {
    if (this.#isClosed) return
    fdatasyncSync(this.#fd)
    this.#write(headOf(this.#bytes, isClosed), headAt)
    fsyncSync(this.#fd)
    syncDirectoryOf(this.#file)
    this.abandon()
  }

  /** Leaves it as one whose process was killed. */
  abandon(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    closeSync(this.#fd)
  }

  #write(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done, bytes.length - done, at + done)
  }
}

export interface ReadLog {
  /** what the first record says: anything */
  readonly description: unknown
  readonly closed: boolean
  /** Throws UnreadableLog. Views of memory that is not written again. */
  readonly records: Iterable<Uint8Array>
  close(): void
}

/** Null: there is none. Throws UnreadableLog for what is none, and what the file system throws. */
export function readLog(file: string): ReadLog | null {
  const fd = openOrNull(file)
  if (fd === null) return null
  try {
    const { closed, end } = readHead(fd)
    const batches = readBatches(fd, end)
    const first = batches.next()
    const [description] = first.done === true ? [] : [...recordsOf(first.value)]
    if (description === undefined) throw new UnreadableLog('it does not say what it is')
    return {
      description: parse(description),
      closed,
      records: flat(batches),
      close: () => closeSync(fd),
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function openOrNull(file: string): number | null {
  try {
    return openSync(file, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

function parse(description: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(description).toString())
  } catch (cause) {
    throw new UnreadableLog('it does not say what it is', { cause })
  }
}

function* flat(batches: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const batch of batches) yield* recordsOf(batch)
}

function readHead(fd: number): { readonly closed: boolean; readonly end: number } {
  const start = readAt(fd, 0, batchesAt)
  if (!start.subarray(0, headAt).equals(magic)) throw new UnreadableLog('it is of another kind')
  const head = start.subarray(headAt)
  if (crc32(head.subarray(0, 8)) !== read32(head, 8)) throw new UnreadableLog('its head is damaged')
  const end = head.readUIntBE(0, 6)
  const state = head[6]
  if ((state !== isOpen && state !== isClosed) || head[7] !== 0 || end < batchesAt)
    throw new UnreadableLog('its head says nothing')
  const { size } = fstatSync(fd)
  if (size < end) throw new UnreadableLog(`${end - size} of its ${end} bytes are missing`)
  return { closed: state === isClosed, end }
}

function* readBatches(fd: number, end: number): Generator<Uint8Array> {
  const window = new Window(fd, end)
  for (let at = batchesAt; at < end;) {
    const header = window.take(at, batchHeader)
    const length = read32(header, 0)
    if (length > longestBatch) throw new UnreadableLog(`what begins at byte ${at} is too long`)
    const batch = window.take(at + batchHeader, length)
    if (crc32(batch) !== read32(header, 4)) throw new UnreadableLog(`what begins at byte ${at} is damaged`)
    yield batch
    at += batchHeader + length
  }
}

/** A part of the file in memory; many batches are short. */
class Window {
  readonly #fd: number
  readonly #end: number
  #at = 0
  #bytes: Buffer = Buffer.alloc(0)

  constructor(fd: number, end: number) {
    this.#fd = fd
    this.#end = end
  }

  take(at: number, length: number): Buffer {
    if (at + length > this.#end) throw new UnreadableLog(`what stands at byte ${at} goes beyond the end`)
    if (at < this.#at || at + length > this.#at + this.#bytes.length) {
      this.#bytes = readAt(this.#fd, at, Math.max(length, Math.min(batchBytes, this.#end - at)))
      this.#at = at
    }
    return this.#bytes.subarray(at - this.#at, at - this.#at + length)
  }
}

function* recordsOf(batch: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < batch.length;) {
    const length = at + lengthBytes > batch.length ? Infinity : read32(batch, at)
    at += lengthBytes
    if (at + length > batch.length) throw new UnreadableLog('a record is too long')
    yield batch.subarray(at, at + length)
    at += length
  }
}

/** Throws UnreadableLog where the file ends before. */
function readAt(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let done = 0; done < length;) {
    const got = readSync(fd, bytes, done, length - done, at + done)
    if (got === 0) throw new UnreadableLog(`it ends at byte ${at + done}`)
    done += got
  }
  return bytes
}

/** The directory knows the name that a log has now. */
function syncDirectoryOf(file: string): void {
  const fd = openSync(dirname(file), 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
