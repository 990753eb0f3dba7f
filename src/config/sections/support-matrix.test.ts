// docs/support-matrix.md must be true: every cell names a row of the table of BPF cases that tests it, or the rule by
// which the configuration refuses it.

import test from 'ava'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { encapsulations, familyOf, modes, proxiedSelects, transports } from '../../lb/model.ts'
import { refusalOf, rules, type Cell } from './combinations.ts'
import type { Case } from '../../../test/bpf/case.ts'
import type { Family, ProxiedSelect, Transport } from '../../lb/model.ts'
import type { LooseService } from './service-schema.ts'

const repository = (path: string): URL => new URL(`../../../${path}`, import.meta.url)
const page = fileURLToPath(repository('docs/support-matrix.md'))
const tableFile = fileURLToPath(repository('test/bpf/cases.test.ts'))
const command = 'UPDATE_GOLDEN=1 npx ava src/config/sections/support-matrix.test.ts'

const titles: Readonly<Record<Transport, string>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP', icmp: 'ICMP echo' }

const pairs: readonly (readonly [vip: Family, endpoint: Family])[] = [
  [4, 4],
  [6, 6],
  [6, 4],
  [4, 6],
]

type Way = Pick<Cell, 'mode' | 'encapsulation'>

const ways: readonly Way[] = [
  ...modes
    .filter((mode) => mode !== 'dsr' && mode !== 'masquerade' && mode !== 'proxy')
    .map((mode): Way => ({ mode, encapsulation: null })),
  ...encapsulations.map((encapsulation): Way => ({ mode: 'dsr', encapsulation })),
]

const wayName = ({ mode, encapsulation }: Way): string => (encapsulation === null ? mode : `${mode} ${encapsulation}`)
const pairName = (vip: Family, endpoint: Family): string => `IPv${vip} to IPv${endpoint}`

const cells: readonly Cell[] = transports.flatMap((protocol) =>
  ways.flatMap((way) => pairs.map(([vip, endpoint]): Cell => ({ protocol, vip, endpoint, ...way }))),
)

/** It balances nothing, so it has a table of its own. */
const masqueradeCells: readonly Cell[] = transports.flatMap((protocol) =>
  pairs.map(([vip, endpoint]): Cell => ({ protocol, vip, endpoint, mode: 'masquerade', encapsulation: null })),
)

const rowOf = ({ protocol, vip, endpoint, ...way }: Cell): string =>
  `${titles[protocol]}, ${pairName(vip, endpoint)}, ${wayName(way)}`

const cellText = (cell: Cell): string => {
  const refusal = refusalOf(cell)
  return refusal === undefined ? `\`${rowOf(cell)}\`` : `refused: \`${refusal.name}\``
}

/** What else is tested, in which mode and for whom: names of rows. */
const furtherRows: Readonly<Record<string, readonly string[]>> = {
  'errors of ICMP reach whose packet they are about': [
    'errors about TCP over IPv4 reach both sides in mode fullnat',
    'errors about SCTP over IPv6 reach both sides in mode fullnat',
    'errors between IPv6 and IPv4 go to user space, from both sides',
    'errors about what an IPv4 endpoint of mode dsr gue has answered reach it as packets do',
  ],
  'datagrams in pieces': [
    'a UDP datagram in three pieces keeps together both ways, IPv6 to IPv4, fullnat',
    'an SCTP packet in three pieces keeps together where its ports stay, IPv4',
    'a later fragment that comes first waits in user space, and so do those behind it, IPv4',
    'a datagram in three pieces goes to its endpoint, dsr gue',
  ],
  'packets too long for the next link': [
    'of packets longer than the next link takes the sender is told, by TC, for new and known flows',
    'IPv4 to IPv6: what grows beyond the next link is told to its sender, and what just fits is sent',
    'gue: IPv6 in IPv4 just fits, and is told to its sender where it does not',
  ],
  'packets of many segments (GSO, under TC)': [
    'a super-packet is sent whole, longer than the link takes',
    'a super-packet of TCP goes from IPv6 to IPv4 as one',
    'a super-packet of UDP does not pass between the families',
    'a super-packet of UDP does not go into a tunnel',
    'a row of packets that TC sees as one is dropped by name, since only the first could be changed',
  ],
}

interface Proved {
  readonly file: string
  readonly title: string
}

/** Mode proxy: what each protocol is tested by, with the VIP and the endpoints of one family. */
const proxiedTests: Readonly<Record<ProxiedSelect, Readonly<Record<Family, Proved>>>> = {
  n4: {
    4: {
      file: 'src/proxy/proxying-datapath.test.ts',
      title: 'n4: an SMF takes three UPFs for one, and each tunnel has the hint of its UPF (N4.1, N4.19)',
    },
    6: { file: 'src/proxy/n4/steering.test.ts', title: 'n4: over IPv6 alone all is as over IPv4' },
  },
  gtpc: {
    4: {
      file: 'src/proxy/gtpc-runner.test.ts',
      title: 'gtpc: an MME has many gateways behind one address, and all speak with the VIP alone (GC.1, GC.3)',
    },
    6: {
      file: 'src/proxy/gtpc/families.test.ts',
      title: 'gtpc: over IPv6 alone all is as over IPv4, in both versions (GC.1, GC.3)',
    },
  },
}

/** Of an otherwise sound service of mode proxy, the rule that refuses it; undefined where there can be one. */
const proxiedRefusal = (select: ProxiedSelect, vip: Family, endpoint: Family, protocol: Transport = 'udp') => {
  const of = (family: Family): string => (family === 4 ? '192.0.2.1' : '2001:db8::1')
  const service: LooseService = {
    vip: of(vip),
    port: select === 'n4' ? 8805 : 2123,
    protocol,
    mode: 'proxy',
    select,
    ...(select === 'n4' && { n4: undefined }),
    endpoints: [{ address: of(endpoint) }],
  }
  return rules.find((rule) => rule.find(service).length > 0)?.name
}

const proxiedTable = (): string => {
  const head = ['select', ...pairs.map(([vip, endpoint]) => pairName(vip, endpoint)), 'other protocols than UDP']
  const rows = proxiedSelects.map((select) => [
    `\`${select}\``,
    ...pairs.map(([vip, endpoint]) => {
      const refusal = proxiedRefusal(select, vip, endpoint)
      return refusal === undefined ? `\`${proxiedTests[select][vip].title}\`` : `refused: \`${refusal}\``
    }),
    `refused: \`${proxiedRefusal(select, 4, 4, 'sctp')}\``,
  ])
  return [head, head.map(() => '---'), ...rows].map(tableRow).join('\n')
}

/** The rows that run: those of the files that the table of cases names. */
async function rowsThatRun(): Promise<ReadonlyMap<string, Case>> {
  const table = await readFile(tableFile, 'utf8')
  const rows = new Map<string, Case>()
  for (const [, name = ''] of table.matchAll(/from '\.\/cases\/([\w-]+)\.ts'/g)) {
    const exported = (await import(repository(`test/bpf/cases/${name}.ts`).href)) as Readonly<Record<string, unknown>>
    for (const value of Object.values(exported))
      if (Array.isArray(value)) for (const row of value as readonly Case[]) rows.set(row.name, row)
  }
  return rows
}

const tables = (): string =>
  transports
    .map((protocol) => {
      const head = ['mode', ...pairs.map(([vip, endpoint]) => pairName(vip, endpoint))]
      const rows = ways.map((way) => [
        wayName(way),
        ...pairs.map(([vip, endpoint]) => cellText({ protocol, vip, endpoint, ...way })),
      ])
      return [`### ${titles[protocol]}`, '', ...[head, head.map(() => '---'), ...rows].map(tableRow), ''].join('\n')
    })
    .join('\n')

const masqueradeTable = (): string => {
  const head = ['protocol', ...pairs.map(([inside, outside]) => pairName(inside, outside))]
  const rows = transports.map((protocol) => [
    titles[protocol],
    ...masqueradeCells.filter((cell) => cell.protocol === protocol).map(cellText),
  ])
  return [head, head.map(() => '---'), ...rows].map(tableRow).join('\n')
}

const refusals = (): string => {
  const rules = new Map(
    [...cells, ...masqueradeCells].flatMap((cell) => refusalOf(cell) ?? []).map((rule) => [rule.name, rule.reason]),
  )
  return [['rule', 'reason'], ['---', '---'], ...[...rules].map(([name, reason]) => [`\`${name}\``, reason])]
    .map(tableRow)
    .join('\n')
}

const further = (): string =>
  [
    ['what', 'rows'],
    ['---', '---'],
    ...Object.entries(furtherRows).map(([what, rows]) => [what, rows.map((row) => `\`${row}\``).join('<br>')]),
  ]
    .map(tableRow)
    .join('\n')

const tableRow = (columns: readonly string[]): string => `| ${columns.join(' | ')} |`

/** The part of the page behind the marker, up to the next one of its kind or heading of level two. */
const partOf = (marker: string): RegExp =>
  new RegExp(`(?<=<!-- ${marker} -->\\n\\n)[^]*?(?=\\n*(?:\\n## |\\n<!-- |$(?![^])))`)

const parts: readonly (readonly [marker: string, text: () => string])[] = [
  ['cells', () => tables().trimEnd()],
  ['masquerade', masqueradeTable],
  ['proxied', proxiedTable],
  ['refused', refusals],
  ['further', further],
]

test('support matrix: the page says of every protocol, pair of families and mode what is so', async (t) => {
  t.is(cells.length, 4 * 4 * 7)
  for (const [marker, text] of parts) {
    if (process.env['UPDATE_GOLDEN'] === '1')
      await writeFile(page, (await readFile(page, 'utf8')).replace(partOf(marker), text))
    const [found] = partOf(marker).exec(await readFile(page, 'utf8')) ?? []
    t.is(found, text(), `run ${command} and look at the difference`)
  }
})

test('support matrix: a cell has a row that runs under both hooks on such a service, or is refused', async (t) => {
  const rows = await rowsThatRun()
  for (const cell of [...cells, ...masqueradeCells]) {
    const name = rowOf(cell)
    const row = rows.get(name)
    if (refusalOf(cell) !== undefined) {
      t.is(row, undefined, `${name} is refused and tested`)
      continue
    }
    if (row === undefined) {
      t.fail(`${name} is neither tested nor refused`)
      continue
    }
    t.is(row.hooks, undefined, `${name} does not run under both hooks`)
    t.true(row.steps.length > 0, name)
    const [service] = row.setup.services ?? []
    t.like(service, { protocol: cell.protocol, mode: cell.mode, encapsulation: cell.encapsulation }, name)
    t.is(familyOf(service?.address ?? ''), cell.vip, name)
    t.deepEqual([...new Set(service?.endpoints.map(({ address }) => familyOf(address)))], [cell.endpoint], name)
  }
})

test('support matrix: what is proxied is refused by name, or has a test of that title', async (t) => {
  for (const select of proxiedSelects)
    for (const [vip, endpoint] of pairs) {
      const refusal = proxiedRefusal(select, vip, endpoint)
      t.is(refusal, vip === endpoint ? undefined : 'proxy-family', `${select}, ${pairName(vip, endpoint)}`)
      if (refusal !== undefined) continue
      const { file, title } = proxiedTests[select][vip]
      t.true((await readFile(repository(file), 'utf8')).includes(`test('${title}'`), `${file} has no "${title}"`)
    }
})

test('support matrix: the rows that the page names beside the cells run too', async (t) => {
  const rows = await rowsThatRun()
  for (const name of Object.values(furtherRows).flat()) t.true(rows.has(name), `there is no row "${name}"`)
})
