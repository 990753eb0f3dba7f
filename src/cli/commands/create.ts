// `create lb`: loxicmd's grammar. One service for each port; each is one request, as loxicmd sends it.

import type { LoadbalanceEntry, OwnFields } from '../../api/schemas.ts'
import { parseAddress, parseEndpoint, parsePortPair, parseQuic } from '../arguments.ts'
import type { PortPair } from '../arguments.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { usage } from '../errors.ts'
import type { Io } from '../io.ts'
import { foreignWords, modeNumbers, selectNumbers } from '../words.ts'

export interface ListenerOptions {
  readonly tcp?: readonly string[]
  readonly udp?: readonly string[]
  readonly sctp?: readonly string[]
  readonly icmp?: true
  readonly mark?: number
}

export interface CreateOptions extends GlobalOptions, ListenerOptions {
  readonly endpoints?: readonly string[]
  readonly mode: string
  readonly select: string
  readonly name?: string
  readonly secips?: readonly string[]
  readonly sources?: readonly string[]
  readonly inatimeout?: number
  readonly attachEP?: true
  readonly detachEP?: true
  readonly encapsulation?: 'l2' | 'ip' | 'gue'
  readonly persistTimeout?: number
  readonly miss?: 'hash' | 'drop' | 'punt'
  readonly quic?: string
  readonly outOfTheBlue?: 'drop' | 'hash' | 'abort'
  readonly alg?: 'ftp' | 'tftp'
  readonly resetOnIdle?: boolean
  readonly embryonicLimit?: number
  readonly snat?: readonly string[]
  readonly announce?: 'local' | 'routed'
}

const choose = (flag: string, word: string, numbers: Readonly<Record<string, number>>): number => {
  const number = numbers[word]
  if (number !== undefined) return number
  const known = `use one of ${Object.keys(numbers).join(', ')}`
  const reason = foreignWords[word]
  throw usage(
    reason === undefined ? `${flag}=${word}: ${known}` : `${flag}=${word} is not in this build, ${reason}: ${known}`,
  )
}

interface Listener extends PortPair {
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp'
}

/** What is listened on, by the flags --tcp, --udp, --sctp and --icmp. */
export const listenersOf = (options: ListenerOptions): readonly Listener[] => [
  ...(['tcp', 'udp', 'sctp'] as const).flatMap((protocol) =>
    (options[protocol] ?? []).map((text): Listener => ({ protocol, ...parsePortPair(text) })),
  ),
  ...(options.icmp === true ? [{ protocol: 'icmp', port: 0, lastPort: 0, targetPort: 0 } as const] : []),
]

/** `10.0.0.1:80/tcp`, as the service is called while it has no name. */
export const placeText = (address: string, { port, lastPort, protocol }: Listener): string => {
  const ports = lastPort === port ? `${port}` : port === 0 ? 'any' : `${port}-${lastPort}`
  return `${address.includes(':') ? `[${address}]` : address}:${ports}/${protocol}`
}

/** What loxilb has no word for. What is not said is the default, as it is for all other flags. */
const ownFields = (options: CreateOptions): OwnFields => {
  const { encapsulation, persistTimeout, miss, outOfTheBlue, alg, resetOnIdle, embryonicLimit, announce } = options
  const { quic, secips, select, snat } = options
  const all = {
    encapsulation,
    persistTimeout,
    miss,
    outOfTheBlue,
    alg,
    resetOnIdle,
    embryonicLimit,
    announce,
    select: ['priority', 'hint', 'quic'].includes(select) ? select : undefined,
    quic: quic === undefined ? undefined : parseQuic(quic),
    secondary: secips?.map(parseAddress),
    sources: snat?.map(parseAddress),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

export const entriesOf = (vip: string, options: CreateOptions): readonly LoadbalanceEntry[] => {
  const listeners = listenersOf(options)
  if (listeners.length === 0) {
    throw usage('say what to balance: --tcp=PORT:TARGETPORT, --udp=PORT:TARGETPORT, --sctp=PORT:TARGETPORT or --icmp')
  }
  if (options.attachEP === true && options.detachEP === true)
    throw usage('--attachEP and --detachEP exclude each other')
  const endpoints = (options.endpoints ?? []).map(parseEndpoint)
  if (endpoints.length === 0) throw usage('say where to: --endpoints=IP:WEIGHT,IP:WEIGHT,...')
  const externalIP = parseAddress(vip)
  const mode = choose('--mode', options.mode, modeNumbers)
  const sel = choose('--select', options.select, selectNumbers)
  const oper = options.attachEP === true ? 1 : options.detachEP === true ? 2 : 0
  const { inatimeout, mark, name, sources = [] } = options
  return listeners.map(({ protocol, port, lastPort, targetPort }) => ({
    serviceArguments: {
      externalIP,
      port,
      ...(lastPort !== port && { portMax: lastPort }),
      protocol,
      mode,
      sel,
      oper,
      ...(name !== undefined && { name }),
      ...(mark !== undefined && { block: mark }),
      ...(inatimeout !== undefined && { inactiveTimeOut: inatimeout }),
    },
    endpoints: endpoints.map(({ address, ...rest }) => ({ endpointIP: address, targetPort, ...rest })),
    allowedSources: sources.map((prefix) => ({ prefix })),
    sluice: ownFields(options),
  }))
}

export const createLb = async (io: Io, vip: string, options: CreateOptions): Promise<void> => {
  const entries = entriesOf(vip, options)
  const places = listenersOf(options).map((listener) => placeText(vip, listener))
  const client = await connect(io, options)
  for (const [index, entry] of entries.entries()) {
    const { oper } = entry.serviceArguments
    const place = places[index] ?? ''
    try {
      await client.post('/netlox/v1/config/loadbalancer', entry)
    } catch (error) {
      if (error instanceof Error) {
        const already = error.message === 'lbrule-exists error' ? 'exists already, exactly so' : error.message
        error.message = `lb ${place}: ${already}`
      }
      throw error
    }
    io.say(`lb ${place} ${['saved', 'endpoints attached', 'endpoints detached'][oper ?? 0]}`)
  }
}
