import test from 'ava'
import fc from 'fast-check'
import { onesComplementSum } from '../../wire/checksum.ts'
import { addressBytes } from '../../wire/ip.ts'
import { keyTag } from '../../lb/selection/flow-hash.ts'
import { flowFlags } from '../layout.gen.ts'
import { keyOf } from '../../testing/slow-path/punts.ts'
import { actionOf } from './flow-action.ts'
import { flowKeyBytes, flowPair, partnerKey } from './flow-pair.ts'
import type { Flow, FlowKey } from '../layout.gen.ts'
import type { NewFlow } from './handler.ts'
import type { Pair } from './flow-pair.ts'

const client4 = keyOf('10.0.0.9:4000', '192.0.2.1:80', 6)
const client6 = keyOf('[2001:db8::9]:4000', '[2001:db8::1]:80', 6)
const to = (from: string, endpoint: string, more: Partial<NewFlow> = {}): NewFlow => {
  const { destination, destinationPort, source, sourcePort } = keyOf(from, endpoint, 6)
  return { service: 3, endpoint: 4, source, destination, sourcePort, destinationPort, state: 'established', ...more }
}

test('flow pair: what one entry writes is, turned round, the key of the other', (t) => {
  const { client, endpointSide } = flowPair(client4, to('192.0.2.1:77', '10.2.0.3:8080', { punt: true }), 500)
  t.deepEqual(endpointSide?.key, keyOf('10.2.0.3:8080', '192.0.2.1:77', 6))
  t.deepEqual(endpointSide && partnerKey(endpointSide.key, endpointSide.flow), client4)
  for (const side of [client, endpointSide!]) {
    t.is(side.flow.tag, keyTag(flowKeyBytes(side.key)))
    t.like(side.flow, { service: 3, endpoint: 4, seen: 500, packets: 0n })
    t.is(side.flow.flags & flowFlags.punt, flowFlags.punt)
  }
  t.deepEqual([client.flow.flags & flowFlags.reverse, endpointSide!.flow.flags & flowFlags.reverse], [0, 1])
})

test('flow pair: the action follows from the families, and the way back has its own', (t) => {
  const actions = ({ client, endpointSide }: Pair): readonly (string | null)[] => [
    actionOf(client.flow),
    endpointSide && actionOf(endpointSide.flow),
  ]
  const [four, six] = [
    ['10.9.9.9:5', '10.2.0.3:80'],
    ['[fd00::9]:5', '[fd00::3]:80'],
  ] as const
  t.deepEqual(actions(flowPair(client4, to(...four), 0)), ['nat', 'nat'])
  t.deepEqual(actions(flowPair(client6, to(...six), 0)), ['nat', 'nat'])
  t.deepEqual(actions(flowPair(client6, to(...four), 0)), ['nat64', 'nat46'])
  t.deepEqual(actions(flowPair(client4, to(...six), 0)), ['nat46', 'nat64'])
  t.deepEqual(actions(flowPair(client4, to(...four, { action: 'encap_ip' }), 0)), ['encap_ip', null])
})

/** Sums of what checksums cover, as the machine reads them: the fast path adds words without turning them. */
const machineSum = (bytes: Uint8Array): number => {
  const sum = onesComplementSum(bytes)
  return ((sum & 0xff) << 8) | (sum >> 8)
}
const addresses = ({ destination, source }: Pick<FlowKey, 'source' | 'destination'>): Uint8Array =>
  new Uint8Array([...source, ...destination])
const ports = ({ destinationPort: d, sourcePort: s }: Pick<FlowKey, 'sourcePort' | 'destinationPort'>): Uint8Array =>
  Uint8Array.of(s >> 8, s, d >> 8, d)

test('flow pair: deltas are what the change adds to a checksum, and never all ones', (t) => {
  const host = fc.integer({ min: 0, max: 255 })
  const port = fc.integer({ min: 0, max: 0xffff })
  fc.assert(
    fc.property(host, host, port, port, (a, b, p, q) => {
      const { client, endpointSide } = flowPair(client4, to(`10.${a}.0.9:${p}`, `[fd00::${b}]:${q}`), 0)
      return [client, endpointSide!].every(({ flow, key }: { flow: Flow; key: FlowKey }) => {
        const adds = (delta: number, before: Uint8Array, after: Uint8Array): boolean =>
          delta < 0xffff && (machineSum(before) + delta) % 0xffff === machineSum(after) % 0xffff
        return adds(flow.addressDelta, addresses(key), addresses(flow)) && adds(flow.portDelta, ports(key), ports(flow))
      })
    }),
  )
  t.is(flowPair(client4, to('10.0.0.9:4000', '192.0.2.1:80'), 0).client.flow.addressDelta, 0)
  t.deepEqual(addressBytes('10.0.0.9'), client4.source)
})
