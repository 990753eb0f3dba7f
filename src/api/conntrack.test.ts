import test from 'ava'
import type { FlowStatus } from '../lb/datapath.ts'
import { toConntrack } from './conntrack.ts'

const flow: FlowStatus = {
  protocol: 'tcp',
  state: 'established',
  client: { address: '10.9.0.1', port: 40000 },
  vip: { address: '10.0.0.1', port: 80 },
  source: { address: '10.9.0.1', port: 40000 },
  endpoint: { address: '10.1.0.1', port: 8080, weight: 2 },
  service: null,
  serviceName: 'web',
  mode: 'dnat',
  toEndpoint: { packets: 5n, bytes: 500n },
  toClient: { packets: 4n, bytes: 4000n },
  idleMs: 10,
}

test('conntrack: a flow is two entries, one for each direction', (t) => {
  t.deepEqual(toConntrack(flow, 'shown'), [
    {
      protocol: 'tcp',
      conntrackState: 'est',
      ident: '0',
      servName: 'shown',
      destinationIP: '10.0.0.1',
      sourceIP: '10.9.0.1',
      destinationPort: 80,
      sourcePort: 40000,
      conntrackAct: 'dnat-10.1.0.1:8080:w2',
      packets: 5n,
      bytes: 500n,
    },
    {
      protocol: 'tcp',
      conntrackState: 'est',
      ident: '0',
      servName: 'shown',
      destinationIP: '10.9.0.1',
      sourceIP: '10.1.0.1',
      destinationPort: 40000,
      sourcePort: 8080,
      conntrackAct: 'snat-10.0.0.1:80:w2',
      packets: 4n,
      bytes: 4000n,
    },
  ])
})

test('conntrack: where the source is written too, the action names both addresses', (t) => {
  const full = { ...flow, mode: 'fullnat', source: { address: '10.0.0.1', port: 1025 } } as const
  const [forward, backward] = toConntrack(full, '')
  t.is(forward.conntrackAct, 'fdnat-10.0.0.1,10.1.0.1:8080:w2')
  t.is(backward.conntrackAct, 'fsnat-10.0.0.1,10.9.0.1:80:w2')
  t.is(backward.destinationIP, '10.0.0.1')
  t.is(backward.destinationPort, 1025)
})

test('conntrack: of what is masqueraded the action names the source that it leaves with, and the client', (t) => {
  const out = { ...flow, mode: 'masquerade', source: { address: '198.51.100.1', port: 1025 } } as const
  const [forward, backward] = toConntrack(out, '')
  t.is(forward.conntrackAct, 'snat-198.51.100.1:1025:w2')
  t.is(backward.conntrackAct, `dnat-${flow.client.address}:${flow.client.port}:w2`)
})

test('conntrack: in mode dsr nothing of the packet is rewritten, and the action says so', (t) => {
  const [forward, backward] = toConntrack({ ...flow, mode: 'dsr' }, '')
  t.is(forward.conntrackAct, 'ddsr-10.1.0.1:8080:w2')
  t.is(backward.conntrackAct, 'sdsr-10.0.0.1:80:w2')
})

test('conntrack: towards an endpoint of another family the source is written too, whatever the mode', (t) => {
  const other = {
    ...flow,
    source: { address: 'fd00::9', port: 7 },
    endpoint: { address: 'fd00::1', port: 80, weight: 1 },
  }
  t.is(toConntrack(other, '')[0].conntrackAct, 'fdnat-fd00::9,fd00::1:80:w1')
})

const states = [
  ['tcp', 'syn_sent', 'sync-sent'],
  ['tcp', 'syn_received', 'sync-ack'],
  ['tcp', 'established', 'est'],
  ['tcp', 'closing', 'fini'],
  ['tcp', 'closed', 'closed-wait'],
  ['udp', 'unreplied', 'udp-uni'],
  ['udp', 'replied', 'udp-est'],
  ['sctp', 'syn_sent', 'init'],
  ['sctp', 'syn_received', 'init-ack'],
  ['sctp', 'established', 'est'],
  ['sctp', 'closing', 'shut'],
  ['sctp', 'closed', 'shut-complete'],
  ['icmp', 'unreplied', 'req-sent'],
  ['icmp', 'replied', 'bidir'],
] as const

for (const [protocol, state, word] of states) {
  test(`conntrack: a flow of ${protocol} that is ${state} is shown as ${word}`, (t) => {
    t.is(toConntrack({ ...flow, protocol, state }, '')[0].conntrackState, word)
  })
}
