// `explain`: what the fast path would do with a packet that is described, or captured, without doing it.

import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { CaptureError, linkTypes, readCapturedFrame } from '../../captures/index.ts'
import { families, NetlinkSocket } from '../../datapath/network/netlink-socket.ts'
import { readLinks } from '../../datapath/network/links.ts'
import { readEgress } from '../../datapath/network/routes.ts'
import { addressesOf, explain as explainFrame, ExplainError, linesOf } from '../../datapath/explain/index.ts'
import { defaultInstance, pinDirectory } from '../../lb/paths.ts'
import { addressBytes, isMappedIPv4, parsePrefix, prefixContains } from '../../wire/ip.ts'
import { buildProbe } from '../../wire/probe.ts'
import { parsePlace } from '../arguments.ts'
import { connectTo } from '../client.ts'
import { CliError, usage } from '../errors.ts'
import { printData, printTable } from '../output.ts'
import { resolveInstance, resolveTarget } from '../target.ts'
import type { ServiceOutput, Status } from '../../api/schemas.ts'
import type { Explained, Question } from '../../datapath/explain/index.ts'
import type { ProbeProtocol } from '../../wire/probe.ts'
import type { GlobalOptions } from '../context.ts'
import type { Io } from '../io.ts'

export interface ExplainFlags extends GlobalOptions {
  readonly proto?: ProbeProtocol
  readonly from?: string
  readonly to?: string
  readonly in?: string
  readonly flags?: string
  readonly hook?: 'xdp' | 'tc'
  readonly mark?: number
  readonly pcap?: string
  readonly frame?: number
}

const objects = join(import.meta.dirname, '../../../build')
const nobodysMac = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01)
const flagBits: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32 }

// ---- what is asked --------------------------------------------------------------------------------------------------

interface Described {
  readonly kind: 'described'
  readonly protocol: ProbeProtocol
  readonly from: Place
  readonly to: Place
  readonly tcpFlags: number
}

interface Captured {
  readonly kind: 'captured'
  readonly file: string
  readonly frame: number
}

interface Place {
  readonly address: string
  readonly port: number
}

const parseFlags = (text: string): number =>
  text
    .toUpperCase()
    .split('')
    .reduce((all, letter) => {
      const bit = flagBits[letter]
      if (bit === undefined) throw usage(`--flags: "${text}" is not made of the letters S, A, F, R, P, U`)
      return all | bit
    }, 0)

/** Of an ICMP echo the port is its identifier, and the side that answers has none. */
const placeOf = (flag: '--from' | '--to', text: string, protocol: ProbeProtocol): Place => {
  const { address, port } = parsePlace(text)
  if (protocol === 'icmp') {
    if (flag === '--to' && port !== undefined) throw usage('--to has no port with --proto icmp')
    return { address, port: flag === '--from' ? (port ?? 1) : 0 }
  }
  if (port === undefined) throw usage(`${flag} ${text}: which port? Use IP:PORT, or [IP]:PORT for IPv6`)
  return { address, port }
}

/** Which of the two ways to ask, and nothing of the other. */
const parseQuestion = (options: ExplainFlags): Described | Captured => {
  const { proto, from, to, flags, pcap, frame } = options
  if (pcap !== undefined) {
    if ([proto, from, to, flags].some((given) => given !== undefined))
      throw usage('--pcap brings the whole packet: leave --proto, --from, --to and --flags out')
    if (frame === undefined || frame < 1) throw usage('--pcap: which frame? --frame N, the first one is 1')
    return { kind: 'captured', file: pcap, frame }
  }
  if (frame !== undefined) throw usage('--frame is of a capture: give it by --pcap FILE')
  if (proto === undefined || from === undefined || to === undefined)
    throw usage('describe the packet by --proto, --from and --to, or give a capture by --pcap and --frame')
  if (flags !== undefined && proto !== 'tcp') throw usage('--flags are those of TCP: use --proto tcp')
  const [source, destination] = [placeOf('--from', from, proto), placeOf('--to', to, proto)]
  if (isMappedIPv4(addressBytes(source.address)) !== isMappedIPv4(addressBytes(destination.address)))
    throw usage('--from and --to are of one address family: so is every packet')
  const tcpFlags = parseFlags(flags ?? 'S')
  return { kind: 'described', protocol: proto, from: source, to: destination, tcpFlags }
}

const readFrame = async ({ file, frame }: Captured): Promise<Uint8Array> => {
  try {
    const found = await readCapturedFrame(file, frame)
    if (found === undefined) throw usage(`${file} has no frame ${frame}`)
    if (found.linkType !== linkTypes.ethernet) throw usage(`frame ${frame} of ${file} is not Ethernet`)
    if (found.bytes.length < found.wireBytes)
      throw usage(`frame ${frame} of ${file} was cut when it was captured: capture with a longer snapshot length`)
    return found.bytes
  } catch (error) {
    if (error instanceof CaptureError) throw new CliError(`${file}: ${error.message}`, 2, { cause: error })
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw usage(`there is no file ${file}`)
    throw error
  }
}

// ---- where it comes in ----------------------------------------------------------------------------------------------

interface Ingress {
  readonly name: string
  readonly ifindex: number
  readonly mac: Uint8Array
}

const findIngress = async (named: string | undefined, source: string | null): Promise<Ingress> => {
  const socket = NetlinkSocket.open(families.route)
  try {
    const links = await readLinks(socket)
    const byName = (name: string): Ingress => {
      const link = links.find((each) => each.name === name)
      if (link === undefined) throw usage(`there is no interface ${name} in this network namespace`)
      return link
    }
    if (named !== undefined) return byName(named)
    if (source === null) throw usage('this frame does not say where it comes from: name the interface by --in')
    const way = (await readEgress(socket, [source])).get(source)
    if (way === null || way === undefined || way.device === 'lo')
      throw usage(`no route leads to ${source}, so nothing says where its packets come in: name it by --in`)
    return byName(way.device)
  } finally {
    socket.close()
  }
}

/** What is attached there, by the names of the pinned links. */
const attachedHook = (pins: string, device: string): 'xdp' | 'tc' | null => {
  let names: readonly string[]
  try {
    names = readdirSync(join(pins, 'links'))
  } catch {
    return null // nothing was ever attached
  }
  const kinds = names.flatMap((name) => {
    const [, kind = '', encoded = ''] = /^([a-z]+)-(.*)$/.exec(name) ?? []
    return decodeURIComponent(encoded) === device ? [kind] : []
  })
  if (kinds.includes('xdp') || kinds.includes('generic')) return 'xdp'
  return kinds.length > 0 ? 'tc' : null
}

// ---- what the daemon knows ------------------------------------------------------------------------------------------

interface Known {
  readonly status: Status
  readonly services: readonly ServiceOutput[]
}

const askDaemon = async (io: Io, options: GlobalOptions): Promise<Known | null> => {
  try {
    const client = connectTo(await resolveTarget(options, io.env), options.timeout * 1000)
    const { body: status } = await client.get('/sluice/v1/status')
    const { body } = await client.get('/sluice/v1/services')
    return { status, services: body.services }
  } catch (error) {
    if (error instanceof CliError) return null
    throw error
  }
}

/** Routes and interfaces are those of the namespace that a process is in. */
const checkNamespace = (pid: number): void => {
  let daemons: string
  try {
    daemons = readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return // it has just gone, or is in a container that we do not see into
  }
  if (daemons !== readlinkSync('/proc/self/ns/net'))
    throw new CliError(
      `the daemon is in another network namespace: nsenter --net=/proc/${pid}/ns/net sluice explain ...`,
      1,
    )
}

/** The service of the most specific prefix that has the client. */
const masqueraderOf = (services: readonly ServiceOutput[], protocol: string, client: string): string | null => {
  const claims = services
    .filter((service) => service.mode === 'masquerade' && service.protocol === protocol)
    .flatMap(({ name, allowedSources }) => allowedSources.map((text) => ({ name, prefix: parsePrefix(text) })))
    .filter(({ prefix }) => prefix !== undefined && prefixContains(prefix, addressBytes(client)))
    .toSorted((a, b) => (b.prefix?.bits ?? 0) - (a.prefix?.bits ?? 0))
  return claims[0]?.name ?? null
}

/** Several services may be on one address and port: a single port is found before a range. */
const nameFrom =
  (services: readonly ServiceOutput[]) =>
  (_id: number, found: { readonly protocol: string; readonly from: Place; readonly to: Place }): string | null => {
    const { protocol, from, to } = found
    const near = services
      .filter((service) => service.protocol === protocol && service.port <= to.port && to.port <= service.lastPort)
      .filter(({ address, secondary, mode }) => mode === 'hostonearm' || [address, ...secondary].includes(to.address))
      .toSorted((a, b) => a.lastPort - a.port - (b.lastPort - b.port))
    return near[0]?.name ?? masqueraderOf(services, protocol, from.address)
  }

// ---- the command ----------------------------------------------------------------------------------------------------

const frameOf = async (question: Described | Captured, mac: Uint8Array): Promise<Uint8Array> => {
  if (question.kind === 'captured') return readFrame(question)
  const { protocol, from, to, tcpFlags } = question
  return buildProbe({
    protocol,
    source: addressBytes(from.address),
    destination: addressBytes(to.address),
    sourcePort: from.port,
    destinationPort: to.port,
    tcpFlags,
    sourceMac: nobodysMac,
    destinationMac: mac,
  })
}

const sourceOf = async (question: Described | Captured): Promise<string | null> => {
  if (question.kind === 'described') return question.from.address
  return addressesOf(await readFrame(question))?.from.address ?? null
}

export const explain = async (io: Io, options: ExplainFlags): Promise<void> => {
  const question = parseQuestion(options)
  const source = await sourceOf(question)
  const known = await askDaemon(io, options)
  if (known !== null) checkNamespace(known.status.pid)
  const ingress = await findIngress(options.in, source)
  const instance = known?.status.instance ?? resolveInstance(options, io.env) ?? defaultInstance
  const pins = pinDirectory(instance)
  const attached = attachedHook(pins, ingress.name)
  if (attached === null)
    io.say(`${ingress.name} is no interface of ${instance}: what comes in there never meets the balancer`)
  const answer = answerOf({
    objects,
    pins,
    frame: await frameOf(question, ingress.mac),
    ifindex: ingress.ifindex,
    hook: options.hook ?? attached ?? 'tc',
    mark: options.mark ?? 0,
    serviceName: nameFrom(known?.services ?? []),
  })
  const data = { interface: { name: ingress.name, ifindex: ingress.ifindex }, ...answer }
  if (!(await printData(io, data, options.output))) printWords(io, answer, options)
  if (!answer.forwarded) throw new CliError(`not forwarded: ${answer.verdict.name}`, 1)
}

const printWords = (io: Io, answer: Explained, options: GlobalOptions): void => {
  const { meaning, advice } = answer.verdict
  const rows = linesOf(answer).map(({ hook, step, text }) => [hook, step, text])
  printTable(io, { headers: ['Hook', 'Step', 'Found'], rows, empty: 'no step was told' }, options)
  io.out(`\n${io.style('out', answer.forwarded ? 'green' : 'yellow', meaning)}\n`)
  if (advice !== null) io.out(`${advice}\n`)
}

const answerOf = (question: Question): Explained => {
  try {
    return explainFrame(question)
  } catch (error) {
    if (error instanceof ExplainError) throw new CliError(error.message, 1, { cause: error })
    throw error
  }
}
