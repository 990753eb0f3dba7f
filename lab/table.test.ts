import test from 'ava'

import { serviceOutput } from '../src/api/native-input.ts'
import type { ServiceOutput } from '../src/api/schemas.ts'
import { endpointDefaults, makeService } from '../src/lb/model.ts'
import { renderLines, renderTable, tableOf } from './table.ts'

const service = (flows: readonly number[], drained = false): ServiceOutput => {
  const endpoints = flows.map((_, index) => ({
    ...endpointDefaults,
    address: `10.2.${index + 1}.2`,
    port: 8080,
    drained: drained && index === 1,
  }))
  return serviceOutput({
    service: makeService({ name: 'web', address: '10.99.0.1', port: 80, protocol: 'tcp', endpoints }),
    counters: { packets: 0n, bytes: 0n, flows: 0n },
    endpoints: endpoints.map(({ address, port }, index) => {
      const count = BigInt(flows[index] ?? 0)
      return { address, port, activeFlows: 0, counters: { flows: count, packets: count * 10n, bytes: 0n } }
    }),
  })
}

test('table: shares are those of the connections since the earlier sample', (t) => {
  const [table] = tableOf([service([130, 100, 110])], [service([100, 100, 100])])
  t.deepEqual(
    table?.rows.map(({ connections, share }) => [connections, share]),
    [
      [130, 0.75],
      [100, 0],
      [110, 0.25],
    ],
  )
})

test('table: an endpoint that was not there before starts from nothing', (t) => {
  const [table] = tableOf([service([50, 50])], [service([50])])
  t.deepEqual(
    table?.rows.map(({ share }) => share),
    [0, 1],
  )
})

test('table: without new connections there is no share', (t) => {
  t.is(tableOf([service([5])], [service([5])])[0]?.rows[0]?.share, null)
})

test('table: shows numbers, a bar and who is drained', (t) => {
  t.deepEqual(renderTable(tableOf([service([1234, 0, 1234], true)], []), false), [
    'web  10.99.0.1:80/tcp  dnat, rr',
    '  endpoint              connections     packets  share',
    '  10.2.1.2:8080               1,234      12,340   50 % ████████░░░░░░░░',
    '  10.2.2.2:8080                   0           0    0 % ░░░░░░░░░░░░░░░░ drained',
    '  10.2.3.2:8080               1,234      12,340   50 % ████████░░░░░░░░',
    '',
  ])
})

test('table: fits 80 columns with the longest address and large numbers', (t) => {
  const large = service([999_999_999, 0, 1], true)
  const endpoints = large.endpoints.map((endpoint) => ({ ...endpoint, address: '255.255.255.255', port: 65_535 }))
  for (const line of renderTable(tableOf([{ ...large, endpoints }], []), false)) t.true(line.length <= 80, line)
})

test('table: has no control characters unless colour is asked for', (t) => {
  const tables = tableOf([service([1, 2, 3], true)], [])
  // eslint-disable-next-line no-control-regex
  const control = /[\x00-\x1f]/
  t.notRegex([...renderTable(tables, false), ...renderLines(tables)].join(''), control)
  t.regex(renderTable(tables, true).join(''), control)
})

test('table: plain lines name each endpoint with its connections and share', (t) => {
  t.deepEqual(renderLines(tableOf([service([3, 0, 1], true)], [])), [
    'web 10.99.0.1:80/tcp: 10.2.1.2:8080 3 (75 %), 10.2.2.2:8080 0 (0 %, drained), 10.2.3.2:8080 1 (25 %)',
  ])
})
