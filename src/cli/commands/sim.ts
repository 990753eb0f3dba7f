// `sim`: simulated peers, what they are doing on a line of the terminal, and what came of it.

import { setTimeout as sleep } from 'node:timers/promises'
import { isNativeError } from '../../../native/load.ts'
import { openSimSmf, openSimUpf } from '../../sim/open.ts'
import { addressBytes } from '../../wire/ip.ts'
import { CliError, usage } from '../errors.ts'
import { Interruption, Progress } from '../progress.ts'
import { smfLine, smfText, upfLine, upfText } from '../sim-lines.ts'
import type { SmfHandle, UpfHandle } from '../../sim/open.ts'
import type { SmfReport } from '../../sim/sim-smf.ts'
import type { GlobalOptions } from '../context.ts'
import type { Io } from '../io.ts'
import type { SimFlags, SmfFlags, UpfFlags } from '../sim-flags.ts'

const lookMs = 100
const linePeriodMs = 1000
/** for answers that are still on their way when nothing more is sent */
const settleMs = 300
const interruptedExitCode = 130

/** What everybody sees while it runs: a line on a terminal, or a line of JSON each second. */
class Display<Report> {
  readonly #io: Io
  readonly #json: boolean
  readonly #report: () => Report
  readonly #line: (report: Report) => string
  readonly #progress = new Progress({ stream: process.stderr, total: 0, now: Date.now })
  readonly #interruption = new Interruption()
  readonly #startMs = Date.now()
  readonly #timer: NodeJS.Timeout
  #shownMs = Date.now()
  phase = 'starts'

  constructor(io: Io, flags: SimFlags, report: () => Report, line: (report: Report) => string) {
    this.#io = io
    this.#json = flags.json === true
    this.#report = report
    this.#line = line
    this.#timer = setInterval(() => this.#show(), lookMs)
  }

  get isInterrupted(): boolean {
    return this.#interruption.isAsked
  }

  /** Until so many seconds have passed, or Ctrl-C. */
  async hold(seconds: number | undefined): Promise<void> {
    const endMs = seconds === undefined ? Infinity : Date.now() + seconds * 1000
    while (!this.isInterrupted && Date.now() < endMs) await sleep(Math.min(lookMs, Math.max(1, endMs - Date.now())))
  }

  /** Calls `cancel` when Ctrl-C comes before the work has ended. */
  async until<T>(work: Promise<T>, cancel: () => void): Promise<T> {
    const timer = setInterval(() => {
      if (this.isInterrupted) cancel()
    }, lookMs)
    try {
      return await work
    } finally {
      clearInterval(timer)
    }
  }

  /** Shows nothing more; `text` is what came of it. */
  end(text: (report: Report) => string): Report {
    this.close()
    const report = this.#report()
    this.#io.out(this.#json ? this.#jsonLine('done', report) : text(report))
    return report
  }

  close(): void {
    clearInterval(this.#timer)
    this.#interruption.close()
    this.#progress.clear()
  }

  #show(): void {
    if (!this.#json) {
      this.#progress.show(`${this.phase}: ${this.#line(this.#report())}`)
      return
    }
    if (Date.now() - this.#shownMs < linePeriodMs) return
    this.#shownMs = Date.now()
    this.#io.out(this.#jsonLine(this.phase, this.#report()))
  }

  #jsonLine(phase: string, report: Report): string {
    return `${JSON.stringify({ phase, elapsedMs: Date.now() - this.#startMs, ...report })}\n`
  }
}

/** What cannot be opened is the caller's: an address that is not here, or options that cannot stand together. */
const opened = <T>(open: () => T): T => {
  try {
    return open()
  } catch (error) {
    if (error instanceof RangeError) throw usage(error.message)
    if (!isNativeError(error)) throw error
    throw new CliError(`cannot open a socket: ${error.message}`, 1, { cause: error })
  }
}

const times = ({ heartbeat, retransmit, tries }: SimFlags) => ({
  heartbeatMs: heartbeat * 1000,
  retransmitMs: retransmit,
  tries,
})

const openSmf = (flags: SmfFlags): SmfHandle => {
  const { address, dnn, gnb, n3, packetBytes, peer, qfi, slice, tunnel, ueFromUpf, uePrefix } = flags
  return openSimSmf({
    ...times(flags),
    address,
    peer,
    gnbs: gnb ?? [address],
    tunnel,
    dnn,
    qfi,
    packetBytes,
    ...(n3 === undefined ? {} : { n3 }),
    ...(slice === undefined ? {} : { slice }),
    ...(uePrefix === undefined ? {} : { uePrefix }),
    ...(ueFromUpf === undefined ? {} : { uePrefix: null, ueFamily: ueFromUpf === '4' ? 4 : 6 }),
  })
}

export const simSmf = async (io: Io, flags: GlobalOptions & SmfFlags): Promise<void> => {
  const smf = opened(() => openSmf(flags))
  const display = new Display(io, flags, () => smf.report(), smfLine)
  try {
    await drive(smf, flags, display)
    const { problems } = display.end(smfText)
    // Without a time to hold, Ctrl-C is how it ends.
    if (display.isInterrupted && flags.seconds !== undefined) throw new CliError('interrupted', interruptedExitCode)
    if (problems.length > 0) throw new CliError('not all answers were right', 1)
  } finally {
    display.close()
    smf.stop()
  }
}

const drive = async (smf: SmfHandle, flags: SmfFlags, display: Display<SmfReport>): Promise<void> => {
  const pace = { perSecond: flags.rate ?? Infinity, concurrency: flags.concurrency }
  const cancel = (): void => smf.cancel()
  display.phase = 'associates'
  await smf.associate().catch((error: unknown) => {
    throw new CliError((error as Error).message, 1, { cause: error })
  })
  display.phase = 'establishes'
  await display.until(smf.establish(flags.sessions, pace), cancel)
  smf.send(flags.packetRate)
  if (flags.modify && !display.isInterrupted) {
    display.phase = 'hands over'
    await display.until(smf.modify(pace), cancel)
  }
  display.phase = 'holds'
  await display.hold(flags.seconds)
  smf.send(0)
  if (flags.packetRate > 0) await sleep(settleMs)
  if (flags.keep) return
  display.phase = 'deletes'
  await smf.remove(pace)
  await smf.release()
}

const openUpf = (flags: UpfFlags): UpfHandle => {
  const { address, answer, features, firstSeid, firstTeid, load, loop, n3, refuse, teidRange, uePrefix } = flags
  return openSimUpf({
    ...times(flags),
    address,
    number: flags.number ?? numberOf(address),
    loop,
    firstTeid,
    firstSeid: BigInt(firstSeid),
    n3: n3 ?? null,
    teidRange: teidRange ?? null,
    features: features ?? null,
    refuse: refuse ?? null,
    load: load ?? null,
    behaviour: answer === undefined ? null : { manner: answer, share: flags.answerShare },
    ...(uePrefix === undefined ? {} : { uePrefix }),
  })
}

export const simUpf = async (io: Io, flags: GlobalOptions & UpfFlags): Promise<void> => {
  const upf = opened(() => openUpf(flags))
  const display = new Display(io, flags, () => upf.state(), upfLine)
  try {
    for (const address of flags.associate ?? []) {
      await upf.associate(address).catch((error: unknown) => {
        throw new CliError((error as Error).message, 1, { cause: error })
      })
    }
    display.phase = 'serves'
    const { report, reportAfter, seconds } = flags
    if (report !== undefined) {
      await display.hold(Math.min(reportAfter, seconds ?? Infinity))
      upf.report(report, Infinity)
    }
    await display.hold(seconds === undefined || report === undefined ? seconds : Math.max(0, seconds - reportAfter))
    display.end(upfText)
  } finally {
    display.close()
    upf.stop()
  }
}

/** The last two bytes of the address; 0 stands for no UPF. */
const numberOf = (address: string): number => {
  const bytes = addressBytes(address)
  return (bytes[14]! << 8) | bytes[15]! || 1
}
