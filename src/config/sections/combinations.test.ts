import test from 'ava'
import { modes, transports } from '../../lb/model.ts'
import { ConfigErrors } from '../errors.ts'
import { checkServiceInputs } from '../parse.ts'
import { refusalOf, rules } from './combinations.ts'
import type { Cell } from './combinations.ts'

const web = { vip: '192.0.2.1', port: 80, protocol: 'tcp', endpoints: [{ address: '10.0.0.1' }] }

/** What is wrong with one service: `path: message`. */
const mistakes = (fields: object): readonly string[] => {
  try {
    // JSON has no undefined: a field that is overridden with it is not there.
    checkServiceInputs([JSON.parse(JSON.stringify({ ...web, ...fields }))])
    return []
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error
    return error.errors.map((one) => `${one.path.replace(/^services\[0\]\.?/, '')}: ${one.message}`)
  }
}

const six = [{ address: 'fd00::1' }]
const quic = { serverIdLength: 2, nonceLength: 6 }
const quicService = { protocol: 'udp', select: 'quic', quic }

const n3 = { protocol: 'udp', port: 2152, select: 'n3' }
const n6 = {
  protocol: 'any',
  port: undefined,
  mode: 'dsr',
  select: 'n6',
  vip: '0.0.0.0',
  users: ['10.60.0.0/16'],
}
const n6v6 = { ...n6, vip: '::', users: ['2001:db8:60::/48'], endpoints: six }
const gtpc = { protocol: 'udp', port: 2123, mode: 'proxy', select: 'gtpc' }
const n4 = { protocol: 'udp', port: 8805, mode: 'proxy', select: 'n4', n4: { tunnels: 'n3' } }

const out = {
  mode: 'masquerade',
  vip: '0.0.0.0',
  port: undefined,
  endpoints: undefined,
  allowedSources: ['10.0.0.0/8'],
  sources: ['198.51.100.1'],
}
const out6 = { ...out, vip: '::', allowedSources: ['fd00::/8'], sources: ['2001:db8::9'] }

/** Each rule: a service that it refuses, where, and the nearest one that it lets through. */
const cases: Readonly<Record<string, readonly (readonly [refused: object, path: string, allowed: object])[]>> = {
  'dsr-l2-family': [
    [{ mode: 'dsr', endpoints: six }, 'endpoints[0].address', { mode: 'dsr', encapsulation: 'ip', endpoints: six }],
    [{ mode: 'dsr', vips: ['2001:db8::1'] }, 'endpoints[0].address', { mode: 'dsr', vips: ['192.0.2.2'] }],
  ],
  'dsr-port': [
    [
      { mode: 'dsr', endpoints: [{ address: '10.0.0.1', port: 8080 }] },
      'endpoints[0].port',
      { mode: 'dsr', endpoints: [{ address: '10.0.0.1', port: 80 }] },
    ],
    [
      { mode: 'dsr', port: 'any', encapsulation: 'gue', endpoints: [{ address: '10.0.0.1', port: 80 }] },
      'endpoints[0].port',
      { mode: 'dsr', port: 'any', encapsulation: 'gue' },
    ],
  ],
  'encapsulation-mode': [[{ encapsulation: 'ip' }, 'encapsulation', { mode: 'dsr', encapsulation: 'ip' }]],
  'dsr-alg': [[{ mode: 'dsr', alg: 'ftp' }, 'alg', { mode: 'fullnat', alg: 'ftp' }]],
  'dsr-reset': [[{ mode: 'dsr', resetOnIdle: true }, 'resetOnIdle', { mode: 'dnat', resetOnIdle: true }]],
  'hostonearm-vip': [
    [{ mode: 'hostonearm' }, 'vip', { mode: 'hostonearm', vip: '0.0.0.0' }],
    [
      { mode: 'hostonearm', vip: '::', vips: ['192.0.2.9'] },
      'vips[0]',
      { mode: 'hostonearm', vip: '::', vips: ['0.0.0.0'] },
    ],
  ],
  'hostonearm-announce': [
    [
      { mode: 'hostonearm', vip: '::', announce: 'local' },
      'announce',
      { mode: 'hostonearm', vip: '::', announce: 'routed' },
    ],
  ],
  'hostonearm-any-port': [
    [{ mode: 'hostonearm', vip: '::', port: 'any' }, 'port', { mode: 'hostonearm', vip: '::', port: '8000-9000' }],
  ],
  'hostonearm-mark': [[{ mode: 'hostonearm', vip: '::', mark: 7 }, 'mark', { mode: 'onearm', mark: 7 }]],
  'masquerade-vip': [
    [{ ...out, vip: '192.0.2.1' }, 'vip', out],
    [{ ...out, vips: ['192.0.2.2'] }, 'vips', out6],
  ],
  'masquerade-port': [[{ ...out, port: 443 }, 'port', { ...out, port: 'any' }]],
  'masquerade-inside': [
    [{ ...out, allowedSources: [] }, 'allowedSources', { ...out, allowedSources: ['10.1.0.0/16', '10.2.0.0/16'] }],
    [{ ...out, allowedSources: ['fd00::/8'] }, 'allowedSources[0]', out6],
    [
      { ...out, allowedSources: ['10.0.0.0/8', '0.0.0.0/0'] },
      'allowedSources[1]',
      { ...out, allowedSources: ['10.0.0.1'] },
    ],
    [{ ...out6, allowedSources: ['::/0'] }, 'allowedSources[0]', { ...out6, allowedSources: ['::/1'] }],
  ],
  'masquerade-sources': [
    [{ ...out, sources: [] }, 'sources', { ...out, sources: ['198.51.100.1', '198.51.100.2'] }],
    [{ ...out, sources: ['2001:db8::9'] }, 'sources[0]', out6],
  ],
  'masquerade-endpoints': [[{ ...out, endpoints: [{ address: '10.0.0.1' }] }, 'endpoints', { ...out, endpoints: [] }]],
  'masquerade-select': [[{ ...out, select: 'hash' }, 'select', { ...out, select: 'rr' }]],
  'masquerade-announce': [[{ ...out, announce: 'local' }, 'announce', { ...out, announce: 'routed' }]],
  'masquerade-mark': [[{ ...out, mark: 7 }, 'mark', { ...out, protocol: 'icmp' }]],
  'masquerade-alg': [[{ ...out, alg: 'ftp' }, 'alg', out]],
  'proxy-select': [[{ ...n4, select: 'hash', n4: undefined }, 'select', n4]],
  'n4-mode': [[{ ...n4, mode: 'dnat' }, 'mode', n4]],
  'n4-settings': [[{ ...n4, n4: undefined }, 'n4', n4]],
  'n4-select': [
    [{ n4: { tunnels: 'n3' } }, 'n4', n4],
    [
      { endpoints: [{ address: '10.0.0.1', upf: { dnns: ['internet'] } }] },
      'endpoints[0].upf',
      { ...n4, endpoints: [{ address: '10.0.0.1', upf: { dnns: ['internet'], slices: ['1-0000FF'] } }] },
    ],
  ],
  'gtpc-mode': [[{ ...gtpc, mode: 'dnat' }, 'mode', gtpc]],
  'gtpc-select': [
    [{ gtpc: {} }, 'gtpc', { ...gtpc, gtpc: {} }],
    [{ ...n4, gtpc: {} }, 'gtpc', n4],
    [
      { endpoints: [{ address: '10.0.0.1', gtpVersions: [2] }] },
      'endpoints[0].gtpVersions',
      { ...gtpc, endpoints: [{ address: '10.0.0.1', gtpVersions: [2] }] },
    ],
  ],
  'gtpc-versions': [
    [
      { ...gtpc, gtpc: { versions: [2] }, endpoints: [{ address: '10.0.0.1', gtpVersions: [1] }] },
      'endpoints[0].gtpVersions',
      { ...gtpc, gtpc: { versions: [2] }, endpoints: [{ address: '10.0.0.1', gtpVersions: [1, 2] }] },
    ],
  ],
  'proxy-port': [
    [{ ...gtpc, protocol: 'sctp' }, 'protocol', gtpc],
    [{ ...gtpc, port: 2152 }, 'port', gtpc],
    [
      { ...gtpc, endpoints: [{ address: '10.0.0.1', port: 2152 }] },
      'endpoints[0].port',
      { ...gtpc, endpoints: [{ address: '10.0.0.1', port: 2123 }] },
    ],
    [{ ...n4, protocol: 'tcp' }, 'protocol', n4],
    [{ ...n4, port: 8806 }, 'port', n4],
    [
      { ...n4, endpoints: [{ address: '10.0.0.1', port: 8806 }] },
      'endpoints[0].port',
      { ...n4, endpoints: [{ address: '10.0.0.1', port: 8805 }] },
    ],
  ],
  'proxy-vips': [
    [{ ...n4, vips: ['192.0.2.2'] }, 'vips', n4],
    [{ ...gtpc, vips: ['192.0.2.2'] }, 'vips', gtpc],
  ],
  'proxy-family': [
    [{ ...gtpc, endpoints: six }, 'endpoints[0].address', { ...gtpc, vip: '2001:db8::1', endpoints: six }],
    [{ ...n4, endpoints: six }, 'endpoints[0].address', { ...n4, vip: '2001:db8::1', endpoints: six }],
  ],
  'proxy-announce': [
    [{ ...n4, announce: 'routed' }, 'announce', { ...n4, announce: 'local' }],
    [{ ...gtpc, announce: 'routed' }, 'announce', gtpc],
  ],
  'proxy-unused': [
    [{ ...n4, idleTimeout: 9 }, 'idleTimeout', n4],
    [{ ...n4, allowedSources: ['10.0.0.0/8'] }, 'allowedSources', n4],
    [{ ...gtpc, mark: 4 }, 'mark', gtpc],
    [{ ...gtpc, sources: ['192.0.2.9'] }, 'sources', gtpc],
  ],
  'n6-mode': [[{ ...n6, mode: 'dnat' }, 'mode', n6]],
  'n6-protocol': [
    [{ ...n6, port: 80, protocol: 'udp' }, 'protocol', n6],
    [{ protocol: 'any', port: undefined }, 'protocol', n6],
  ],
  'n6-vip': [
    [{ ...n6, vip: '192.0.2.1' }, 'vip', n6],
    [{ ...n6, vips: ['192.0.2.2'] }, 'vips', n6v6],
  ],
  'n6-users': [
    [{ ...n6, users: [] }, 'users', n6],
    [{ users: ['10.0.0.0/8'] }, 'users', n6],
    [{ ...n6, users: ['10.0.0.0/8', '2001:db8::/32'] }, 'users[1]', n6v6],
    [{ ...n6v6, users: ['2001:db8::/65'] }, 'users[0]', { ...n6v6, users: ['2001:db8::/64'] }],
  ],
  'n6-announce': [[{ ...n6, announce: 'local' }, 'announce', { ...n6, announce: 'routed' }]],
  'n6-unused': [[{ ...n6, idleTimeout: 9 }, 'idleTimeout', { ...n6, miss: 'drop' }]],
  'mark-vips': [[{ mark: 7, vips: ['192.0.2.2'] }, 'vips', { vips: ['192.0.2.2'] }]],
  'sources-mode': [
    [{ sources: ['192.0.2.9'] }, 'sources', { mode: 'onearm', sources: ['192.0.2.9'] }],
    [{ mode: 'dsr', sources: ['192.0.2.9'] }, 'sources', { vip: '2001:db8::1', sources: ['192.0.2.9'] }],
  ],
  'sources-family': [
    [{ mode: 'onearm', sources: ['fd00::9'] }, 'sources[0]', { mode: 'onearm', endpoints: six, sources: ['fd00::9'] }],
  ],
  'n3-protocol': [[{ select: 'n3' }, 'select', { select: 'n3', protocol: 'udp' }]],
  'quic-protocol': [
    [
      { ...quicService, protocol: 'tcp', endpoints: [{ address: '10.0.0.1', serverId: '0a0b' }] },
      'select',
      { ...quicService, endpoints: [{ address: '10.0.0.1', serverId: '0a0b' }] },
    ],
  ],
  'hint-protocol': [
    [{ select: 'hint', protocol: 'icmp', port: undefined }, 'select', { select: 'hint', protocol: 'sctp' }],
  ],
  'ftp-protocol': [[{ alg: 'ftp', protocol: 'sctp' }, 'alg', { alg: 'ftp' }]],
  'tftp-protocol': [[{ alg: 'tftp' }, 'alg', { alg: 'tftp', protocol: 'udp' }]],
  'session-port': [
    [{ ...n3, port: '2152-2160' }, 'port', { protocol: 'udp', port: '2152-2160' }],
    [{ ...n3, select: 'hint', mark: 3 }, 'mark', { ...n3, select: 'hint', port: 9999, mark: 3 }],
    [{ ...n3, mode: 'hostonearm', vip: '::' }, 'mode', { ...n3, mode: 'dsr' }],
  ],
  'session-source': [
    [{ ...n3, mode: 'fullnat' }, 'mode', n3],
    [{ ...n3, select: 'hint', endpoints: six }, 'mode', { ...n3, select: 'hint', vip: '2001:db8::1', endpoints: six }],
  ],
  'n3-alg': [[{ protocol: 'udp', select: 'n3', alg: 'tftp' }, 'alg', { protocol: 'udp', select: 'hash', alg: 'tftp' }]],
  'reset-protocol': [[{ protocol: 'sctp', resetOnIdle: true }, 'resetOnIdle', { resetOnIdle: true }]],
  'ootb-protocol': [
    [{ protocol: 'udp', select: 'hash', outOfTheBlue: 'hash' }, 'outOfTheBlue', { protocol: 'udp', select: 'hash' }],
  ],
  'ootb-abort': [[{ outOfTheBlue: 'abort' }, 'outOfTheBlue', { protocol: 'sctp', outOfTheBlue: 'abort' }]],
  'ootb-select': [[{ outOfTheBlue: 'hash' }, 'outOfTheBlue', { select: 'hash', outOfTheBlue: 'hash' }]],
  'ootb-mode': [
    [
      { mode: 'fullnat', select: 'hash', outOfTheBlue: 'hash' },
      'outOfTheBlue',
      { mode: 'dsr', select: 'hash', outOfTheBlue: 'hash' },
    ],
    [{ select: 'hash', outOfTheBlue: 'hash', endpoints: six }, 'outOfTheBlue', { select: 'hash', endpoints: six }],
  ],
  'miss-select': [[{ miss: 'drop' }, 'miss', { select: 'hint', miss: 'drop' }]],
  'miss-error': [[{ protocol: 'udp', select: 'hint', port: 2152, miss: 'error' }, 'miss', { ...n3, miss: 'error' }]],
  'teid-range-select': [
    [
      { select: 'hash', endpoints: [{ address: '10.0.1.1', teidRange: '0x10000000/4' }] },
      'endpoints[0].teidRange',
      { ...n3, endpoints: [{ address: '10.0.1.1', teidRange: '0x10000000/4' }] },
    ],
  ],
  'teid-range-bits': [
    [
      { ...n3, endpoints: [{ address: '10.0.1.1', teidRange: '0x18000000/4' }] },
      'endpoints[0].teidRange',
      { ...n3, endpoints: [{ address: '10.0.1.1', teidRange: '0x18000000/5' }] },
    ],
    [
      { ...n3, endpoints: [{ address: '10.0.1.1', teidRange: '0x0/0' }] },
      'endpoints[0].teidRange',
      { ...n3, endpoints: [{ address: '10.0.1.1', teidRange: '0x0/1' }] },
    ],
  ],
  'teid-range-overlap': [
    [
      {
        ...n3,
        endpoints: [
          { address: '10.0.1.1', teidRange: '0x10000000/4' },
          { address: '10.0.1.2', teidRange: '0x18000000/5' },
        ],
      },
      'endpoints[1].teidRange',
      {
        ...n3,
        endpoints: [
          { address: '10.0.1.1', teidRange: '0x10000000/4' },
          { address: '10.0.1.2', teidRange: '0x20000000/4' },
        ],
      },
    ],
  ],
  'quic-settings': [
    [
      { protocol: 'udp', select: 'quic', endpoints: [{ address: '10.0.0.1', serverId: '0a' }] },
      'quic',
      { protocol: 'udp' },
    ],
  ],
  'quic-select': [[{ protocol: 'udp', quic }, 'quic', { protocol: 'udp' }]],
  'quic-length': [
    [
      { ...quicService, quic: { serverIdLength: 2, nonceLength: 18 }, endpoints: [] },
      'quic.nonceLength',
      { ...quicService, quic: { serverIdLength: 1, nonceLength: 18 }, endpoints: [] },
    ],
  ],
  'quic-server-id': [
    [quicService, 'endpoints[0].serverId', { ...quicService, endpoints: [{ address: '10.0.0.1', serverId: '0A0b' }] }],
    [
      { ...quicService, endpoints: [{ address: '10.0.0.1', serverId: '0a' }] },
      'endpoints[0].serverId',
      { ...quicService, endpoints: [] },
    ],
  ],
}

for (const [name, examples] of Object.entries(cases)) {
  for (const [index, [refused, path, allowed]] of examples.entries()) {
    test(`combinations: ${name} refuses what it is for, says where and why, and no more (${index + 1})`, (t) => {
      const found = mistakes(refused)
      t.is(found.length, 1, found.join('\n'))
      t.true(found[0]?.startsWith(`${path}: `), found[0])
      t.regex(found[0] ?? '', new RegExp(` \\(${name}\\)$`))
      t.deepEqual(mistakes(allowed), [])
    })
  }
}

test('combinations: every rule has its example here, and a name of its own', (t) => {
  const names = rules.map((rule) => rule.name)
  t.deepEqual(Object.keys(cases).toSorted(), names.toSorted())
  t.is(new Set(names).size, names.length)
})

test('combinations: of protocols, families and modes only return by MAC address across families is refused', (t) => {
  const ways = modes
    .filter((mode) => mode !== 'masquerade' && mode !== 'proxy')
    .flatMap((mode): readonly Pick<Cell, 'mode' | 'encapsulation'>[] =>
      mode === 'dsr'
        ? [
            { mode, encapsulation: 'l2' },
            { mode, encapsulation: 'ip' },
            { mode, encapsulation: 'gue' },
          ]
        : [{ mode, encapsulation: null }],
    )
  const cells = transports.flatMap((protocol) =>
    ([4, 6] as const).flatMap((vip) =>
      ([4, 6] as const).flatMap((endpoint) => ways.map((way): Cell => ({ protocol, vip, endpoint, ...way }))),
    ),
  )
  t.is(cells.length, 4 * 4 * 7)
  for (const cell of cells) {
    const expected = cell.encapsulation === 'l2' && cell.vip !== cell.endpoint ? 'dsr-l2-family' : undefined
    t.is(refusalOf(cell)?.name, expected, JSON.stringify(cell))
  }
})
