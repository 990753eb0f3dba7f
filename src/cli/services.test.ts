// Services by command: made, shown, changed and deleted.

import { withDaemon } from '../testing/command.ts'

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
