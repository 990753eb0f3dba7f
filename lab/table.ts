// The picture that the demo shows: services, their endpoints, and what each of them got. From numbers to lines of
// text; knows nothing of terminals beyond colour.

import { styleText } from 'node:util'

import type { ServiceOutput } from '../src/api/schemas.ts'

export interface EndpointRow {
  /** address and port */
  readonly endpoint: string
  readonly connections: number
  readonly packets: number
  /** of the new connections of its service, 0 to 1; null while there are none */
  readonly share: number | null
  readonly state: 'serving' | 'drained'
}

export interface ServiceTable {
  readonly name: string
  /** address, port and protocol */
  readonly vip: string
  readonly how: string
  readonly rows: readonly EndpointRow[]
}

const barCells = 16
const columns = [
  { title: 'endpoint', width: 21, align: 'left' },
  { title: 'connections', width: 11, align: 'right' },
  { title: 'packets', width: 11, align: 'right' },
  { title: 'share', width: 6, align: 'right' },
] as const

/**
 * The numbers of `now`, and the shares of what came since `before`: the same services a little earlier, or nothing for
 * the shares of all.
 */
export const tableOf = (now: readonly ServiceOutput[], before: readonly ServiceOutput[]): readonly ServiceTable[] =>
  now.map((service) => {
    const earlier = before.find(({ name }) => name === service.name)
    const fresh = service.endpoints.map(
      (endpoint) => Number(endpoint.counters.flows) - Number(earlierFlows(earlier, endpoint)),
    )
    const sum = fresh.reduce((total, count) => total + count, 0)
    return {
      name: service.name,
      vip: `${service.address}:${service.port}/${service.protocol}`,
      how: `${service.mode}, ${service.select}`,
      rows: service.endpoints.map((endpoint, index) => ({
        endpoint: `${endpoint.address}:${endpoint.port}`,
        connections: Number(endpoint.counters.flows),
        packets: Number(endpoint.counters.packets),
        share: sum > 0 ? (fresh[index] ?? 0) / sum : null,
        state: endpoint.drained ? 'drained' : 'serving',
      })),
    }
  })

const earlierFlows = (
  service: ServiceOutput | undefined,
  { address, port }: ServiceOutput['endpoints'][number],
): bigint | number =>
  service?.endpoints.find((endpoint) => endpoint.address === address && endpoint.port === port)?.counters.flows ?? 0

/** Lines of at most 80 columns; control characters only with `color`. */
export const renderTable = (tables: readonly ServiceTable[], color: boolean): readonly string[] => {
  const paint = (style: 'bold' | 'dim' | 'green' | 'yellow', text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text
  const heading = columns.map(({ title, width, align }) => pad(title, width, align)).join(' ')
  return tables.flatMap((table) => [
    `${paint('bold', table.name)}  ${table.vip}  ${table.how}`,
    paint('dim', `  ${heading}`),
    ...table.rows.map((row) => {
      const cells = [row.endpoint, grouped(row.connections), grouped(row.packets), percent(row.share)]
      const text = columns.map(({ width, align }, index) => pad(cells[index] ?? '', width, align)).join(' ')
      const drained = row.state === 'drained'
      const picture = paint(drained ? 'yellow' : 'green', bar(row.share))
      return drained ? `  ${text} ${picture} ${paint('yellow', row.state)}` : `  ${text} ${picture}`
    }),
    '',
  ])
}

/** One line for each service, for output that is not a terminal. */
export const renderLines = (tables: readonly ServiceTable[]): readonly string[] =>
  tables.map((table) => {
    const rows = table.rows.map(
      (row) =>
        `${row.endpoint} ${row.connections} (${percent(row.share)}${row.state === 'drained' ? ', drained' : ''})`,
    )
    return `${table.name} ${table.vip}: ${rows.join(', ')}`
  })

const pad = (text: string, width: number, align: 'left' | 'right'): string =>
  align === 'left' ? text.padEnd(width) : text.padStart(width)

const grouped = (value: number): string => value.toLocaleString('en-US')

const percent = (share: number | null): string => (share === null ? '-' : `${Math.round(share * 100)} %`)

const bar = (share: number | null): string => {
  const filled = Math.round((share ?? 0) * barCells)
  return '█'.repeat(filled) + '░'.repeat(barCells - filled)
}
