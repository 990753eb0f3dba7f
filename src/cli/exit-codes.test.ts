// What a failure is called: the exit code, and words on stderr only.

import test from 'ava'
import { sluice, withDaemon } from '../testing/command.ts'

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
