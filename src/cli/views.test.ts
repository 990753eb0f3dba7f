// What `get` shows, in each format.

import { gtpcSessionsForTest, gtpcStatusForTest } from '../testing/gtpc-status.ts'
import { n4SessionsForTest, n4StatusForTest } from '../testing/n4-status.ts'
import { withDaemon } from '../testing/command.ts'

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
