import test from 'ava'
import { chooseOf, fTeidOf, groupOf, n3Vip, number16, of, pdrIdOf, ueAddressOf } from './test-elements.ts'
import {
  access,
  changeFar,
  down,
  far,
  fromAccess,
  fromNetwork,
  internet,
  local,
  localRule,
  named,
  pdr,
  qer,
  scene,
  sdf,
  six,
  text,
  to,
  user,
  usual,
  whole,
} from './test-rules.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
test('n4: local traffic leaves its tunnel once the gNB is known, before the SMF hears of it (N4.19)', (t) => {
  const { bed, smf } = scene()
  const rules = usual().filter(({ type }) => type !== 3)
  const { seid } = smf.establish(
    ...rules,
    far(internet, { instance: 'internet' }),
    far(local, { instance: 'mec' }),
    far(access, { action: 12, to: 0 }),
    localRule(to('192.168.5.0/24')),
  )
  t.deepEqual(bed.breakouts, [])
  smf.ask(52, seid, changeFar(access, down))
  t.deepEqual(bed.breakouts, [{ action: 'install', session: whole }])
  t.is(bed.sent.find(({ message }) => message.type === 53)?.breakouts, 1)
  // Handover: another gNB.
  smf.ask(52, seid, changeFar(access, { to: 0, tunnel: [0x99, '10.2.0.2'] }))
  t.deepEqual(bed.local.get(user)?.downlink, { address: '10.2.0.2', teid: 0x99 })
  // What changes nothing of it is not told.
  smf.ask(52, seid, groupOf(14, named(109, 1), of(25, 0)))
  t.is(bed.breakouts.length, 2)
  // Idle: the UPF has to page the user.
  smf.ask(52, seid, changeFar(access, { action: 12, to: 0 }))
  t.deepEqual(bed.breakouts.at(-1), { action: 'remove', ueAddress: user })
  smf.ask(52, seid, changeFar(access, down))
  t.deepEqual(bed.local.get(user), whole)
  smf.ask(54, seid)
  t.is(bed.local.size, 0)
  t.is(bed.count('local: no way back'), 2)
})

test('n4: the UPF has all rules of local traffic, as they came', (t) => {
  const { bed, smf } = scene()
  smf.establish(...usual(), localRule(to('192.168.5.0/24')))
  const asked = bed.upf('10.0.0.1').got.at(-1)!
  t.true(Buffer.from(asked.body).includes('permit out ip from 192.168.5.0/24 to assigned'))
  t.true(Buffer.from(asked.body).includes('mec'))
})

test('n4: the tunnel of local traffic is the one that the gNB knows', (t) => {
  const { bed, smf } = scene()
  smf.establish(...usual(), localRule(to('192.168.5.0/24')))
  bed.upf('10.0.0.2').nextTeid = 1
  const other = (element: PfcpElement): PfcpElement => ({
    ...element,
    value:
      element.value instanceof Uint8Array
        ? element.type === 93
          ? ueAddressOf('10.45.0.2').value
          : element.value
        : element.value.map(other),
  })
  smf.establish(...[...usual(), localRule(to('192.168.5.0/24'))].map(other))
  const teid = bed.local.get('10.45.0.2')?.uplink.teid ?? 0
  t.not(teid, 1)
  t.deepEqual(bed.tunnel(teid), { upf: '10.0.0.2', teid: 1 })
})

test('n4: each filter is a place, filters are known by their ids, and each place has the QFI of its way back', (t) => {
  const { bed, smf } = scene()
  const flow = 'permit out ip from 172.16.0.0/12 to assigned'
  smf.establish(
    ...usual(),
    localRule(to('192.168.5.0/24'), to('192.168.6.1'), sdf(null, 7)),
    pdr(4, { far: access, precedence: 9, qers: [2], pdi: fromNetwork(text(22, 'mec'), sdf(flow, 7)) }),
    qer(2, 33),
  )
  t.deepEqual(bed.local.get(user)?.classifiers, [
    { prefix: '192.168.5.0/24', qfi: 9 },
    { prefix: '192.168.6.1/32', qfi: 9 },
    { prefix: '172.16.0.0/12', qfi: 33 },
  ])
})

test('n4: a rule that comes or goes, or goes elsewhere, changes what is local', (t) => {
  const { bed, smf } = scene()
  const { seid } = smf.establish(...usual())
  t.deepEqual(bed.breakouts, [])
  const inTunnel = (filter: PfcpElement): readonly PfcpElement[] => [
    of(20, 0),
    fTeidOf(1, n3Vip),
    ueAddressOf(user),
    filter,
  ]
  smf.ask(52, seid, pdr(3, { precedence: 10, far: local, pdi: inTunnel(to('192.168.5.0/24')) }))
  t.deepEqual(bed.local.get(user), whole)
  smf.ask(52, seid, pdr(5, { precedence: 11, far: local, pdi: inTunnel(to('192.168.0.0/16')) }))
  t.is(bed.local.get(user)?.classifiers.length, 2)
  smf.ask(52, seid, groupOf(15, pdrIdOf(3)))
  t.deepEqual(bed.local.get(user)?.classifiers, [{ prefix: '192.168.0.0/16', qfi: 9 }])
  smf.ask(52, seid, groupOf(10, named(108, local), groupOf(11, text(22, 'internet'))))
  t.is(bed.local.size, 0)
})

/** What stays with the UPF, and why. */
const left: readonly (readonly [string, string, readonly PfcpElement[]])[] = [
  ['a protocol', 'not a prefix', [localRule(sdf('permit out 17 from 192.168.5.0/24 to assigned'))]],
  ['a port', 'not a prefix', [localRule(sdf('permit out ip from 192.168.5.0/24 80 to assigned'))]],
  ['everything', 'not a prefix', [localRule(to('any'))]],
  ['everything, as a prefix', 'not a prefix', [localRule(to('0.0.0.0/0'))]],
  ['no filter', 'not a prefix', [localRule()]],
  ['an id that no filter has', 'not a prefix', [localRule(sdf(null, 9))]],
  ['an application', 'not a prefix', [localRule(to('192.168.5.0/24'), text(24, 'app'))]],
  ['an address of a family that the user has not', 'no address', [localRule(to('2001:db8:5::/48'))]],
  [
    'a rule before it',
    'shadowed',
    [
      localRule(to('192.168.5.0/24')),
      pdr(4, { precedence: 5, far: internet, pdi: fromAccess(sdf('permit out 6 from 192.168.5.9 80 to assigned')) }),
    ],
  ],
  [
    'a rule for everything before it',
    'shadowed',
    [localRule(to('192.168.5.0/24')), pdr(4, { precedence: 5, far: internet, pdi: fromAccess() })],
  ],
  [
    'a QoS flow of its own',
    'one of several QoS flows',
    [pdr(3, { precedence: 10, far: local, pdi: fromAccess(to('192.168.5.0/24'), of(124, 5)) })],
  ],
  ['a copy', 'no plain forwarding', [localRule(to('192.168.5.0/24')), far(local, { action: 18, instance: 'mec' })]],
  [
    'a tunnel further on',
    'no plain forwarding',
    [localRule(to('192.168.5.0/24')), far(local, { instance: 'mec', tunnel: [3, '10.9.9.9'] })],
  ],
  [
    'a redirection',
    'no plain forwarding',
    [localRule(to('192.168.5.0/24')), far(local, { instance: 'mec', more: [of(38, 0, 0, 1, 65)] })],
  ],
  ['a closed gate', 'gate closed', [localRule(to('192.168.5.0/24')), qer(1, 9, 4)]],
  ['a closed gate back', 'gate closed', [localRule(to('192.168.5.0/24')), qer(1, 9, 1)]],
  ['no QFI', 'no QFI', [localRule(to('192.168.5.0/24')), qer(1, null)]],
  [
    'another tunnel',
    'no tunnel here',
    [pdr(3, { precedence: 10, far: local, pdi: [of(20, 0), ueAddressOf(user), to('192.168.5.0/24')] })],
  ],
  ['a way back that buffers', 'no way back', [localRule(to('192.168.5.0/24')), far(access, { ...down, action: 6 })]],
  ['no way back', 'no way back', [localRule(to('192.168.5.0/24')), far(access, { to: 0 })]],
  [
    'a copy of what comes back',
    'no plain forwarding',
    [localRule(to('192.168.5.0/24')), far(access, { ...down, action: 18 })],
  ],
  [
    'a time from which it holds',
    'not a prefix',
    [pdr(3, { precedence: 10, far: local, pdi: fromAccess(to('192.168.5.0/24')), more: [of(121, 0x77, 0, 0, 0)] })],
  ],
]

test('n4: what is more than a prefix, or comes after another rule, stays with the UPF and is counted once', (t) => {
  for (const [what, reason, rules] of left) {
    const { bed, smf } = scene()
    const ids = new Set(rules.map((element) => `${element.type} ${JSON.stringify(element.value)}`.slice(0, 60)))
    t.is(ids.size, rules.length, what)
    const replaced = new Set(rules.filter(({ type }) => type !== 1).map(idOf))
    const { seid } = smf.establish(...usual().filter((element) => !replaced.has(idOf(element))), ...rules)
    t.is(bed.local.size, 0, what)
    t.is(bed.count(`local: ${reason}`), 1, what)
    smf.ask(52, seid, groupOf(14, named(109, 1), named(26, 5)))
    t.is(bed.count(`local: ${reason}`), 1, what)
  }
})

/** Of a FAR or QER. */
const idOf = ({ type, value }: PfcpElement): string => {
  const [id] = value instanceof Uint8Array ? [] : value
  return `${type} ${id !== undefined && id.value instanceof Uint8Array ? Buffer.from(id.value).toString('hex') : ''}`
}

test('n4: a rule that is only partly a prefix, or partly shadowed, is local for the rest', (t) => {
  const { bed, smf } = scene()
  smf.establish(
    ...usual(),
    localRule(to('192.168.5.0/24'), sdf('permit out 17 from 192.168.7.0/24 to assigned'), to('192.168.9.0/24')),
    pdr(4, { precedence: 5, far: internet, pdi: fromAccess(to('192.168.9.128/25')) }),
    // Of the same network, and a different place of the order: nothing is lost by it.
    pdr(5, { precedence: 4, far: local, pdi: fromAccess(to('192.168.5.128/25')) }),
    pdr(6, { precedence: 200, far: internet, pdi: fromAccess(to('192.168.5.0/24')) }),
  )
  t.deepEqual(
    bed.local.get(user)?.classifiers.map(({ prefix }) => prefix),
    ['192.168.5.128/25', '192.168.5.0/24'],
  )
  t.is(bed.count('local: not a prefix'), 1)
  t.is(bed.count('local: shadowed'), 1)
})

test('n4: of rules with tunnels of their own those of the first are local', (t) => {
  const { bed, smf } = scene()
  const own = [of(20, 0), chooseOf(6), ueAddressOf(user), to('192.168.6.0/24')]
  smf.establish(...usual(), localRule(to('192.168.5.0/24')), pdr(4, { precedence: 11, far: local, pdi: own }))
  t.deepEqual(bed.local.get(user), whole)
  t.is(bed.count('local: another tunnel'), 1)
})

test('n4: without local network instances nothing leaves its tunnel, and no request is kept for it', (t) => {
  const { bed, smf } = scene({ localNetworkInstances: [] })
  smf.establish(...usual(), localRule(to('192.168.5.0/24')))
  t.deepEqual(bed.breakouts, [])
})

test('n4: local traffic ends when its UPF is lost, and goes on where the session is restored', (t) => {
  for (const onLoss of ['report', 'refuse', 'restore'] as const) {
    const { bed, smf } = scene({ onLoss })
    smf.establish(...usual(), localRule(to('192.168.5.0/24')))
    bed.upf('10.0.0.1').dead = true
    bed.advance(20_000)
    t.deepEqual(bed.local.get(user), onLoss === 'restore' ? whole : undefined, onLoss)
  }
})

test('n4: a user has local traffic by one session, whatever the others say', (t) => {
  const { bed, smf } = scene()
  const first = smf.establish(...usual(), localRule(to('192.168.5.0/24')))
  const second = smf.establish(...usual(), localRule(to('192.168.6.0/24')))
  t.deepEqual(bed.local.get(user), whole)
  t.is(bed.count('local: user has another session'), 1)
  smf.ask(54, second.seid)
  t.deepEqual(bed.local.get(user), whole)
  smf.ask(54, first.seid)
  t.is(bed.local.size, 0)
})

test('n4: addresses of both families share a tunnel, and one that the UPF has chosen counts as well', (t) => {
  const { bed, smf } = scene()
  const both = (...more: readonly PfcpElement[]): readonly PfcpElement[] => [
    ...fromAccess(),
    six,
    // A network behind the user is none of its addresses.
    text(153, '10.99.0.1/32 0.0.0.0 1'),
    ...more,
  ]
  smf.establish(
    pdr(1, { far: internet, pdi: both() }),
    pdr(2, { far: access, pdi: fromNetwork(six, text(22, 'internet')) }),
    ...usual().slice(2),
    pdr(3, { precedence: 10, far: local, pdi: both(to('192.168.5.0/24'), to('2001:db8:99::/48')) }),
  )
  t.deepEqual(bed.local.get(user)?.ueAddresses, [user, '2001:db8:0:5::'])
  t.deepEqual(bed.local.get('2001:db8:0:5::')?.classifiers.length, 2)
  const chosen = scene()
  chosen.bed.upf('10.0.0.1').sessionExtra = [groupOf(8, pdrIdOf(3), ueAddressOf('10.45.7.7'))]
  chosen.smf.establish(
    pdr(1, { far: internet, pdi: [of(20, 0), chooseOf(5), of(93, 0x10)] }),
    pdr(2, { far: access, pdi: [of(20, 1)] }),
    ...usual().slice(2),
    pdr(3, { precedence: 10, far: local, pdi: [of(20, 0), chooseOf(5), of(93, 0x10), to('192.168.5.0/24')] }),
  )
  t.deepEqual(chosen.bed.local.get('10.45.7.7')?.ueAddresses, ['10.45.7.7'])
})

test('n4: a Traffic Endpoint has the tunnel and the address of rules that name it', (t) => {
  const { bed, smf } = scene()
  const by = (...more: readonly PfcpElement[]): readonly PfcpElement[] => [of(20, 0), of(131, 4), ...more]
  smf.establish(
    groupOf(127, of(131, 4), chooseOf(), ueAddressOf(user)),
    pdr(1, { far: internet, pdi: by() }),
    ...usual().slice(1),
    pdr(3, { precedence: 10, far: local, pdi: by(to('192.168.5.0/24')) }),
  )
  t.deepEqual(bed.local.get(user), whole)
})

test('n4: rules that are cut off or name what is not there make nothing local, and nothing is thrown', (t) => {
  const { bed, smf } = scene()
  smf.establish(
    ...usual(),
    groupOf(1, { type: 56, value: number16.write(3) }, groupOf(2, of(20, 0), chooseOf(5), to('192.168.5.0/24'))),
    groupOf(1, { type: 56, value: number16.write(4) }, groupOf(2, of(20, 0), chooseOf(5)), named(108, 99)),
    groupOf(3, of(44)),
    groupOf(7, of(124, 1)),
  )
  t.is(bed.local.size, 0)
})
