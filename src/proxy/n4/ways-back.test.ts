// What a local network sends to a user goes back as the session's rules say.

import test from 'ava'
import { chooseOf, groupOf, of, pdrIdOf, ueAddressOf } from './test-elements.ts'
import {
  access,
  fromAccess,
  local,
  far,
  fromNetwork,
  internet,
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
} from './test-rules.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { PdrOptions } from './test-rules.ts'

const dropped = 4
const waiting = 5
const other = 6
const anyNetwork = (): readonly PfcpElement[] => [of(20, 1), ueAddressOf(user), text(22, 'internet')]
const dns = sdf('permit out 17 from 192.168.5.9 53 to assigned')
const app = text(24, 'app')
const from2100 = of(121, 0x77, 0xf9, 0x53, 0x00)

/** Another rule for what comes from networks, before the usual one, with all that it may name. */
const backRule = (options: PdrOptions): readonly PfcpElement[] => [
  pdr(7, { precedence: 5, ...options }),
  far(dropped, { action: 1, to: 0 }),
  far(waiting, { action: 12, to: 0 }),
  far(other, { to: 0, tunnel: [0x99, '10.2.0.9'] }),
  qer(2, 33),
  qer(3, 9, 1),
]

/** What another rule before the usual one does with what comes back, and why nothing leaves the tunnel then. */
const befores: readonly (readonly [string, string, PdrOptions])[] = [
  ['is dropped', 'no way back', { far: dropped, pdi: fromNetwork() }],
  ['is dropped, of this network', 'no way back', { far: dropped, pdi: fromNetwork(text(22, 'mec')) }],
  ['is dropped, from this place', 'no way back', { far: dropped, pdi: fromNetwork(to('192.168.0.0/16')) }],
  ['is dropped, in part', 'several ways back', { far: dropped, pdi: fromNetwork(to('192.168.5.9')) }],
  ['waits in the UPF', 'no way back', { far: waiting, pdi: fromNetwork() }],
  ['goes elsewhere', 'no way back', { far: internet, pdi: fromNetwork() }],
  ['has a closed gate', 'gate closed', { far: access, qers: [3], pdi: fromNetwork() }],
  ['has another tunnel, in part', 'several ways back', { far: other, pdi: fromNetwork(to('192.168.5.0/25')) }],
  ['has another QFI, of one port', 'several ways back', { far: access, qers: [2], pdi: fromNetwork(dns) }],
  ['has another QFI, of an application', 'several ways back', { far: access, qers: [2], pdi: fromNetwork(app) }],
  ['has another QFI, by an unknown filter', 'several ways back', { far: other, pdi: fromNetwork(sdf(null, 9)) }],
  ['has another QFI, if it has one', 'several ways back', { far: other, pdi: fromNetwork(of(124, 5)) }],
  ['is as good as another one', 'several ways back', { precedence: 255, far: other, pdi: anyNetwork() }],
  ['is another one for a time', 'several ways back', { far: other, pdi: fromNetwork(), more: [from2100] }],
  ['is predefined', 'several ways back', { far: other, pdi: fromNetwork(), more: [text(106, 'x')] }],
  ['is no rule', 'no way back', { far: 99, pdi: fromNetwork() }],
]

test('n4: what comes back by a rule that the fast path cannot follow does not leave, and is counted', (t) => {
  for (const [what, reason, rule] of befores) {
    const { bed, smf } = scene()
    smf.establish(...usual(), localRule(to('192.168.5.0/24')), ...backRule(rule))
    t.is(bed.local.size, 0, what)
    t.is(bed.count(`local: ${reason}`), 1, what)
  }
})

test('n4: what comes back goes by the first of the rules that can be for it', (t) => {
  const others: readonly (readonly [string, PdrOptions, number])[] = [
    ['of another place', { far: dropped, pdi: fromNetwork(to('192.168.6.0/24')) }, 9],
    ['of another family', { far: dropped, pdi: [of(20, 1), six] }, 9],
    ['of another user', { far: dropped, pdi: [of(20, 1), ueAddressOf('10.45.0.2')], precedence: 200 }, 9],
    ['of another network', { far: dropped, pdi: fromNetwork(text(22, 'ims')), precedence: 256 }, 9],
    ['that comes later', { far: dropped, pdi: anyNetwork(), precedence: 256 }, 9],
    ['of the control plane', { far: dropped, pdi: [of(20, 3), ueAddressOf(user)] }, 9],
    ['of a tunnel of another UPF', { far: dropped, pdi: fromNetwork(chooseOf(7)), precedence: 256 }, 9],
    ['of the same way', { far: access, pdi: fromNetwork(dns) }, 9],
    ['that decides', { far: access, qers: [2], pdi: fromNetwork() }, 33],
    [
      'that decides for this network',
      { far: access, qers: [2], pdi: fromNetwork(text(22, 'mec')), precedence: 256 },
      33,
    ],
    ['that decides for all networks', { far: access, qers: [2], pdi: fromNetwork(), precedence: 256 }, 33],
    ['of another network, as good', { far: access, qers: [2], pdi: fromNetwork(text(22, 'mec')), precedence: 255 }, 33],
    ['that decides for the LAN', { far: access, qers: [2], pdi: [of(20, 2), text(22, 'mec')], precedence: 256 }, 33],
  ]
  for (const [what, rule, qfi] of others) {
    const { bed, smf } = scene()
    smf.establish(...usual(), localRule(to('192.168.5.0/24')), ...backRule(rule))
    t.deepEqual(bed.local.get(user)?.classifiers, [{ prefix: '192.168.5.0/24', qfi }], what)
  }
})

test('n4: a rule for what comes back that has its turn later stops and begins what is local', (t) => {
  const { bed, smf } = scene()
  const { seid } = smf.establish(...usual(), localRule(to('192.168.5.0/24'), to('192.168.6.0/24')))
  const prefixes = () => bed.local.get(user)?.classifiers.map(({ prefix }) => prefix)
  t.deepEqual(prefixes(), ['192.168.5.0/24', '192.168.6.0/24'])
  smf.ask(52, seid, ...backRule({ far: other, pdi: fromNetwork(to('192.168.5.128/25')) }))
  t.deepEqual(prefixes(), ['192.168.6.0/24'])
  t.is(bed.count('local: several ways back'), 1)
  smf.ask(52, seid, groupOf(15, pdrIdOf(7)))
  t.deepEqual(prefixes(), ['192.168.5.0/24', '192.168.6.0/24'])
  // By its precedence alone.
  smf.ask(52, seid, ...backRule({ far: other, pdi: anyNetwork(), precedence: 256 }))
  t.is(prefixes()?.length, 2)
  smf.ask(52, seid, groupOf(9, pdrIdOf(7), named(29, 4)))
  t.deepEqual(bed.local.get(user)?.downlink, { address: '10.2.0.9', teid: 0x99 })
})

test('n4: a rule for one address of a user’s prefix is for some of what comes back', (t) => {
  const place = to('2001:db8:99::/48')
  const oneOfThem = of(93, 0x41, ...Buffer.from('20010db8000000050000000000000009', 'hex'), 128)
  for (const [pdi, isLocal] of [
    [[of(20, 1), six], true],
    [[of(20, 1), oneOfThem], false],
  ] as const) {
    const { bed, smf } = scene()
    smf.establish(
      ...usual(),
      pdr(3, { precedence: 10, far: local, pdi: fromAccess(six, place) }),
      ...backRule({ far: other, pdi }),
      pdr(8, { far: access, pdi: [of(20, 1), six] }),
    )
    t.is(bed.local.size > 0, isLocal)
    t.is(bed.count('local: several ways back'), isLocal ? 0 : 1)
  }
})
