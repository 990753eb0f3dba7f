// The command line as people start it: a child process, against a real API over a datapath without a kernel.

import test from 'ava'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gtpcSessionsForTest, gtpcStatusForTest } from '../testing/gtpc-status.ts'
import { n4SessionsForTest, n4StatusForTest } from '../testing/n4-status.ts'
import { serveForTest } from '../testing/served-api.ts'
import type { ServedApi, ServedOptions } from '../testing/served-api.ts'

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface RunOptions {
  readonly env?: Record<string, string>
  readonly input?: string
}

const main = join(import.meta.dirname, 'main.ts')

const sluice = (args: readonly string[], { env = {}, input }: RunOptions = {}): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: 'pipe',
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (part: Buffer) => (out += part.toString()))
    child.stderr.on('data', (part: Buffer) => (err += part.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
    child.stdin.end(input)
  })

type Sluice = (...args: readonly string[]) => Promise<Ended>

const withDaemon = (
  title: string,
  run: (t: import('ava').ExecutionContext, sluice: Sluice, served: ServedApi) => Promise<void>,
  options: ServedOptions = {},
): void => {
  test(title, async (t) => {
    const served = await serveForTest(options)
    try {
      await run(t, (...args) => sluice(args, { env: { SLUICE_RUN_DIR: served.runRoot } }), served)
    } finally {
      await served.close()
    }
  })
}

const close = (server: Server): void => {
  server.close()
  server.closeAllConnections()
}

const temporary = async (t: import('ava').ExecutionContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-cli-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

withDaemon('cli: create, get and delete a service as with loxicmd', async (t, sluice) => {
  const created = await sluice(
    'create',
    'lb',
    '20.20.20.1',
    '--tcp=2020:8080',
    '--endpoints=31.31.31.1:1,32.32.32.1:2',
    '--name=web',
  )
  t.deepEqual(created, { code: 0, out: '', err: 'lb 20.20.20.1:2020/tcp saved\n' })
  t.deepEqual(await sluice('get', 'lb'), {
    code: 0,
    out:
      'EXT IP       PORT   PROTO   NAME   MARK   SEL   MODE      # OF ENDPOINTS   TIMEOUT   MONITOR\n' +
      '20.20.20.1   2020   tcp     web    0      rr    default   2                0         Off\n',
    err: '',
  })
  t.deepEqual(
    (await sluice('get', 'loadbalancer', '-o', 'wide', '--no-headers')).out
      .split('\n')
      .map((line) => line.trim().split(/ +/)),
    [
      ['20.20.20.1', '2020', 'tcp', 'web', '0', 'rr', 'default', '31.31.31.1', '8080', '1', 'active', '0:0'],
      ['32.32.32.1', '8080', '2', 'active', '0:0'],
      [''],
    ],
  )
  t.deepEqual(await sluice('delete', 'lb', '20.20.20.1', '--tcp=2020'), {
    code: 0,
    out: '',
    err: 'lb 20.20.20.1:2020/tcp deleted\n',
  })
  t.deepEqual(await sluice('get', 'lb'), { code: 0, out: '', err: 'no services\n' })
})

withDaemon('cli: several ports are several services, which one name deletes', async (t, sluice, served) => {
  await sluice(
    'create',
    'lb',
    '10.0.0.1',
    '--tcp=80,443:8443',
    '--udp=53',
    '--icmp',
    '--endpoints=10.1.0.1',
    '--name=all',
  )
  t.deepEqual(
    served.controller.services().map(({ port, protocol, endpoints }) => [port, protocol, endpoints[0]?.port]),
    [
      [80, 'tcp', 80],
      [443, 'tcp', 8443],
      [53, 'udp', 53],
      [0, 'icmp', 0],
    ],
  )
  t.is((await sluice('delete', 'lb', '--name=all')).code, 0)
  t.deepEqual(served.controller.services(), [])
})

withDaemon('cli: modes, selection and end points are those that were asked for', async (t, sluice, served) => {
  await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', '--mode=fullnat', '--select=hash')
  t.like(served.controller.services()[0], { mode: 'fullnat', select: 'hash' })
  t.is((await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.2:5', '--attachEP')).code, 0)
  t.deepEqual(
    served.controller.services()[0]?.endpoints.map(({ weight }) => weight),
    [1, 5],
  )
  t.is((await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', '--detachEP')).code, 0)
  t.deepEqual(
    served.controller.services()[0]?.endpoints.map(({ address }) => address),
    ['10.1.0.2'],
  )
})

withDaemon('cli: every field has its flag, and get shows it', async (t, sluice, served) => {
  const created = await sluice(
    'create',
    'lb',
    '2001:db8::1',
    '--udp=443',
    '--name=h3',
    '--endpoints=10.1.0.1:2/serverId=0a0b/priority=1,[fd00::1]:3/serverId=0A0C',
    '--mode=onearm',
    '--select=quic',
    '--quic=serverIdLength=2,nonceLength=6,key=000102030405060708090a0b0c0d0e0f',
    '--secips=192.0.2.9',
    '--sources=10.0.0.0/8,2001:db8::/32',
    '--inatimeout=60',
    '--embryonic-limit=1000',
    '--snat=192.0.2.8',
    '--announce=routed',
  )
  t.is(created.code, 0, created.err)
  t.is(created.err, 'lb [2001:db8::1]:443/udp saved\n')
  t.like(served.controller.services()[0], {
    name: 'h3',
    address: '2001:db8::1',
    secondary: ['192.0.2.9'],
    mode: 'onearm',
    select: 'quic',
    quic: { serverIdLength: 2, nonceLength: 6, key: '000102030405060708090a0b0c0d0e0f', configId: 0 },
    allowedSources: ['10.0.0.0/8', '2001:db8::/32'],
    idleTimeout: 60,
    resetOnIdle: false,
    embryonicLimit: 1000,
    sources: ['192.0.2.8'],
    announce: 'routed',
    endpoints: [
      { address: '10.1.0.1', port: 443, weight: 2, serverId: '0a0b', priority: 1 },
      { address: 'fd00::1', port: 443, weight: 3, serverId: '0a0c', priority: 0 },
    ],
  })
  t.regex((await sluice('get', 'lb')).out, /2001:db8::1 +443 +udp +h3 +0 +quic +onearm +2 +60 +Off/)
  const wide = (await sluice('get', 'lb', '-o', 'wide')).out
  t.regex(
    wide,
    /192\.0\.2\.9 +10\.0\.0\.0\/8,2001:db8::\/32 .* embryonicLimit=1000 sources=192\.0\.2\.8 announce=routed/,
  )
  t.regex(wide, /quic=serverIdLength:2,nonceLength:6,configId:0/)
  t.false(wide.includes('000102030405'))
  t.regex((await sluice('get', 'lb', '-o', 'yaml')).out, /embryonicLimit: 1000/)
})

withDaemon('cli: ranges, any port, sctp and marks are services like others', async (t, sluice, served) => {
  const create = (...args: readonly string[]) => sluice('create', 'lb', '10.0.0.1', '--endpoints=10.1.0.1', ...args)
  t.is((await create('--tcp=8000-8100,9000-9100:9999', '--sctp=any')).code, 0)
  t.is((await create('--udp=53', '--mark=7', '--mode=dsr', '--encapsulation=gue')).code, 0)
  t.is((await create('--tcp=21', '--alg=ftp', '--select=persist', '--persist-timeout=9', '--no-reset-on-idle')).code, 0)
  t.deepEqual(
    served.controller.services().map(({ name, endpoints }) => [name, endpoints[0]?.port]),
    [
      ['10.0.0.1:8000-8100/tcp', 0],
      ['10.0.0.1:9000-9100/tcp', 9999],
      ['10.0.0.1:any/sctp', 0],
      ['10.0.0.1:53/udp@7', 53],
      ['10.0.0.1:21/tcp', 21],
    ],
  )
  t.regex((await sluice('get', 'lb')).out, / any +sctp [^]* 8000-8100 +tcp /)
  t.is((await sluice('delete', 'lb', '10.0.0.1', '--tcp=8000')).code, 3)
  t.is((await sluice('delete', 'lb', '10.0.0.1', '--tcp=8000-8100,21', '--sctp=any')).code, 0)
  t.is((await sluice('delete', 'lb', '10.0.0.1', '--udp=53', '--mark=7')).code, 0)
  t.is(served.controller.services().length, 1)
  const refused = await create('--tcp=80', '--mode=dsr', '--alg=ftp')
  t.is(refused.code, 2)
  t.regex(refused.err, /services\[0\]\.alg: ftp cannot be followed: .* \(dsr-alg\)/)
})

withDaemon('cli: attach and detach change one endpoint, block and unblock stop it', async (t, sluice, served) => {
  await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', '--name=web')
  const attached = await sluice('attach', 'web', '10.1.0.2:81', '--weight=4')
  t.is(attached.out, '+ service web: endpoint 10.1.0.2:81 weight 4\n', attached.err)
  t.is(
    (await sluice('attach', 'web', '10.1.0.2:81', '--weight=5')).out,
    '~ service web: endpoint 10.1.0.2:81 weight 4 -> 5\n',
  )
  t.is((await sluice('block', 'web', '10.1.0.2')).out, '~ service web: endpoint 10.1.0.2:81 not blocked -> blocked\n')
  t.regex((await sluice('get', 'lb', '-o', 'wide')).out, /10\.1\.0\.2 +81 +5 +inactive/)
  t.is((await sluice('unblock', 'web', '10.1.0.2')).code, 0)
  t.is((await sluice('detach', 'web', '10.1.0.1', '--dry-run')).out, '- service web: endpoint 10.1.0.1:80 weight 1\n')
  t.is((await sluice('detach', 'web', '10.1.0.1')).code, 0)
  t.deepEqual(
    served.controller.services()[0]?.endpoints.map(({ address }) => address),
    ['10.1.0.2'],
  )
  t.is((await sluice('detach', 'web', '10.1.0.1')).code, 3)
  t.is((await sluice('attach', 'web', 'fd00::1')).code, 0)
})

withDaemon("cli: -o json and yaml print loxilb's object with exact counters", async (t, sluice, served) => {
  await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1')
  const json = await sluice('get', 'lb', '-o', 'json')
  t.like(JSON.parse(json.out), { lbAttr: [{ serviceArguments: { externalIP: '10.0.0.1', port: 80 } }] })
  t.regex(
    (await sluice('get', 'lb', '-o', 'yaml')).out,
    /^lbAttr:\n {2}- serviceArguments:\n {6}externalIP: 10\.0\.0\.1\n/,
  )
  served.datapath.verdictCounters = { xdp: { forward: 9007199254740993n }, tc: {} }
  t.regex((await sluice('get', 'verdicts', '-o', 'json')).out, /"forward": 9007199254740993\n/)
  t.regex((await sluice('get', 'verdicts', '-o', 'yaml')).out, /forward: 9007199254740993\n/)
})

withDaemon('cli: flows, end points, verdicts, status and version have their tables', async (t, sluice, served) => {
  served.datapath.flowStatus.push({
    protocol: 'tcp',
    state: 'established',
    client: { address: '10.9.0.1', port: 40000 },
    vip: { address: '10.0.0.1', port: 80 },
    source: { address: '10.9.0.1', port: 40000 },
    endpoint: { address: '10.1.0.1', port: 8080, weight: 1 },
    service: null,
    serviceName: 'web',
    mode: 'dnat',
    toEndpoint: { packets: 2n, bytes: 100n },
    toClient: { packets: 1n, bytes: 50n },
    idleMs: 0,
  })
  served.datapath.verdictCounters = { xdp: { forward: 3n, drop_ttl: 0n }, tc: { forward: 0n, drop_ttl: 1n } }
  served.datapath.interfaceStatus.push({ name: 'eth0', ifindex: 7, hook: 'xdp', note: '' })
  await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1')
  t.regex(
    (await sluice('get', 'ct')).out,
    /^SERVICE NAME {3}DESTIP.*\nweb .* est .* dnat-10\.1\.0\.1:8080:w1 .*\nweb .* snat-/,
  )
  t.regex((await sluice('get', 'ep')).out, /^HOST .*\n10\.1\.0\.1 /)
  t.is((await sluice('get', 'verdicts')).out, 'VERDICT    XDP   TC\nforward    3     0\ndrop_ttl   0     1\n')
  t.regex(
    (await sluice('get', 'status')).out,
    /^INSTANCE .*\ndefault +1\.2\.3 .*\n\nINTERFACE .*\neth0 +7 +xdp\n\nVERDICT /,
  )
  t.is((await sluice('get', 'lbversion', '--no-headers')).out, '1.2.3   sluice 1.2.3\n')
  t.regex((await sluice('version')).out, /^client: .*\nserver: 1\.2\.3\n$/)
})

withDaemon('cli: sessions and their services have their tables', async (t, sluice, served) => {
  t.deepEqual(await sluice('get', 'sessions'), { code: 0, out: '', err: 'no sessions\n' })
  t.deepEqual(await sluice('get', 'n4'), { code: 0, out: '', err: 'no services of select n4\n' })
  served.datapath.n4Status.push(n4StatusForTest)
  served.datapath.n4SessionStatus.push(...n4SessionsForTest)
  t.deepEqual(await sluice('get', 'sessions'), {
    code: 0,
    out:
      'SERVICE   SEID                 SMF           UPF              STATE          DNN        UE ADDRESSES   ' +
      'TUNNELS   UP PACKETS   UP BYTES    DOWN PACKETS   DOWN BYTES   AGE\n' +
      'n4        0x0000000000000001   smf.example   10.0.0.11:8805   up             internet   10.48.0.1/32   ' +
      '2         1234567      150000000   0              0            1h2m\n' +
      'n4        0x0000000000000002   smf.example   10.0.0.11:8805   establishing   -          10.48.0.1/32   ' +
      '0         -            -           -              -            0s\n',
    err: '',
  })
  const wide = await sluice('get', 'sessions', '-o', 'wide', '--limit', '1', '--no-headers')
  t.is(wide.err, 'only 1 of 2 sessions are shown; --limit shows more\n')
  t.regex(
    wide.out,
    /0x00000000000000a1 .* 0x00000000000000b1 .* 0x00000001,0x00000002>0x00000007 +1234567 +150000000 +0 +0 /,
  )
  t.is(wide.out.split('\n').length, 2)
  t.like(JSON.parse((await sluice('get', 'sessions', '-o', 'json', '--limit=1')).out), { total: 2 })
  t.regex((await sluice('get', 'sessions', '-o', 'yaml')).out, /^sessions:\n {2}- service: n4\n/)
  t.like(await sluice('get', 'sessions', '--limit', '0'), { code: 2, out: '' })
  t.is(
    (await sluice('get', 'n4')).out,
    'SERVICE   SMFS   UPFS   SESSIONS   TUNNELS   UE ADDRESSES   PENDING\n' +
      'n4        1      2      2          3         2              1\n\n' +
      'SERVICE   ROLE   NAME             ADDRESS     STATE   SESSIONS   LOAD\n' +
      'n4        smf    smf.example      10.0.1.1    up      2          -\n' +
      'n4        upf    10.0.0.11:8805   10.0.0.11   up      2          40%\n' +
      'n4        upf    10.0.0.12:8805   10.0.0.12   down    0          -\n\n' +
      'SERVICE   COUNTER                COUNT\n' +
      'n4        sessions-established   2\n',
  )
  t.regex((await sluice('get', 'n4', '-o', 'wide')).out, /\nn4 +socket: unsent +0\n$/)
  t.deepEqual(JSON.parse((await sluice('get', 'n4', '-o', 'json')).out), {
    n4: [{ service: 'n4', ...n4StatusForTest.status }],
  })
})

withDaemon('cli: GTP-C services and their sessions have their tables', async (t, sluice, served) => {
  t.deepEqual(await sluice('get', 'gtpc'), { code: 0, out: '', err: 'no services of select gtpc\n' })
  t.deepEqual(await sluice('get', 'gtpc', '--sessions'), { code: 0, out: '', err: 'no sessions\n' })
  served.datapath.gtpcStatus.push(gtpcStatusForTest)
  served.datapath.gtpcSessionStatus.push(...gtpcSessionsForTest)
  t.is(
    (await sluice('get', 'gtpc')).out,
    'SERVICE   CLIENTS   GATEWAYS   SESSIONS   PENDING   RESTARTS\n' +
      'gn        1         2          2          1         8\n\n' +
      'SERVICE   ROLE      NAME             VERSION   STATE      SESSIONS   RESTARTS   LOAD\n' +
      'gn        client    10.0.1.1         -         -          2          -          -\n' +
      'gn        gateway   10.0.0.11:2123   1         draining   1          3          40%\n' +
      'gn        gateway   10.0.0.11:2123   2         down       0          -          40%\n' +
      'gn        gateway   10.0.0.12:2123   2         up         1          0          -\n\n' +
      'SERVICE   COUNTER          COUNT\n' +
      'gn        answered-again   2\n',
  )
  t.regex((await sluice('get', 'gtpc', '-o', 'wide')).out, /\ngn +socket: unsent +0\n$/)
  t.deepEqual(JSON.parse((await sluice('get', 'gtpc', '-o', 'json')).out), {
    gtpc: [{ service: 'gn', ...gtpcStatusForTest.status }],
  })
  const sessions = await sluice('get', 'gtpc', '--sessions')
  t.is(
    sessions.out,
    'SERVICE   VERSION   IMSI              APN        CLIENT     GATEWAY          STATE      CONTEXTS   AGE\n' +
      'gn        1         240010123456789   internet   10.0.1.1   10.0.0.11:2123   up         5,6        1h2m\n' +
      'gn        2         -                 -          10.0.1.1   10.0.0.12:2123   creating   -          0s\n',
  )
  const wide = await sluice('get', 'gtpc', '--limit', '1', '-o', 'wide', '--no-headers')
  t.is(wide.err, 'only 1 of 2 sessions are shown; --limit shows more\n')
  t.regex(wide.out, / 0x00000001>0x0000bbbb .* 0x00000007>0x0000aaaa /)
  t.is((await sluice('get', 'gtpc', '--imsi', '240010123456789', '--no-headers')).out.split('\n').length, 2)
  t.regex((await sluice('get', 'gtpc', '--imsi', '1')).err, /no sessions/)
})

const usageErrors: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['no command', [], /Usage: sluice/],
  ['a mistyped command', ['gte', 'lb'], /Did you mean get\?/],
  ['a mistyped noun', ['get', 'verdict5'], /Did you mean one of verdict, verdicts\?/],
  ['a mistyped flag with a value', ['create', 'lb', '10.0.0.1', '--endpoint=1.2.3.4'], /Did you mean --endpoints\?/],
  ['an unknown format', ['get', 'lb', '-o', 'xml'], /Allowed choices are table, wide, json, yaml/],
  ['a port that is none', ['create', 'lb', '10.0.0.1', '--tcp=http', '--endpoints=10.1.0.1'], /"http" is not a number/],
  ['no port', ['create', 'lb', '10.0.0.1', '--endpoints=10.1.0.1'], /say what to balance/],
  ['no endpoint', ['create', 'lb', '10.0.0.1', '--tcp=80'], /say where to/],
  ['no address', ['create', 'lb'], /missing required argument 'vip'/],
  [
    'a mode of loxilb that we lack',
    ['create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', '--mode=fullproxy'],
    /--mode=fullproxy is not in this build, connections are not terminated/,
  ],
  [
    'an algorithm of loxilb that we lack',
    ['create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', '--select=n2'],
    /--select=n2 is not in this build/,
  ],
  [
    'a flag of loxilb that we lack',
    ['create', 'lb', '10.0.0.1', '--sctp=38412:38412', '--endpoints=10.1.0.1', '--host=a.example'],
    /--host: requests are not told apart by host name/,
  ],
  [
    'a switch of loxilb that we lack',
    ['create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', '--bgp'],
    /--bgp: routes are announced/,
  ],
  [
    'a port range that moves',
    ['create', 'lb', '10.0.0.1', '--tcp=80-90:180-190', '--endpoints=10.1.0.1'],
    /a range keeps its ports/,
  ],
  [
    'a word that a flag does not know',
    ['create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', '--alg=sip'],
    /Allowed choices are ftp, tftp/,
  ],
  [
    'settings of QUIC that are none',
    ['create', 'lb', '10.0.0.1', '--udp=443', '--endpoints=10.1.0.1', '--quic=length=8'],
    /--quic: "length=8" is none of serverIdLength/,
  ],
  ['an endpoint to attach that is none', ['attach', 'web', 'host:80'], /"host:80" is not an endpoint/],
  ['nothing to delete', ['delete', 'lb'], /in one way/],
  ['two ways to delete', ['delete', 'lb', '--all', '--name=x'], /in one way/],
  ['an instance name with a slash', ['--instance', '../x', 'get', 'lb'], /is not an instance name/],
  ['a server that is none', ['--server', 'ftp://x', 'get', 'lb'], /is not a server/],
  ['a file that is not there', ['check', '/nowhere/sluice.yaml'], /no such file/],
  ['no file', ['apply'], /required option '-f, --filename <file>'/],
  ['an unknown shell', ['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
]

for (const [title, args, message] of usageErrors) {
  test(`cli: exits 2 on ${title}, with words on stderr only`, async (t) => {
    const { code, out, err } = await sluice(args, { env: { SLUICE_RUN_DIR: '/nowhere' } })
    t.is(code, 2, err)
    t.is(out, '')
    t.regex(err, message)
  })
}

withDaemon('cli: exits 2 and shows every reason when the daemon refuses the input', async (t, sluice) => {
  const refused = await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.0.0.1,127.0.0.1')
  t.is(refused.code, 2)
  t.regex(refused.err, /10\.0\.0\.1 is the VIP itself.*\n.*127\.0\.0\.1 is loopback/)
})

withDaemon('cli: exits 1 when the daemon fails', async (t, sluice, served) => {
  served.datapath.failNext(new Error('map full of bees'))
  const { code, err } = await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1')
  t.is(code, 1)
  t.regex(err, /internal error/)
})

withDaemon('cli: exits 3 when what was named is not there', async (t, sluice) => {
  for (const args of [
    ['delete', 'lb', '10.0.0.1', '--tcp=80'],
    ['delete', 'lb', '--name=nobody'],
    ['drain', 'nobody', '10.1.0.1:80'],
  ]) {
    t.is((await sluice(...args)).code, 3, args.join(' '))
  }
})

withDaemon('cli: exits 4 when the same service exists', async (t, sluice) => {
  const args = ['create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1']
  t.is((await sluice(...args)).code, 0)
  const again = await sluice(...args)
  t.is(again.code, 4)
  t.regex(again.err, /10\.0\.0\.1:80\/tcp: exists already/)
})

test('cli: exits 5 when no daemon runs, naming the place and how to start one', async (t) => {
  const nobody = await sluice(['get', 'lb'], { env: { SLUICE_RUN_DIR: '/nowhere' } })
  t.is(nobody.code, 5)
  t.regex(nobody.err, /no sluice daemon answers under \/nowhere: start one with `sluice run --config FILE`/)
  const named = await sluice(['get', 'lb', '--instance=edge'], { env: { SLUICE_RUN_DIR: '/nowhere' } })
  t.is(named.code, 5)
  t.regex(named.err, /\/nowhere\/edge\/api\.sock: there is no such socket/)
  const tcp = await sluice(['get', 'lb', '--server=http://127.0.0.1:1'])
  t.is(tcp.code, 5)
  t.regex(tcp.err, /http:\/\/127\.0\.0\.1:1: nobody listens there/)
})

test('cli: exits 5 when the daemon does not answer in time', async (t) => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => close(silent))
  const { port } = silent.address() as AddressInfo
  const { code, err } = await sluice(['get', 'lb', `--server=http://127.0.0.1:${port}`, '--timeout=0.3'])
  t.is(code, 5)
  t.regex(err, /no answer within 0\.3 s/)
})

test('cli: exits 1 when something else answers', async (t) => {
  const other = createServer((_request, response) => response.end('<html>'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => close(other))
  const { port } = other.address() as AddressInfo
  const { code, err } = await sluice(['get', 'lb', `--server=http://127.0.0.1:${port}`])
  t.is(code, 1)
  t.regex(err, /is not a sluice daemon/)
})

test('cli: talks to the only instance that runs, to `default` before others, and else asks', async (t) => {
  const first = await serveForTest({ instance: 'edge' })
  t.teardown(() => first.close())
  const env = { SLUICE_RUN_DIR: first.runRoot }
  const instance = async (args: readonly string[], more: Record<string, string> = {}): Promise<string> => {
    const { out, err } = await sluice(['get', 'status', '--no-headers', ...args], { env: { ...env, ...more } })
    return out.split(' ')[0] ?? err
  }
  // What a dead daemon left behind does not count.
  await mkdir(join(first.runRoot, 'dead'))
  t.is(await instance([]), 'edge')
  const second = await serveForTest({ instance: 'core', runRoot: first.runRoot })
  const unsure = await sluice(['get', 'lb'], { env })
  t.is(unsure.code, 2)
  t.regex(unsure.err, /several instances run here: core, edge/)
  t.is(await instance(['--instance=core']), 'core')
  t.is(await instance([], { SLUICE_INSTANCE: 'core' }), 'core')
  t.is(await instance([`--server=unix:${second.socketPath}`]), 'core')
  t.is(await instance(['--instance=edge'], { SLUICE_SERVER: `unix:${second.socketPath}` }), 'edge')
  const third = await serveForTest({ instance: 'default', runRoot: first.runRoot })
  t.is(await instance([]), 'default')
  await third.close()
  await second.close()
})

withDaemon(
  'cli: works over loopback TCP too',
  async (t, sluice, served) => {
    const server = `--server=http://127.0.0.1:${served.api.port}`
    t.is((await sluice('create', 'lb', '10.0.0.1', '--tcp=80', '--endpoints=10.1.0.1', server)).code, 0)
    t.is((await sluice('drain', '10.0.0.1:80/tcp', '10.1.0.1', server)).code, 0)
    t.is((await sluice('reload', server)).code, 0)
    t.is((await sluice('delete', 'lb', '--all', server)).code, 0)
  },
  { tcp: 0 },
)

const config = `version: 1
interfaces: [{ name: eth0 }]
services:
  - { name: fixed, vip: 10.0.0.2, port: 80, protocol: tcp, endpoints: [{ address: 10.1.0.1 }] }
`

withDaemon(
  'cli: apply takes a configuration, from a file or from stdin, and shows what changed',
  async (t, sluice, served) => {
    const file = join(await temporary(t), 'services.yaml')
    // Interfaces are the daemon's; a file for apply need not name them.
    await writeFile(file, config.replace(/^interfaces.*\n/m, ''))
    const dry = await sluice('apply', '-f', file, '--dry-run')
    t.is(dry.code, 0)
    t.regex(dry.out, /^\+ service fixed \(10\.0\.0\.2:80\/tcp\)/)
    t.regex(dry.err, /1 service would change \(dry run\)/)
    t.deepEqual(served.controller.services(), [])
    t.is((await sluice('apply', '-f', file)).code, 0)
    t.like(served.controller.services()[0], { name: 'fixed', owner: 'api' })
    t.deepEqual(await sluice('apply', '-f', file), { code: 0, out: '', err: 'nothing to change\n' })
  },
)

test("cli: apply takes loxilb's saved rules from stdin", async (t) => {
  const served = await serveForTest()
  t.teardown(() => served.close())
  const rule = (port: number) => ({
    serviceArguments: { externalIP: '10.0.0.1', port, protocol: 'tcp', name: 'web' },
    endpoints: [{ endpointIP: '10.1.0.1', targetPort: 8080, weight: 1, state: 'active', counter: '0:0' }],
  })
  const input = JSON.stringify({ lbAttr: [rule(80), rule(443)] })
  const applied = await sluice(['apply', '-f', '-', '-o', 'json'], { env: { SLUICE_RUN_DIR: served.runRoot }, input })
  t.is(applied.code, 0, applied.err)
  t.like(JSON.parse(applied.out), { dryRun: false, changes: [{ kind: 'add' }, { kind: 'add' }] })
  t.is(served.controller.services().length, 2)
})

withDaemon('cli: apply shows every mistake of a file with its line and changes nothing', async (t, sluice, served) => {
  const file = join(await temporary(t), 'bad.yaml')
  await writeFile(file, config.replace('port: 80', 'port: 800000').replace('10.1.0.1', '10.1.0'))
  const { code, err } = await sluice('apply', '-f', file)
  t.is(code, 2)
  t.regex(err, /bad\.yaml:4:\d+: services\[0\]\.port: .*\n.*bad\.yaml:4:\d+: services\[0\]\.endpoints\[0\]\.address/)
  t.deepEqual(served.controller.services(), [])
})

withDaemon(
  'cli: drain, undrain and reload show what changed',
  async (t, sluice, served) => {
    const drained = await sluice('drain', 'fixed', '10.1.0.1:80')
    t.is(drained.code, 0)
    t.is(drained.out, '~ service fixed: endpoint 10.1.0.1:80 not drained -> drained\n')
    t.is((await sluice('undrain', 'fixed', '10.1.0.1:80')).code, 0)
    t.is((await sluice('drain', 'fixed', '10.1.0.7:80')).code, 3)
    await writeFile(served.configFile ?? '', config.replace('80', '81'))
    t.regex((await sluice('reload')).out, /^- service fixed .*\n\+ service fixed/)
    await writeFile(served.configFile ?? '', 'version: 2\n')
    const bad = await sluice('reload')
    t.is(bad.code, 2)
    t.regex(bad.err, /version/)
  },
  { configText: config },
)

withDaemon(
  'cli: run --dry-run plans against the running daemon, or from nothing',
  async (t, sluice, served) => {
    const file = join(await temporary(t), 'next.yaml')
    await writeFile(file, config.replace('protocol: tcp', 'protocol: tcp, mode: fullnat'))
    const planned = await sluice('run', '--config', file, '--dry-run')
    t.is(planned.code, 0, planned.err)
    t.is(planned.out, '~ service fixed: mode dnat -> fullnat\n')
    const fresh = await sluice('run', '--config', file, '--dry-run', '--instance=other')
    t.regex(fresh.out, /^\+ service fixed/)
    t.regex(fresh.err, /no daemon runs as other/)
    t.is(served.controller.services()[0]?.mode, 'dnat')
  },
  { configText: config },
)

test('cli: check says that a file is good, or all that is wrong with it', async (t) => {
  const file = join(await temporary(t), 'sluice.yaml')
  await writeFile(file, config)
  t.deepEqual(await sluice(['check', file]), {
    code: 0,
    out: '',
    err: `${file} is valid: 1 interface, 1 service\n`,
  })
  await writeFile(file, config.replace('port: 80', 'prot: 80'))
  const bad = await sluice(['check', file])
  t.is(bad.code, 2)
  t.regex(bad.err, /:4:\d+: services\[0\]/)
})

test('cli: check --schema prints the JSON Schema for editors', async (t) => {
  const { code, out } = await sluice(['check', '--schema'])
  t.is(code, 0)
  t.like(JSON.parse(out), { $schema: 'https://json-schema.org/draft/2020-12/schema' })
})

test('cli: help and version are data and no failure', async (t) => {
  const help = await sluice(['create', 'lb', '--help'])
  t.is(help.code, 0)
  t.regex(help.out, /--attachEP/)
  t.false(help.out.includes('--bgp'))
  t.regex(help.out, /--embryonic-limit/)
  t.regex((await sluice(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
})

test('cli: colours come when asked for and go when unwanted', async (t) => {
  const env = { SLUICE_RUN_DIR: '/nowhere' }
  const escape = '\u001b['
  t.false((await sluice(['get', 'lb'], { env })).err.includes(escape))
  t.true((await sluice(['get', 'lb'], { env: { ...env, FORCE_COLOR: '1' } })).err.includes(escape))
  t.false((await sluice(['get', 'lb'], { env: { ...env, NO_COLOR: '1' } })).err.includes(escape))
})

test('cli: a reader that stops early is no error', async (t) => {
  const child = spawn('sh', ['-c', `"${process.execPath}" "${main}" check --schema | head -n 1; echo "end"`], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: 'pipe',
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (part: Buffer) => (out += part.toString()))
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  await new Promise((resolve) => child.on('close', resolve))
  t.is(out, '{\nend\n')
  t.is(err, '')
})
