// `inspect`: the messages of a capture, a line each, those of one session, or how many there are.

import { stat } from 'node:fs/promises'
import { CaptureError, Messages, NodeList, noSession, placedKeys, readCapture, Sessions } from '../../captures/index.ts'
import type { CapturedFrame, Message } from '../../captures/index.ts'
import type { ProtocolName, SessionKey } from '../../protocols/protocol.ts'
import { CliError, usage } from '../errors.ts'
import type { InspectFlags } from '../inspect-flags.ts'
import { messageJson, messageLine } from '../inspect-lines.ts'
import { Stats } from '../inspect-stats.ts'
import { printData, printTable } from '../output.ts'
import { Interruption, Progress } from '../progress.ts'
import { keyMatcher } from '../session-key.ts'
import type { GlobalOptions } from '../context.ts'
import type { Io } from '../io.ts'

type Options = GlobalOptions & InspectFlags

const standardInput = '/dev/stdin'
/** of text that is handed over at once */
const blockLength = 1 << 16
const interruptedExitCode = 130

/** One way through the file. */
interface Pass {
  /** null: of all protocols */
  readonly only: ReadonlySet<ProtocolName> | null
  readonly onFrame?: (frame: CapturedFrame) => void
  readonly onMessage: (message: Message) => void
  /** between parts of the file */
  readonly settle?: () => Promise<void>
}

interface Ended {
  readonly frames: number
  readonly messages: Messages
  /** why not all of the file could be read */
  readonly problem: CaptureError | null
}

export const inspect = async (io: Io, file: string, options: Options): Promise<void> => {
  if (options.output === 'yaml' && options.stats === undefined)
    throw usage('-o yaml is for --stats; messages are lines: -o json prints an object a line')
  const matches = options.session === undefined ? null : keyMatcher(options.session)
  const path = file === '-' ? standardInput : file
  const { isFile, size } = await look(path)
  if (matches !== null && !isFile) throw usage('--session reads the file twice, and this is none that can be')
  const total = matches === null ? size : size * 2
  const progress = new Progress({ stream: process.stderr, total, now: Date.now })
  const interruption = new Interruption()
  const clear = (): void => progress.clear()
  process.once('exit', clear)
  try {
    await new Inspection({ io, path, options, progress, interruption }).run(matches)
  } finally {
    progress.clear()
    interruption.close()
    process.off('exit', clear)
  }
}

const look = async (path: string): Promise<{ readonly isFile: boolean; readonly size: number }> => {
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw usage(`${path} is a directory`)
    return { isFile: found.isFile(), size: found.isFile() ? found.size : 0 }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw usage(`there is no file ${path}`)
    throw error
  }
}

interface Parts {
  readonly io: Io
  readonly path: string
  readonly options: Options
  readonly progress: Progress
  readonly interruption: Interruption
}

class Inspection {
  readonly #parts: Parts
  readonly #only: ReadonlySet<ProtocolName> | null
  /** lines that have not been handed over yet */
  #text = ''
  readonly #malformed = new Map<string, number>()

  constructor(parts: Parts) {
    this.#parts = parts
    this.#only = parts.options.protocol === undefined ? null : new Set(parts.options.protocol)
  }

  async run(matches: ((key: SessionKey) => boolean) | null): Promise<void> {
    const { interruption, options, path } = this.#parts
    const chosen = matches === null ? null : await this.#follow(matches)
    const stats = options.stats === undefined ? null : new Stats()
    const ended = await this.#go({
      only: chosen === null ? this.#only : null,
      ...(stats === null ? {} : { onFrame: (frame: CapturedFrame) => stats.frame(frame) }),
      onMessage: (message) => {
        if (chosen !== null && !(chosen(message) && this.#wants(message))) return
        if (stats !== null) stats.message(message)
        else this.#print(message)
      },
      settle: () => this.#handOver(),
    })
    await this.#handOver()
    this.#parts.progress.clear()
    if (stats !== null) await this.#printStats(stats, ended)
    this.#sayWhatWasLeftOut(ended)
    if (ended.problem !== null) throw new CliError(`${path}: ${ended.problem.message}`, 1, { cause: ended.problem })
    if (interruption.isAsked) throw new CliError(`interrupted after ${ended.frames} frames`, interruptedExitCode)
  }

  /** Which messages are of the sessions that have such a key. */
  async #follow(matches: (key: SessionKey) => boolean): Promise<(message: Message) => boolean> {
    const sessions = new Sessions()
    const nodes = new NodeList()
    const found = new Set<number>()
    let isFound = false
    const hasKey = ({ keys, place }: Message): boolean => keys.length > 0 && placedKeys(keys, place).some(matches)
    const { io, options, path } = this.#parts
    const { problem } = await this.#go({
      only: null,
      onMessage: (message) => {
        const node = sessions.add(message)
        nodes.push(node)
        if (!hasKey(message)) return
        isFound = true
        if (node !== noSession) found.add(sessions.root(node))
      },
    })
    this.#parts.progress.clear()
    for (const [reason, count] of sessions.troubles) io.say(`${reason} (${count})`)
    if (!isFound && problem === null && !this.#parts.interruption.isAsked)
      throw new CliError(`no message of ${path} has the session key ${options.session}`, 3)
    const roots = new Set([...found].map((node) => sessions.root(node)))
    let index = 0
    return (message) => {
      const node = nodes.at(index++)
      return node === noSession ? hasKey(message) : roots.has(sessions.root(node))
    }
  }

  async #go({ onFrame, onMessage, only, settle }: Pass): Promise<Ended> {
    const { interruption, path, progress } = this.#parts
    const messages = new Messages({ only })
    let frames = 0
    let problem: CaptureError | null = null
    try {
      for await (const part of readCapture(path, { onRead: (bytes) => progress.add(bytes) })) {
        for (const frame of part) {
          frames = frame.number
          onFrame?.(frame)
          for (const message of messages.read(frame)) onMessage(message)
        }
        await settle?.()
        if (interruption.isAsked) break
        progress.show(`${frames} frames`)
      }
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error
      problem = error
    }
    for (const message of messages.finish()) onMessage(message)
    return { frames, messages, problem }
  }

  #wants({ protocol }: Message): boolean {
    return this.#only === null || this.#only.has(protocol.name)
  }

  #print(message: Message): void {
    const { io, options } = this.#parts
    const { error, protocol } = message
    if (error !== null) {
      const what = `${protocol.name}: ${error.reason}`
      this.#malformed.set(what, (this.#malformed.get(what) ?? 0) + 1)
    }
    this.#text += options.output === 'json' ? messageJson(message) : messageLine(io, message, options.output === 'wide')
    if (this.#text.length >= blockLength) this.#write()
  }

  #write(): void {
    if (this.#text === '') return
    this.#parts.progress.clear()
    this.#parts.io.out(this.#text)
    this.#text = ''
  }

  async #handOver(): Promise<void> {
    this.#write()
    await this.#parts.io.flush()
  }

  async #printStats(stats: Stats, { messages, problem }: Ended): Promise<void> {
    const { io, options } = this.#parts
    const data = {
      ...stats.data(),
      skipped: Object.fromEntries(messages.skipped),
      unread: Object.fromEntries(messages.troubles),
      problem: problem?.message ?? null,
    }
    if (await printData(io, data, options.output)) return
    printTable(io, stats.view(), options)
    io.say(stats.summary())
  }

  #sayWhatWasLeftOut({ messages }: Ended): void {
    const { io } = this.#parts
    for (const [link, count] of messages.skipped)
      io.say(`skipped, since this link layer is not read: ${link} (${count})`)
    for (const [reason, count] of messages.troubles) io.say(`not read: ${reason} (${count})`)
    for (const [what, count] of this.#malformed) io.say(`malformed: ${what} (${count})`)
  }
}
