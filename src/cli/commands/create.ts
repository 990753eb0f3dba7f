// `create lb`: loxicmd's grammar. One service for each port; each is one request, as loxicmd sends it.

import type { LoadbalanceEntry } from '../../api/schemas.ts'
import { parseAddress, parseEndpoint, parsePortPair } from '../arguments.ts'
import type { PortPair } from '../arguments.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { usage } from '../errors.ts'
import type { Io } from '../io.ts'
import { modeNames, modeNumbers, selectNames, selectNumbers } from '../words.ts'

export interface CreateOptions extends GlobalOptions {
  readonly tcp?: readonly string[]
  readonly udp?: readonly string[]
  readonly icmp?: true
  readonly endpoints?: readonly string[]
  readonly mode: string
  readonly select: string
  readonly name?: string
  readonly attachEP?: true
  readonly detachEP?: true
}

const choose = (
  flag: string,
  word: string,
  numbers: Readonly<Record<string, number>>,
  elsewhere: readonly string[],
): number => {
  const number = numbers[word]
  if (number !== undefined) return number
  const known = `use one of ${Object.keys(numbers).join(', ')}`
  throw usage(elsewhere.includes(word) ? `${flag}=${word} is not in this build: ${known}` : `${flag}=${word}: ${known}`)
}

interface Listener extends PortPair {
  readonly protocol: 'tcp' | 'udp' | 'icmp'
}

/** What is listened on, by the flags --tcp, --udp and --icmp. */
export const listenersOf = (options: Pick<CreateOptions, 'tcp' | 'udp' | 'icmp'>): readonly Listener[] => [
  ...(options.tcp ?? []).map((text): Listener => ({ protocol: 'tcp', ...parsePortPair(text) })),
  ...(options.udp ?? []).map((text): Listener => ({ protocol: 'udp', ...parsePortPair(text) })),
  ...(options.icmp === true ? [{ protocol: 'icmp', port: 0, targetPort: 0 } as const] : []),
]

export const entriesOf = (vip: string, options: CreateOptions): readonly LoadbalanceEntry[] => {
  const listeners = listenersOf(options)
  if (listeners.length === 0) throw usage('say what to balance: --tcp=PORT:TARGETPORT, --udp=PORT:TARGETPORT or --icmp')
  if (options.attachEP === true && options.detachEP === true)
    throw usage('--attachEP and --detachEP exclude each other')
  const endpoints = (options.endpoints ?? []).map(parseEndpoint)
  if (endpoints.length === 0) throw usage('say where to: --endpoints=IP:WEIGHT,IP:WEIGHT,...')
  const externalIP = parseAddress(vip)
  const mode = choose('--mode', options.mode, modeNumbers, modeNames)
  const sel = choose('--select', options.select, selectNumbers, selectNames)
  const oper = options.attachEP === true ? 1 : options.detachEP === true ? 2 : 0
  return listeners.map(({ protocol, port, targetPort }) => ({
    serviceArguments: {
      externalIP,
      port,
      protocol,
      mode,
      sel,
      oper,
      ...(options.name !== undefined && { name: options.name }),
    },
    endpoints: endpoints.map(({ address, weight }) => ({ endpointIP: address, targetPort, weight })),
  }))
}

export const createLb = async (io: Io, vip: string, options: CreateOptions): Promise<void> => {
  const entries = entriesOf(vip, options)
  const client = await connect(io, options)
  for (const entry of entries) {
    const { externalIP, port, protocol, oper } = entry.serviceArguments
    try {
      await client.post('/netlox/v1/config/loadbalancer', entry)
    } catch (error) {
      if (error instanceof Error) {
        const already = error.message === 'lbrule-exists error' ? 'exists already, exactly so' : error.message
        error.message = `lb ${externalIP}:${port}/${protocol}: ${already}`
      }
      throw error
    }
    io.say(`lb ${externalIP}:${port}/${protocol} ${['saved', 'endpoints attached', 'endpoints detached'][oper ?? 0]}`)
  }
}
