import test from 'ava'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endpointDefaults, serviceDefaults } from '../lb/model.ts'
import { ConfigErrors } from './errors.ts'
import { parse, parseApplied, readConfig } from './parse.ts'

const head = 'version: 1\ninterfaces: [{ name: eth0 }]\n'

/** What is wrong with a text: `line path: message`. */
const mistakes = (text: string): readonly string[] => {
  try {
    parse(text)
    return []
  } catch (error) {
    if (!(error instanceof ConfigErrors)) throw error
    return error.errors.map((one) => `${one.line} ${one.path}: ${one.message}`)
  }
}

/** The same, for the fields of one service. */
const inService = (fields: Readonly<Record<string, unknown>>): readonly string[] => {
  const whole = { vip: '192.0.2.1', port: 80, protocol: 'tcp', endpoints: [{ address: '10.0.0.1' }], ...fields }
  return mistakes(`${head}services:\n- ${JSON.stringify(whole)}\n`).map((line) =>
    line.replace(/^4 services\[0\]\.?/, ''),
  )
}

test('parse: fills in defaults and gives what the model needs', (t) => {
  const config = parse(`${head}
services:
  - vip: 192.0.2.1
    port: 80
    protocol: tcp
    endpoints:
      - address: 10.0.0.1
      - { address: 10.0.0.2, port: 8080, weight: 0, drained: true }
  - name: ping
    vip: 192.0.2.2
    protocol: icmp
    mode: fullnat
    select: hash
    announce: routed
    endpoints: [{ address: 10.0.0.3 }]
snat: { ports: 2000-3000 }
api: { listen: "[::1]:8080" }
`)
  t.deepEqual(config, {
    version: 1,
    interfaces: [{ name: 'eth0', hook: 'auto' }],
    services: [
      {
        ...serviceDefaults,
        name: '192.0.2.1:80/tcp',
        address: '192.0.2.1',
        port: 80,
        lastPort: 80,
        protocol: 'tcp',
        endpoints: [
          { ...endpointDefaults, address: '10.0.0.1', port: 80 },
          { ...endpointDefaults, address: '10.0.0.2', port: 8080, weight: 0, drained: true },
        ],
      },
      {
        ...serviceDefaults,
        name: 'ping',
        address: '192.0.2.2',
        port: 0,
        lastPort: 0,
        protocol: 'icmp',
        mode: 'fullnat',
        select: 'hash',
        announce: 'routed',
        endpoints: [{ ...endpointDefaults, address: '10.0.0.3', port: 0 }],
      },
    ],
    limits: {
      flows: 1048576,
      flowsReserve: 1,
      services: 16384,
      endpoints: 65536,
      slotPages: 65536,
      portBlocks: 1024,
      snatPools: 256,
      ranges: 16384,
      sources: 65536,
      affinities: 65536,
      hints: 1048576,
      sctpPaths: 65536,
      fragments: 16384,
    },
    timeouts: {
      synSent: 30,
      synReceived: 30,
      established: 7440,
      closing: 120,
      unreplied: 30,
      replied: 300,
      drain: 3600,
    },
    sessions: [],
    snat: { ports: { first: 2000, last: 3000 } },
    encapsulation: { source4: '172.16.0.0', source6: 'fd73:6c75:6963:65::', guePort: 6080 },
    selection: { seed: 0 },
    api: { listen: { host: '::1', port: 8080 } },
    log: { level: 'info', format: 'json' },
    events: false,
  })
})

test('parse: the API can be switched off, and listens on loopback by default', (t) => {
  t.is(parse(`${head}api: { listen: off }\n`).api.listen, null)
  t.deepEqual(parse(head).api.listen, { host: '127.0.0.1', port: 11111 })
})

test('parse: an anchor can be used twice, and its mistakes stand where it is written', (t) => {
  const text = (weight: number) => `${head}
services:
  - vip: 192.0.2.1
    port: 80
    protocol: tcp
    endpoints: &servers
      - { address: 10.0.0.1, weight: ${weight} }
  - { vip: 192.0.2.2, port: 80, protocol: tcp, endpoints: *servers }
`
  t.is(parse(text(2)).services[1]?.endpoints[0]?.weight, 2)
  t.deepEqual(mistakes(text(300)), [
    '9 services[0].endpoints[0].weight: must be a whole number from 0 to 255, not 300',
    '9 services[1].endpoints[0].weight: must be a whole number from 0 to 255, not 300',
  ])
})

/** Thirty mistakes: [line that is wrong, where it says so, a word of what it says]. */
const thirty: readonly (readonly [string, string, string])[] = [
  ['version: 2', 'version', 'must be 1'],
  ['interfaces:', '', ''],
  ['  - name: "eth 0"', 'interfaces[0].name', 'network device'],
  ['    hook: dpdk', 'interfaces[0].hook', 'one of auto, xdp'],
  ['  - name: eth1', '', ''],
  ['  - hook: xdp', 'interfaces[2].name', 'is missing'],
  ['  - name: eth1', 'interfaces[3].name', 'listed twice'],
  ['limits:', '', ''],
  ['  flow: 5', 'limits.flow', 'did you mean "flows"?'],
  ['  services: 0', 'limits.services', '1 to 100000'],
  ['timeouts:', '', ''],
  ['  established: 2h', 'timeouts.established', 'not "2h"'],
  ['  closing: 1.5', 'timeouts.closing', 'not 1.5'],
  ['snat:', '', ''],
  ['  ports: 3000-2000', 'snat.ports', 'lower port first'],
  ['selection:', '', ''],
  ['  seed: -1', 'selection.seed', 'not -1'],
  ['api:', '', ''],
  ['  listen: 0.0.0.0:80', 'api.listen', 'not loopback'],
  ['log:', '', ''],
  ['  level: verbose', 'log.level', 'debug, info'],
  ['events: yes', 'events', 'true or false'],
  ['service: []', 'service', 'did you mean "services"?'],
  ['services:', '', ''],
  ['  - just text', 'services[0]', 'must be a mapping'],
  ['  - name: a', '', ''],
  ['    vip: 224.0.0.1', 'services[1].vip', 'multicast'],
  ['    protocol: icmp', '', ''],
  ['    port: 80', 'services[1].port', 'icmp has no ports'],
  ['    endpoints:', '', ''],
  ['      - address: 10.0.0.1', '', ''],
  ['        port: 80', 'services[1].endpoints[0].port', 'icmp has no ports'],
  ['  - name: b', '', ''],
  ['    vip: 192.0.2.1', '', ''],
  ['    port: 65536', 'services[2].port', '1 to 65535'],
  ['    protocol: tpc', 'services[2].protocol', 'did you mean "tcp"?'],
  ['    mode: nat', 'services[2].mode', 'dnat, onearm, fullnat'],
  ['    sel: rr', 'services[2].sel', 'did you mean "select"?'],
  ['    endpoints:', '', ''],
  ['      - address: 10.0.0.1', '', ''],
  ['        weight: 256', 'services[2].endpoints[0].weight', '0 to 255'],
  ['      - address: fe80::1', 'services[2].endpoints[1].address', 'link-local'],
  ['      - address: 192.0.2.1', 'services[2].endpoints[2].address', 'VIP itself'],
  ['      - address: 10.0.0.300', 'services[2].endpoints[3].address', 'must be an IPv4 address'],
  ['      - address: 127.0.0.1', 'services[2].endpoints[4].address', 'loopback'],
  ['  - name: b', 'services[3].name', 'already the name of services[2]'],
  ['    vip: 192.0.2.9', '', ''],
  ['    port: 53', '', ''],
  ['    protocol: udp', '', ''],
  [
    '    endpoints: [{ address: 10.0.0.1 }, { address: 10.0.0.1, port: 53 }]',
    'services[3].endpoints[1]',
    'already endpoints[0]',
  ],
  ['  - vip: 192.0.2.9', 'services[4].vip', 'already balanced by services[3] (b)'],
  ['    port: 53', '', ''],
  ['    protocol: udp', '', ''],
  ['    endpoints: []', '', ''],
]

test('parse: thirty mistakes in one file are reported all at once, each with its line', (t) => {
  const expected = thirty.flatMap(([, path, word], index) => (path === '' ? [] : [{ line: index + 1, path, word }]))
  t.is(expected.length, 31)
  const text = thirty.map(([line]) => line).join('\n')
  const error = t.throws(() => parse(text, 'sluice.yaml'), { instanceOf: ConfigErrors })
  t.deepEqual(
    error?.errors.map(({ line, path }) => ({ line, path })),
    expected.map(({ line, path }) => ({ line, path })),
  )
  for (const [index, { word }] of expected.entries()) t.true(error?.errors[index]?.message.includes(word), word)
})

test('parse: an error prints as file, line, column, path and message', (t) => {
  const error = t.throws(() => parse('version: 1\ninterfaces:\n  - name: eth0\n    hok: tc\n', '/etc/sluice.yaml'), {
    instanceOf: ConfigErrors,
  })
  t.is(error?.message, '/etc/sluice.yaml:4:5: interfaces[0].hok: there is no field "hok"; did you mean "hook"?')
})

test('parse: what is missing from the file as a whole is said', (t) => {
  t.deepEqual(mistakes('services: []'), [
    '1 version: is missing: add `version: 1`. Version of this format. Always 1.',
    '1 interfaces: is missing: add `interfaces:`. ' +
      'Network devices that packets for services, and the answers of endpoints, come in by.',
  ])
  for (const text of ['', '# nothing\n', '---\n']) t.regex(mistakes(text).join(), /^1 : the file is empty/)
  t.regex(mistakes('just text').join(), /must be a mapping of names to values, not "just text"/)
  t.regex(mistakes('- a\n- b').join(), /must be a mapping of names to values, not a list/)
  t.regex(mistakes('version: 1\ninterfaces: []').join(), /2 interfaces: needs at least 1 item/)
})

test('parse: a list without items in it is told apart from an empty list', (t) => {
  t.deepEqual(mistakes(`${head}services:\n`), ['3 services: has no value: write a list, or remove the line'])
  t.deepEqual(mistakes(`${head}services: []\n`), [])
})

test('parseApplied: a file for a running daemon needs no interfaces, and is checked all the same', (t) => {
  const services = (weight: number) =>
    `services: [{ vip: 192.0.2.1, protocol: tcp, port: 80, endpoints: [{ address: 10.0.0.1, weight: ${weight} }] }]`
  t.is(parseApplied(`version: 1\n${services(3)}`).services[0]?.endpoints[0]?.weight, 3)
  t.is(parseApplied(`${head}${services(3)}`).services.length, 1)
  t.deepEqual(parseApplied('version: 1').services, [])
  t.throws(() => parseApplied(`version: 1\n${services(256)}`).services, {
    message: /^2:\d+: services\[0\].endpoints\[0\].weight/,
  })
  t.throws(() => parseApplied(services(1)), { message: /version: is missing/ })
})

test('parse: YAML that is none is reported with its line', (t) => {
  const [first] = mistakes('version: 1\ninterfaces: [\n')
  t.regex(first ?? '', /^\d+ : not valid YAML: /)
  t.regex(mistakes(`${head}services: *nothing\n`).join(), /^3 services: \*nothing names no anchor/)
  t.regex(mistakes(`${head}\tservices: []\n`).join(), /not valid YAML/)
  t.regex(mistakes(`${head}---\nversion: 1\n`).join(), /not valid YAML/)
  t.regex(mistakes(`${head}log: !secret {}\n`).join(), /3 : not valid here: Unresolved tag/)
})

test('parse: aliases that multiply without end are refused', (t) => {
  const levels = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]`)
  t.regex(mistakes(`a0: &a0 [x]\n${levels.join('\n')}\n`).join(), /not valid YAML: Excessive alias count/)
})

test('parse: a key written twice is reported beside the other mistakes', (t) => {
  t.deepEqual(mistakes(`${head}log: { level: info, level: debug }\nevents: 1\nevents: true\nlogs: {}\n`), [
    '3 log.level: "level" is written twice, first in line 3: remove one of them',
    '5 events: "events" is written twice, first in line 4: remove one of them',
    '6 logs: there is no field "logs"; did you mean "log"?',
  ])
})

test('parse: a field that is like no other gets the list of those that are known', (t) => {
  t.deepEqual(mistakes(`${head}log: { colour: red }\n`), [
    '3 log.colour: there is no field "colour"; known here: level, format',
  ])
})

test('parse: names that every object inherits are unknown fields', (t) => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    t.is(mistakes(`${head}log: { ${name}: 1 }\n`).length, 1, name)
  }
})

test('service: an address that nobody can reach is refused as VIP and as endpoint', (t) => {
  const addresses = ['0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255']
  for (const address of addresses) {
    t.regex(inService({ vip: address }).join(), new RegExp(`^vip: ${address} .*it cannot be a VIP$`), address)
    const asEndpoint = inService({ endpoints: [{ address }] }).join()
    t.regex(asEndpoint, new RegExp(`^endpoints\\[0\\].address: ${address} .*it cannot be an endpoint$`), address)
  }
})

test('service: an address has one spelling, whatever was written', (t) => {
  const [service] = parse(`${head}
services:
  - { vip: "2001:DB8:0::1", vips: ["2001:db8:0:0::2", 192.0.2.1], protocol: tcp, port: 80,
      mode: onearm, sources: ["FD00::9"],
      allowedSources: [10.1.2.3/8, 10.0.0.0/8, "2001:DB8::1/32", 192.0.2.7], endpoints: [{ address: "FD00::1" }] }
`).services
  t.like(service, {
    name: '[2001:db8::1]:80/tcp',
    address: '2001:db8::1',
    secondary: ['2001:db8::2', '192.0.2.1'],
    sources: ['fd00::9'],
    allowedSources: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7/32'],
  })
  t.is(service?.endpoints[0]?.address, 'fd00::1')
  t.regex(inService({ vip: '::ffff:192.0.2.1' }).join(), /^vip: ::ffff:192\.0\.2\.1 is the IPv4 address 192\.0\.2\.1/)
  t.regex(inService({ vip: 'fe80::1%eth0' }).join(), /^vip: must be an IPv4 address/)
})

test('service: text that is nearly an IPv4 address is refused', (t) => {
  for (const vip of ['192.0.2', '192.0.2.01', '192.0.2.1/24', 'localhost', '', '192.0.2.1 ']) {
    t.regex(inService({ vip }).join(), /^vip: must be an IPv4 address like/, vip)
  }
})

test('service: tcp and udp need a port, icmp has none', (t) => {
  t.deepEqual(mistakes(`${head}services: [{ vip: 192.0.2.1, protocol: udp, endpoints: [] }]`), [
    '3 services[0]: a udp service needs a port: add `port:`',
  ])
  t.deepEqual(inService({ protocol: 'icmp' }), ['port: icmp has no ports: remove this line'])
  t.deepEqual(inService({ port: 0 }), ['port: must be a whole number from 1 to 65535, not 0'])
  t.deepEqual(mistakes(`${head}services: [{ vip: 192.0.2.1, protocol: icmp, endpoints: [{ address: 10.0.0.1 }] }]`), [])
})

test('service: weight 0 is allowed, one below and one above the range is not', (t) => {
  const withWeight = (weight: unknown) => inService({ endpoints: [{ address: '10.0.0.1', weight }] })
  t.deepEqual(withWeight(0), [])
  t.deepEqual(withWeight(255), [])
  for (const weight of [-1, 256, 0.5, '1', null]) t.is(withWeight(weight).length, 1, String(weight))
})

test('service: the same endpoint twice is refused, also when one leaves the port out', (t) => {
  const endpoints = [{ address: '10.0.0.1' }, { address: '10.0.0.1', port: 80 }, { address: '10.0.0.1', port: 81 }]
  t.regex(inService({ endpoints }).join(), /^endpoints\[1\]: 10\.0\.0\.1:80 is already endpoints\[0\]/)
})

test('service: one address and port may serve tcp and udp, and pings', (t) => {
  const services = ['protocol: tcp, port: 80', 'protocol: udp, port: 80', 'protocol: icmp'].map(
    (fields) => `  - { vip: 192.0.2.1, ${fields}, endpoints: [] }`,
  )
  t.deepEqual(mistakes(`${head}services:\n${services.join('\n')}\n`), [])
})

test('service: a name may not be what another one is called by default', (t) => {
  const text = `${head}services:
  - { vip: 192.0.2.1, protocol: tcp, port: 80, endpoints: [] }
  - { name: "192.0.2.1:80/tcp", vip: 192.0.2.2, protocol: tcp, port: 80, endpoints: [] }
`
  t.regex(mistakes(text).join(), /^5 services\[1\]\.name: "192\.0\.2\.1:80\/tcp" is already the name of services\[0\]/)
})

test('service: more than the limits allow is refused', (t) => {
  const text = `${head}limits: { services: 1, endpoints: 2 }
services:
  - { vip: 192.0.2.1, protocol: tcp, port: 80, endpoints: [{ address: 10.0.0.1 }, { address: 10.0.0.2 }] }
  - { vip: 192.0.2.2, protocol: tcp, port: 80, endpoints: [{ address: 10.0.0.1 }] }
`
  t.deepEqual(mistakes(text), [
    '4 services: 2 services are more than limits.services (1): raise the limit',
    '4 services: their 3 endpoints are more than limits.endpoints (2): raise the limit',
  ])
})

test('snat: the port range must be one', (t) => {
  const withPorts = (ports: string) => mistakes(`${head}snat: { ports: "${ports}" }\n`).join()
  t.is(withPorts('1-65535'), '')
  t.is(withPorts('5000-5000'), '')
  t.regex(withPorts('0-100'), /leaves 1 to 65535/)
  t.regex(withPorts('1024-65536'), /leaves 1 to 65535/)
  t.regex(withPorts('2000-1000'), /lower port first/)
  t.regex(withPorts('1024'), /two ports joined by a hyphen/)
})

test('api: only loopback is accepted', (t) => {
  const withListen = (listen: string) => mistakes(`${head}api: { listen: "${listen}" }\n`).join()
  for (const good of ['127.0.0.1:1', '127.1.2.3:65535', '[::1]:11111', 'off']) t.is(withListen(good), '', good)
  for (const bad of ['0.0.0.0:11111', '192.0.2.1:80', '[::]:80', '[2001:db8::1]:80', 'localhost:80', '127.1:80']) {
    t.regex(withListen(bad), /is not loopback/, bad)
  }
  for (const bad of ['127.0.0.1:0', '127.0.0.1:65536']) t.regex(withListen(bad), /is not one of 1 to 65535/, bad)
  for (const bad of ['127.0.0.1', '11111', ':11111', '::1:80', 'on']) t.regex(withListen(bad), /must be `off`/, bad)
})

test('readConfig: a file that cannot be read is an error of the same form', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-config-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const says = async (file: string) => (await t.throwsAsync(readConfig(file), { instanceOf: ConfigErrors }))?.message
  const missing = join(directory, 'missing.yaml')
  t.is(await says(missing), `${missing}: cannot read the file: there is no such file`)
  t.is(await says(directory), `${directory}: cannot read the file: it is a directory`)
  const binary = join(directory, 'binary.yaml')
  await writeFile(binary, Uint8Array.of(0x76, 0xff, 0xfe))
  t.is(await says(binary), `${binary}: the file is not UTF-8 text: save it as UTF-8`)
  const good = join(directory, 'good.yaml')
  await writeFile(good, `\uFEFF${head}`)
  t.is((await readConfig(good)).version, 1)
})
