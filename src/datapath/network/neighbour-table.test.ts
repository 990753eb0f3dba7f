import test from 'ava'
import { NeighbourTable } from './neighbour-table.ts'

const neighbour = (address: string, mac: string | null) => ({ ifindex: 3, address, mac })
const filled = (limit?: number): NeighbourTable => {
  const table = new NeighbourTable(limit)
  table.learn([])
  return table
}

test('neighbour table: only another MAC address, or none any more, is news', (t) => {
  const table = filled()
  t.true(table.update(neighbour('10.0.0.1', 'aa')))
  t.false(table.update(neighbour('10.0.0.1', 'aa')))
  t.false(table.update(neighbour('10.0.0.2', null)))
  t.true(table.update(neighbour('10.0.0.1', 'bb')))
  t.true(table.update(neighbour('10.0.0.1', null)))
  t.false(table.update(neighbour('10.0.0.1', null)))
})

test('neighbour table: one address on two devices is two neighbours', (t) => {
  const table = filled()
  t.true(table.update({ ifindex: 3, address: 'fe80::1', mac: 'aa' }))
  t.true(table.update({ ifindex: 4, address: 'fe80::1', mac: 'aa' }))
})

test('neighbour table: beyond its limit everything unknown is news', (t) => {
  const table = filled(1)
  t.true(table.update(neighbour('10.0.0.1', 'aa')))
  t.false(table.incomplete)
  t.true(table.update(neighbour('10.0.0.2', 'aa')))
  t.true(table.incomplete)
  t.true(table.update(neighbour('10.0.0.2', 'aa')))
  t.true(table.update(neighbour('10.0.0.3', null)))
  t.false(table.update(neighbour('10.0.0.1', 'aa')))
})

test('neighbour table: when messages were lost everything is news until the list was read again', (t) => {
  const table = filled()
  table.update(neighbour('10.0.0.1', 'aa'))
  table.forget()
  t.true(table.update(neighbour('10.0.0.1', null)))
  table.learn([{ ...neighbour('10.0.0.1', 'aa'), fixed: false, managed: false, externallyLearned: false, protocol: 0 }])
  t.false(table.update(neighbour('10.0.0.1', 'aa')))
  t.false(table.update(neighbour('10.0.0.2', null)))
})
