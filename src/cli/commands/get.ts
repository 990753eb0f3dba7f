// `get`: what the daemon holds, with loxicmd's columns where loxicmd has them. `-o json` is the server's answer as it
// is.

import type { LoadbalanceEntry, SlowPath, Verdicts } from '../../api/schemas.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { durationText } from '../duration.ts'
import type { Io } from '../io.ts'
import { printData, printTable } from '../output.ts'
import type { View } from '../output.ts'
import { modeName, selectName } from '../words.ts'

export interface GetOptions extends GlobalOptions {
  readonly servName?: string
}

type Row = readonly string[]

/** In the order loxicmd shows them. */
const byPlace = (a: LoadbalanceEntry, b: LoadbalanceEntry): number => {
  const key = ({ serviceArguments: it }: LoadbalanceEntry) => [it.externalIP, it.protocol] as const
  const [addressA, protocolA] = key(a)
  const [addressB, protocolB] = key(b)
  return (
    addressA.localeCompare(addressB, 'en', { numeric: true }) ||
    a.serviceArguments.port - b.serviceArguments.port ||
    protocolA.localeCompare(protocolB, 'en')
  )
}

type Arguments = LoadbalanceEntry['serviceArguments']

const portsText = ({ port, portMax = port }: Arguments): string =>
  portMax === port || portMax === 0 ? String(port) : port === 0 ? 'any' : `${port}-${portMax}`

const selectText = ({ serviceArguments: it, sluice }: LoadbalanceEntry): string => sluice?.select ?? selectName(it.sel)

/** What has no column of its own, each as `name=value`; keys stay where they are. */
const moreText = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .filter(([name, value]) => value !== undefined && !['select', 'secondary'].includes(name))
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : plain(value)}`)
    .join(' ')

const plain = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.entries(value)
        .filter(([name]) => name !== 'key')
        .map(([name, part]) => `${name}:${String(part)}`)
        .join(',')
    : String(value)

const modeText = ({ mode, egress }: LoadbalanceEntry['serviceArguments']): string =>
  egress === true ? 'masquerade' : modeName(mode)

const lbView = (entries: readonly LoadbalanceEntry[]): View => ({
  headers: ['Ext IP', 'Port', 'Proto', 'Name', 'Mark', 'Sel', 'Mode', '# of Endpoints', 'Timeout', 'Monitor'],
  rows: entries.map((entry) => {
    const { serviceArguments: it, endpoints } = entry
    return [
      it.externalIP,
      portsText(it),
      it.protocol,
      it.name ?? '',
      String(it.block ?? 0),
      selectText(entry),
      modeText(it),
      String(endpoints.length),
      String(it.inactiveTimeOut ?? 0),
      it.monitor === true ? 'On' : 'Off',
    ]
  }),
  empty: 'no services',
})

const serviceHeaders = ['Ext IP', 'Sec IPs', 'Sources', 'Host', 'Port', 'Proto', 'Name', 'Mark', 'Sel', 'Mode']

/** A row for each endpoint; the cells of the service stand in the first one. */
const lbWideView = (io: Io, entries: readonly LoadbalanceEntry[]): View => ({
  headers: [...serviceHeaders, 'Endpoint', 'EPort', 'Weight', 'State', 'Counters', 'More'],
  rows: entries.flatMap((entry) => {
    const { serviceArguments: it, endpoints, secondaryIPs = [], allowedSources = [], sluice = {} } = entry
    const further = sluice.secondary ?? secondaryIPs.map(({ secondaryIP }) => secondaryIP)
    const service: Row = [
      it.externalIP,
      further.join(','),
      allowedSources.map(({ prefix }) => prefix).join(','),
      it.host ?? '',
      portsText(it),
      it.protocol,
      it.name ?? '',
      String(it.block ?? 0),
      selectText(entry),
      modeText(it),
    ]
    const again: Row = service.map(() => '')
    const state = (text: string): string => (text === 'inactive' ? io.style('out', 'yellow', text) : text)
    const rows = endpoints.map((one, index): Row => [
      ...(index === 0 ? service : again),
      one.endpointIP,
      String(one.targetPort),
      String(one.weight ?? 1),
      state(one.state ?? '-'),
      one.counter ?? '-',
      [index === 0 ? moreText(sluice) : '', moreText({ priority: one.priority, serverId: one.serverId })]
        .filter((text) => text !== '')
        .join(' '),
    ])
    return rows.length > 0 ? rows : [[...service, '', '', '', '', '', moreText(sluice)]]
  }),
  empty: 'no services',
})

export const getLb = async (io: Io, options: GetOptions): Promise<void> => {
  const client = await connect(io, options)
  const { body } = await client.get('/netlox/v1/config/loadbalancer/all')
  const { servName } = options
  const lbAttr = body.lbAttr.filter(({ serviceArguments: it }) => servName === undefined || it.name === servName)
  if (await printData(io, { lbAttr }, options.output)) return
  const sorted = lbAttr.toSorted(byPlace)
  printTable(io, options.output === 'wide' ? lbWideView(io, sorted) : lbView(sorted), options)
}

const ctHeaders = ['Service Name', 'destIP', 'srcIP', 'dPort', 'sPort', 'proto', 'ident', 'state', 'act'].concat([
  'packets',
  'bytes',
])

export const getCt = async (io: Io, options: GetOptions): Promise<void> => {
  const client = await connect(io, options)
  const { body, headers } = await client.get('/netlox/v1/config/conntrack/all')
  const shown = headers['sluice-truncated']
  if (typeof shown === 'string') io.say(`only ${shown} flows are shown; there are more`)
  const { servName } = options
  const ctAttr = body.ctAttr.filter((entry) => servName === undefined || entry.servName === servName)
  if (await printData(io, { ctAttr }, options.output)) return
  const view: View = {
    headers: ctHeaders,
    rows: ctAttr.map((entry) => [
      entry.servName,
      entry.destinationIP,
      entry.sourceIP,
      String(entry.destinationPort),
      String(entry.sourcePort),
      entry.protocol,
      entry.ident,
      entry.conntrackState,
      entry.conntrackAct,
      String(entry.packets),
      String(entry.bytes),
    ]),
    empty: 'no flows',
  }
  printTable(io, view, options)
}

export const getEp = async (io: Io, options: GetOptions): Promise<void> => {
  const client = await connect(io, options)
  const { body } = await client.get('/netlox/v1/config/endpoint/all')
  if (await printData(io, body, options.output)) return
  const view: View = {
    headers: ['Host', 'Name', 'ptype', 'port', 'duration', 'retries', 'minDelay', 'avgDelay', 'maxDelay', 'State'],
    rows: body.Attr.map((one) => [
      one.hostName,
      one.name,
      one.probeType,
      String(one.probePort),
      String(one.probeDuration),
      String(one.inactiveReTries),
      one.minDelay || '-',
      one.avgDelay || '-',
      one.maxDelay || '-',
      one.currState,
    ]),
    empty: 'no end points',
  }
  printTable(io, view, options)
}

/** Verdicts that ever happened; `-o wide` shows all of them. */
const verdictView = (io: Io, { xdp, tc }: Verdicts, all: boolean): View => {
  const names = [...new Set([...Object.keys(xdp), ...Object.keys(tc)])]
  const count = (hook: Verdicts['xdp'], name: string): bigint => BigInt(hook[name] ?? 0)
  return {
    headers: ['Verdict', 'XDP', 'TC'],
    rows: names
      .filter((name) => all || count(xdp, name) > 0n || count(tc, name) > 0n)
      .map((name) => [
        name.startsWith('drop_') ? io.style('out', 'yellow', name) : name,
        String(count(xdp, name)),
        String(count(tc, name)),
      ]),
    empty: 'no packets yet',
  }
}

export const getVerdicts = async (io: Io, options: GetOptions): Promise<void> => {
  const client = await connect(io, options)
  const { body } = await client.get('/sluice/v1/verdicts')
  if (await printData(io, body, options.output)) return
  printTable(io, verdictView(io, body, options.output === 'wide'), options)
}

/** What user space was given to look at; `-o wide` shows reasons that never were. */
const slowPathView = (io: Io, { reasons }: SlowPath, all: boolean): View => ({
  headers: ['User Space', 'Received', 'Waiting', 'Answered', 'Dropped'],
  rows: Object.entries(reasons)
    .filter(([, { received }]) => all || received > 0)
    .map(([name, { received, waiting, answered, dropped }]) => [
      name,
      String(received),
      String(waiting),
      String(answered),
      io.style(
        'out',
        'yellow',
        Object.entries(dropped)
          .map(([reason, count]) => `${reason} ${count}`)
          .join(', '),
      ),
    ]),
  empty: '',
})

export const getStatus = async (io: Io, options: GetOptions): Promise<void> => {
  const client = await connect(io, options)
  const { body } = await client.get('/sluice/v1/status')
  if (await printData(io, body, options.output)) return
  const instance: View = {
    headers: ['Instance', 'Version', 'Pid', 'Uptime', 'File Services', 'API Services'],
    rows: [
      [
        body.instance,
        body.version,
        String(body.pid),
        durationText(body.uptimeSeconds),
        String(body.services.file),
        String(body.services.api),
      ],
    ],
    empty: '',
  }
  const interfaces: View = {
    headers: ['Interface', 'Index', 'Hook', 'Note'],
    rows: body.interfaces.map((one) => [one.name, String(one.ifindex), one.hook, one.note]),
    empty: 'no interfaces',
  }
  printTable(io, instance, options)
  io.out('\n')
  printTable(io, interfaces, options)
  io.out('\n')
  printTable(io, verdictView(io, body.verdicts, options.output === 'wide'), options)
  const slowPath = slowPathView(io, body.slowPath, options.output === 'wide')
  if (slowPath.rows.length === 0) return
  io.out('\n')
  printTable(io, slowPath, options)
}

export const getLbVersion = async (io: Io, options: GetOptions): Promise<void> => {
  const client = await connect(io, options)
  const { body } = await client.get('/netlox/v1/version')
  if (await printData(io, body, options.output)) return
  const rows = [[body.version, body.buildInfo]]
  printTable(io, { headers: ['Version', 'Build Info'], rows, empty: '' }, options)
}
