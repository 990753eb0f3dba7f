import test from 'ava'
import { ConfigErrors } from './errors.ts'
import { parse, parseApplied } from './parse.ts'
import { findWrongReferences } from './references.ts'

const n3 = { name: 'n3', vip: '10.99.0.1', port: 2152, protocol: 'udp', select: 'n3' } as const
const n6 = { name: 'n6', vip: '0.0.0.0', protocol: 'any', mode: 'dsr', select: 'n6', users: ['10.60.0.0/16'] } as const
const web = { name: 'web', vip: '192.0.2.1', port: 80, protocol: 'tcp' } as const
const n4 = (n4Settings: object, more: object = {}): object => ({
  name: 'n4',
  vip: '10.99.0.1',
  port: 8805,
  protocol: 'udp',
  mode: 'proxy',
  select: 'n4',
  n4: { tunnels: 'n3', ...n4Settings },
  ...more,
})
const endpoints = [{ address: '10.2.1.2' }]
const textOf = (services: readonly object[], more = ''): string =>
  `version: 1\ninterfaces: [{ name: eth0 }]\n${more}services:\n${services
    .map((one) => `- ${JSON.stringify({ endpoints, ...one })}\n`)
    .join('')}`
const mistakes = (text: string): readonly string[] => {
  try {
    parse(text)
    return []
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error
    return error.errors.map(({ line, message, path }) => `${line} ${path}: ${message}`)
  }
}

const forTunnels = 'name the service that takes GTP-U for the same UPFs'
const forUsers = 'name a service that takes what the data network sends to users'
const other = { name: 'n4-too', vip: '10.99.0.2' }
const cases: readonly (readonly [title: string, services: readonly object[], wrong: readonly string[]])[] = [
  ['services that are there', [n4({ users: ['n6'] }), n3, n6], []],
  ['a service whose name is made', [n4({ tunnels: '10.99.0.1:2152/udp' }), { ...n3, name: undefined }], []],
  ['no service', [n3, n4({ tunnels: 'n5' })], [`5 services[1].n4.tunnels: is n5, which is no service: ${forTunnels}`]],
  [
    'services of another kind',
    [web, n4({ tunnels: 'web', users: ['web'] })],
    [
      `5 services[1].n4.tunnels: is web, which is a service without select n3: ${forTunnels}`,
      `5 services[1].n4.users[0]: is web, which is a service without select n6: ${forUsers}`,
    ],
  ],
  [
    'the same service twice',
    [n3, n6, n4({ users: ['n6', 'n6'] })],
    ['6 services[2].n4.users[1]: is n6, which is there twice: name it once'],
  ],
  [
    'what another one names',
    [n3, n6, n4({ users: ['n6'] }), n4({ users: ['n6'] }, other)],
    [
      '7 services[3].n4.tunnels: is n3, which is that of service n4 already: ' +
        'TEIDs would mean two things; make a service with select n3 for each',
      '7 services[3].n4.users[0]: is n6, which is that of service n4 already: ' +
        'addresses would mean two users; make a service with select n6 for each',
    ],
  ],
]
const dsr = (encapsulation: string, more: object = {}): object => ({ ...n3, mode: 'dsr', encapsulation, ...more })
const two = [{ address: '10.2.1.2' }, { address: '10.2.2.2' }]
const ranged = [
  { address: '10.2.1.2', teidRange: '0x10000000/4' },
  { address: '10.2.2.2', teidRange: '0x20000000/4' },
]
const restoreInDsr =
  '5 services[1].n4.onLoss: restore cannot be with n3, which has mode dsr: another UPF calls a tunnel by another ' +
  'TEID, which nobody writes in mode dsr; write report or refuse, or give n3 another mode (n4-dsr-restore)'
const noRange = (index: number): string =>
  `4 services[0].endpoints[${index}].teidRange: is missing, and n4 makes tunnels here: equal TEIDs of two UPFs are ` +
  'told apart by writing one of them anew, which nobody does in mode dsr; add the range that this UPF is told to ' +
  'choose its TEIDs from, another one for each (n4-dsr-ranges)'
const whyPlace = 'hints lead packets of tunnels to endpoints of the service that takes them, and nowhere else'
const noPlace = (path: string, address: string, why: string): string =>
  `5 services[1].${path}: ${address} takes GTP-U at no endpoint of n3, ${why}: ${whyPlace}; make the address where ` +
  'it does one, and name it in `upf.userPlane` if it is another than this (n4-user-plane)'
const notThere = (place: number, address: string): string =>
  `5 services[1].endpoints[0].upf.userPlane[${place}]: ${address} is no endpoint of n3: ${whyPlace}; make it an ` +
  'endpoint of n3, or change it (n4-user-plane)'
const pairs: typeof cases = [
  ['restore is refused where tunnels are in mode dsr (N3.9)', [dsr('l2'), n4({ onLoss: 'restore' })], [restoreInDsr]],
  [
    'restore is refused where tunnels are in mode dsr over IP (N3.9)',
    [dsr('ip'), n4({ onLoss: 'restore' })],
    [restoreInDsr],
  ],
  ['tunnels of one UPF may be in mode dsr (N3.9)', [dsr('l2'), n4({ onLoss: 'refuse' })], []],
  [
    'in mode dsr each of several UPFs needs a range of TEIDs (N3.9, N3.13)',
    [dsr('l2', { endpoints: [two[0], ranged[1]] }), n4({}, { endpoints: two })],
    [noRange(0)],
  ],
  [
    'in mode dsr over UDP each of several UPFs needs a range of TEIDs (N3.9, N3.13)',
    [dsr('gue', { endpoints: two }), n4({}, { endpoints: two })],
    [noRange(0), noRange(1)],
  ],
  [
    'UPFs with ranges of their own may be in mode dsr (N3.9, N3.13)',
    [dsr('ip', { endpoints: ranged }), n4({}, { endpoints: two })],
    [],
  ],
  [
    'where TEIDs can be written UPFs need no ranges, and restore is accepted (N3.13)',
    [{ ...n3, endpoints: two }, n4({ onLoss: 'restore' }, { endpoints: two })],
    [],
  ],
  [
    'a UPF is refused for whose tunnels no endpoint is left (N4.19)',
    [n3, n4({}, { endpoints: two })],
    [noPlace('endpoints[1].address', '10.2.2.2', 'as all of them are those of other UPFs')],
  ],
  [
    'a UPF is refused where tunnels have no endpoints at all (N4.19)',
    [{ ...n3, endpoints: [] }, n4({})],
    [noPlace('endpoints[0].address', '10.2.1.2', 'which has none')],
  ],
  [
    'UPFs that may have any of the endpoints, as their F-TEIDs say, are accepted (N4.19)',
    [{ ...n3, endpoints: two }, n4({}, { endpoints: [{ address: '10.7.1.2' }, { address: '10.7.2.2' }] })],
    [],
  ],
  [
    'UPFs that say which endpoints are theirs are accepted, in whatever spelling (N4.19)',
    [
      { ...n3, vip: 'fd00:99::1', endpoints: [{ address: 'fd00::1' }, { address: 'fd00::2' }] },
      n4({}, { endpoints: two.map((one, index) => ({ ...one, upf: { userPlane: [`FD00:0::${index + 1}`] } })) }),
    ],
    [],
  ],
  [
    'a UPF is refused that takes GTP-U where nothing is led (N4.19)',
    [n3, n4({}, { endpoints: [{ address: '10.2.1.2', upf: { userPlane: ['10.2.1.2', '10.9.1.2'] } }] })],
    [notThere(1, '10.9.1.2')],
  ],
]
for (const [title, services, wrong] of pairs)
  test(`references: ${title}`, (t) => {
    t.deepEqual(mistakes(textOf(services)), wrong)
  })

for (const [title, services, wrong] of cases)
  test(`references: n4 that names ${title} gets what is wrong with it, with the path (N4.1)`, (t) => {
    t.deepEqual(mistakes(textOf(services)), wrong)
  })

test('references: a wrong one is told with all other mistakes of a file', (t) => {
  const text = textOf([n3, n4({ tunnels: 'n5' }), { ...web, port: 0 }], 'limits: { flows: none }\n')
  t.deepEqual(
    mistakes(text).map((line) => line.replace(/: .*/, '')),
    ['3 limits.flows', '6 services[1].n4.tunnels', '7 services[2].port'],
  )
})

test('references: a service that has no name, as it is wrong elsewhere, may be the one that is meant', (t) => {
  const text = textOf([{ ...n3, name: undefined, vip: 'vip' }, n4({ tunnels: 'n5' })])
  t.deepEqual(
    mistakes(text).map((line) => line.replace(/: .*/, '')),
    ['4 services[0].vip'],
  )
})

test('references: what is applied to a running daemon may name what is there', (t) => {
  t.is(parseApplied(textOf([n4({})])).services.length, 1)
})

test('references: of services of the model one that would go is told apart from one that never was', (t) => {
  const [refers] = parse(textOf([n4({}), n3])).services
  const message = (wasThere: boolean) => findWrongReferences([refers], () => wasThere)[0]?.message
  t.is(message(false), `is n3, which is no service: ${forTunnels}`)
  t.is(message(true), 'is n3, which would be gone: change both together, or this one first')
  t.deepEqual(findWrongReferences([{ ...refers, select: 'rr' }]), [])
})

test('references: services of the model meet the same rules, whoever owns them (N3.9, N4.19)', (t) => {
  const { services } = parse(textOf([{ ...n3, endpoints: two }, n4({ onLoss: 'restore' }, { endpoints: two })]))
  const [tunnels, refers] = services
  const paths = (...all: readonly (typeof tunnels)[]) =>
    findWrongReferences(all).map(({ item, path }) => `${item} ${path.join('.')}`)
  t.deepEqual(paths(tunnels, refers), [])
  t.deepEqual(paths({ ...tunnels!, mode: 'dsr' }, refers), [
    '1 n4.onLoss',
    '0 endpoints.0.teidRange',
    '0 endpoints.1.teidRange',
  ])
  t.deepEqual(paths({ ...tunnels!, endpoints: tunnels!.endpoints.slice(1) }, refers), ['1 endpoints.0.address'])
})
