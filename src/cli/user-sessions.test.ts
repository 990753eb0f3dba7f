import test from 'ava'
import { FakeUserSessions } from '../testing/fake-user-sessions.ts'
import { serveForTest } from '../testing/served-api.ts'
import { parseClassifier, parseEnd } from './commands/user-sessions.ts'
import { main } from './program.ts'
import type { ExecutionContext } from 'ava'
import type { Io } from './io.ts'

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The command line in this process, against a real API over a datapath without a kernel. */
const withDaemon = (
  title: string,
  run: (t: ExecutionContext, sluice: (line: string) => Promise<Ended>, sessions: FakeUserSessions) => Promise<void>,
  configText?: string,
): void => {
  test(title, async (t) => {
    const served = await serveForTest(configText === undefined ? {} : { configText })
    const sluice = async (line: string): Promise<Ended> => {
      const [out, err]: [string[], string[]] = [[], []]
      const io: Io = {
        env: { SLUICE_RUN_DIR: served.runRoot },
        out: (text) => void out.push(text),
        flush: async () => {},
        say: (text) => void err.push(text),
        style: (_stream, _style, text) => text,
      }
      const code = await main(line.split(' '), io)
      return { code, out: out.join(''), err: err.join('\n') }
    }
    try {
      await run(t, sluice, served.datapath.fakeUserSessions)
    } finally {
      await served.close()
    }
  })
}

withDaemon('cli: sessions and their places as with loxicmd', async (t, sluice) => {
  const tunnels = '--accessNetworkTunnel=34:10.0.1.2 --coreNetworkTunnel 17:192.0.2.1'
  t.deepEqual(await sluice(`create session user1 10.60.0.1 ${tunnels}`), {
    code: 0,
    out: '',
    err: 'session user1 saved',
  })
  t.deepEqual(await sluice('create sessionulcl user1 --ulclArgs=9:10.0.2.7,11:10.3.0.0/16'), {
    code: 0,
    out: '',
    err: 'sessionulcl user1 10.0.2.7 saved\nsessionulcl user1 10.3.0.0/16 saved',
  })
  t.is((await sluice('get session')).out, 'IDENT   SESSION IP\nuser1   10.60.0.1\n')
  t.is(
    (await sluice('get session -o wide')).out,
    'IDENT   SESSION IP   ACCESS NETWORK TUNNEL   CORE NETWORK TUNNEL\n' +
      'user1   10.60.0.1    34:10.0.1.2             17:192.0.2.1\n',
  )
  t.is((await sluice('get ulcl')).out, 'IDENT   ULCL IP       QFI\nuser1   10.0.2.7      9\nuser1   10.3.0.0/16   11\n')
  t.deepEqual(JSON.parse((await sluice('get sessionulcl -o json')).out), {
    ulclAttr: [
      { ulclIdent: 'user1', ulclArgument: { qfi: 9, ulclIP: '10.0.2.7' } },
      { ulclIdent: 'user1', ulclArgument: { qfi: 11, ulclIP: '10.3.0.0/16' } },
    ],
  })
  t.deepEqual(await sluice('delete ulcl user1 --ulclArgs=10.0.2.7,11:10.3.0.0/16'), {
    code: 0,
    out: '',
    err: 'sessionulcl user1 10.0.2.7 deleted\nsessionulcl user1 10.3.0.0/16 deleted',
  })
  t.deepEqual(await sluice('get ulcl'), { code: 0, out: '', err: 'no uplink classifiers' })
  t.is((await sluice(`create session user1 10.60.0.1 ${tunnels}`)).err, 'error: session user1: exists already')
  t.deepEqual(await sluice('delete session user1'), { code: 0, out: '', err: 'session user1 deleted' })
  t.deepEqual(await sluice('delete session user1'), {
    code: 3,
    out: '',
    err: 'error: no-user error: no session is named "user1"',
  })
})

withDaemon(
  'cli: sessions of both families in our own words, with what eBPF has counted',
  async (t, sluice, sessions) => {
    const line =
      'create user-session alice --ue=10.60.0.1,2001:db8:60::1 --uplink=0x11:2001:db8::1 ' +
      '--downlink=34:2001:db8:1::2 --local=9:10.0.2.0/24,10:fd00:2::/64'
    t.is((await sluice(`${line} --dry-run`)).err, '1 session would change (dry run)')
    t.deepEqual(await sluice(line), {
      code: 0,
      out:
        '+ session alice: ueAddresses 10.60.0.1, 2001:db8:60::1; uplink 2001:db8::1 TEID 17; ' +
        'downlink 2001:db8:1::2 TEID 34; classifiers 10.0.2.0/24 QFI 9, fd00:2::/64 QFI 10; owner api\n',
      err: '1 session changed',
    })
    const counts = { uplink: { packets: 3n, bytes: 300n }, downlink: { packets: 2n, bytes: 2n ** 63n } }
    sessions.counted.set('10.60.0.1', counts)
    t.is(
      (await sluice('get user-sessions')).out,
      'NAME    OWNER   UE ADDRESSES               LOCAL   UP PACKETS   UP BYTES   DOWN PACKETS   DOWN BYTES\n' +
        'alice   api     10.60.0.1,2001:db8:60::1   2       3            300        2              ' +
        '9223372036854775808\n',
    )
    const wide = await sluice('get user-sessions -o wide --no-headers')
    t.deepEqual(wide.out.trim().split(/ {3,}/).slice(3, 6), [
      '0x00000011:2001:db8::1',
      '0x00000022:2001:db8:1::2',
      '9:10.0.2.0/24,10:fd00:2::/64',
    ])
    t.is((await sluice(line)).err, 'nothing to change')
    t.deepEqual(await sluice('delete user-session alice'), {
      code: 0,
      out: '- session alice\n',
      err: '1 session changed',
    })
  },
)

withDaemon(
  'cli: apply and reload take sessions too',
  async (t, sluice) => {
    t.is((await sluice('get user-sessions --no-headers')).out.split(/ +/)[0], 'fixed')
    t.is((await sluice('delete user-session fixed')).code, 4)
    t.deepEqual(await sluice('reload'), { code: 0, out: '', err: 'nothing to change' })
    const example = new URL('../../docs/example.yaml', import.meta.url).pathname
    const applied = await sluice(`apply -f ${example} --dry-run`)
    t.regex(applied.err, /^\d+ services, 1 session would change \(dry run\)$/)
  },
  `version: 1
interfaces: [{ name: eth0 }]
sessions:
  - name: fixed
    ueAddresses: [10.60.0.9]
    uplink: { address: 192.0.2.1, teid: 99 }
    downlink: { address: 10.0.1.2, teid: 98 }
`,
)

test('cli: tunnels and places are read as they are typed, and what is none is said', (t) => {
  t.deepEqual(parseEnd('--uplink', '0xFFFFFFFF:2001:db8::1'), { teid: 0xffff_ffff, address: '2001:db8::1' })
  t.deepEqual(parseClassifier('--local', '0:fd00::/8'), { qfi: 0, prefix: 'fd00::/8' })
  const ends = ['', '17', '192.0.2.1', '0:192.0.2.1', '4294967296:192.0.2.1', '17:x', ':192.0.2.1', '0x:192.0.2.1']
  for (const text of ends)
    t.throws(() => parseEnd('--uplink', text), { message: /^--uplink: ".*" is no TEID:IP/ }, text)
  for (const text of ['', '9', '10.0.2.7', '64:10.0.2.7', '9:10.0.2.7/33', '9:'])
    t.throws(() => parseClassifier('--local', text), { message: /^--local: ".*" is no QFI:IP/ }, text)
})
