// The grammar of `sim`: simulated peers of N4 and N3, and how they are to behave.

import { InvalidArgumentError, Option } from 'commander'
import { reportKinds, tunnelChoices } from '../sim/choices.ts'
import type { ReportKind, TunnelChoice } from '../sim/choices.ts'
import type { Manner } from '../sim/pfcp-node.ts'
import type { TeidRange } from '../sim/upf-pools.ts'
import { collect, parseAddress, wholeNumber } from './arguments.ts'
import type { Command } from 'commander'
import type { Io } from './io.ts'

export interface SimFlags {
  readonly json?: true
  /** seconds */
  readonly seconds?: number
  readonly heartbeat: number
  readonly retransmit: number
  readonly tries: number
}

export interface SmfFlags extends SimFlags {
  readonly address: string
  readonly peer: string
  readonly gnb?: readonly string[]
  readonly sessions: number
  readonly rate?: number
  readonly concurrency: number
  readonly tunnel: TunnelChoice
  readonly n3?: string
  readonly uePrefix?: string
  readonly ueFromUpf?: '4' | '6'
  readonly dnn: string
  readonly slice?: string
  readonly qfi: number
  readonly packetRate: number
  readonly packetBytes: number
  readonly modify?: true
  readonly keep?: true
}

export interface UpfFlags extends SimFlags {
  readonly address: string
  readonly n3?: string
  readonly number?: number
  readonly loop: boolean
  readonly uePrefix?: string
  readonly teidRange?: TeidRange
  readonly firstTeid: number
  readonly firstSeid: number
  readonly features?: Uint8Array
  readonly answer?: Manner
  readonly answerShare: number
  readonly refuse?: number
  readonly load?: number
  readonly associate?: readonly string[]
  readonly report?: ReportKind
  readonly reportAfter: number
}

/** A number that is neither too small nor too large. */
const numberFrom =
  (least: number, most: number) =>
  (text: string): number => {
    const value = wholeNumber(text)
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`It is a number from ${least} to ${most}.`)
  }

const positive = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= 86_400) return value
  throw new InvalidArgumentError('It is a number of seconds, above 0 and up to 86400.')
}

const share = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= 1) return value
  throw new InvalidArgumentError('It is a number above 0 and up to 1.')
}

const addresses = (text: string, before: readonly string[] = []): readonly string[] =>
  [...before, ...collect(text)].map(parseAddress)

const manner = (text: string): Manner => {
  if (text === 'twice' || text === 'never') return { kind: text }
  const [, delay] = /^late:([0-9]{1,5})$/.exec(text) ?? []
  if (delay !== undefined) return { kind: 'late', delayMs: Number(delay) }
  throw new InvalidArgumentError('It is late:MILLISECONDS, twice or never.')
}

const teidRange = (text: string): TeidRange => {
  const [, value = '', bits] = /^(0x[0-9a-f]{1,2}|[0-9]{1,3})\/([1-7])$/i.exec(text) ?? []
  const range = { value: Number(value), bits: Number(bits) }
  if (value !== '' && range.value <= 255 && (range.value & (0xff >> range.bits)) === 0) return range
  throw new InvalidArgumentError('It is the highest byte of the TEIDs and how many of its bits count: 0x40/2.')
}

const features = (text: string): Uint8Array => {
  if (/^([0-9a-f]{2}){2,16}$/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  throw new InvalidArgumentError('It is the bytes of UP Function Features in hexadecimal: 300304.')
}

const addCommon = (command: Command): Command =>
  command
    .option('--seconds <seconds>', 'how long it holds its sessions; without it until Ctrl-C', positive)
    .option('--json', 'a line of JSON each second, and a last one with what came of it')
    .option('--heartbeat <seconds>', 'time between heartbeats', positive, 10)
    .option('--retransmit <ms>', 'how long an answer is waited for (T1)', numberFrom(1, 60_000), 1000)
    .option('--tries <count>', 'how often a request is sent (N1)', numberFrom(1, 100), 4)

const addSmf = (sim: Command, io: Io): void => {
  const smf = sim
    .command('smf')
    .description('an SMF and its gNBs: sessions at a rate, and their packets')
    .requiredOption('--address <address>', 'its own address, for PFCP', parseAddress)
    .requiredOption('--peer <address>', 'the UPF, or the VIP before many', parseAddress)
    .option(
      '--gnb <addresses>',
      'own addresses of gNBs; several with commas (default: the address of the SMF)',
      addresses,
    )
    .option('--sessions <count>', 'how many', numberFrom(1, 4_000_000), 1)
    .option('--rate <perSecond>', 'establishments, hand-overs, deletions a second', numberFrom(1, 1_000_000))
    .option('--concurrency <count>', 'requests that wait for their answer at most', numberFrom(1, 65_536), 64)
    .addOption(
      new Option('--tunnel <who>', 'who chooses the F-TEID of the uplink: the user plane, or the SMF')
        .choices(tunnelChoices)
        .default('choose'),
    )
    .option('--n3 <address>', 'what F-TEIDs must have', parseAddress)
    .option('--ue-prefix <prefix>', 'UEs have addresses of this prefix (default: 10.48.0.0/12)')
  smf
    .addOption(
      new Option('--ue-from-upf <family>', 'the user plane chooses the addresses of UEs')
        .choices(['4', '6'])
        .conflicts('uePrefix'),
    )
    .option('--dnn <name>', 'DNN and network instance', 'internet')
    .option('--slice <s-nssai>', 'S-NSSAI, such as 1-000001')
    .option('--qfi <qfi>', 'QoS flow of the packets', numberFrom(0, 63), 9)
    .option('--packet-rate <perSecond>', 'uplink packets, of all sessions in turn', numberFrom(0, 10_000_000), 0)
    .option('--packet-bytes <bytes>', 'size of a packet of a UE', numberFrom(68, 1500), 100)
    .option('--modify', 'hand every session over to the next gNB, once')
    .option('--keep', 'leave the sessions and the association at the end')
  addCommon(smf)
    .addHelpText(
      'after',
      '\nExits with 1 if an answer was wrong or missing.\n\nExample:\n' +
        '  sluice sim smf --address 10.0.0.2 --peer 20.20.20.1 --gnb 10.0.0.3 --sessions 10000 --rate 2000 ' +
        '--packet-rate 5000 --seconds 10',
    )
    .action(async (_flags: unknown, self: Command) => {
      const { simSmf } = await import('./commands/sim.ts')
      await simSmf(io, self.optsWithGlobals())
    })
}

const addUpf = (sim: Command, io: Io): void => {
  const upf = sim
    .command('upf')
    .description('a UPF: answers PFCP, counts the packets of its tunnels, sends them back')
    .requiredOption('--address <address>', 'its own address, for PFCP', parseAddress)
    .option('--n3 <address>', 'its own address for GTP-U (default: that for PFCP)', parseAddress)
    .option('--number <number>', 'tells UPFs apart (default: the last two bytes of the address)', numberFrom(1, 65_535))
    .option('--no-loop', 'packets are counted and not sent back')
    .option('--ue-prefix <prefix>', 'UEs that ask for an address get one of this prefix (default: 10.64.0.0/12)')
    .option('--teid-range <byte/bits>', 'TEIDs have this highest byte, as far as so many bits', teidRange)
    .option('--first-teid <teid>', 'its first TEID', numberFrom(1, 0xffff_ffff), 1)
    .option('--first-seid <seid>', 'its first SEID', numberFrom(1, 0xffff_ffff), 1)
    .option('--features <hex>', 'UP Function Features', features)
    .option('--answer <how>', 'session requests are answered late:MILLISECONDS, twice or never', manner)
    .option('--answer-share <share>', 'only this share of them', share, 1)
    .option('--refuse <cause>', 'refuses every session with this cause', numberFrom(64, 255))
    .option('--load <metric>', 'tells how loaded it is, in percent', numberFrom(0, 100))
    .option('--associate <addresses>', 'sets up associations with these control planes itself', addresses)
    .addOption(new Option('--report <kind>', 'reports this about every session').choices(reportKinds))
    .option('--report-after <seconds>', 'when it does', positive, 10)
  addCommon(upf)
    .addHelpText('after', '\nExample:\n  sluice sim upf --address 10.0.1.2 --answer late:50 --answer-share 0.1')
    .action(async (_flags: unknown, self: Command) => {
      const { simUpf } = await import('./commands/sim.ts')
      await simUpf(io, self.optsWithGlobals())
    })
}

export const addSim = (program: Command, io: Io): void => {
  const sim = program.command('sim').description('peers of N4 and N3 that make load and check what they get')
  addSmf(sim, io)
  addUpf(sim, io)
}
