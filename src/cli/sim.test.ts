// `sim` as people start it: a UPF and an SMF, two processes on this machine.

import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { launcher } from '../testing/command.ts'
import type { ExecutionContext } from 'ava'

interface Last {
  readonly phase: string
  readonly problems: readonly unknown[]
  readonly sessions: Readonly<Record<string, number>>
  readonly traffic: { readonly sent: number; readonly answered: number }
}

const start = (t: ExecutionContext, line: string) => {
  const child = spawn(launcher, ['sim', ...line.split(' ')], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (out += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (err += part))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }))
  return { child, ended, hasSaid: () => out !== '' }
}

const lastLine = (out: string): unknown => JSON.parse(out.trimEnd().split('\n').at(-1)!)

test('sim: an SMF and a UPF find each other, and Ctrl-C ends both cleanly', async (t) => {
  const upf = start(t, 'upf --address 127.83.1.2 --json')
  while (!upf.hasSaid()) await new Promise((resolve) => setTimeout(resolve, 20))
  const line = 'smf --address 127.83.1.1 --peer 127.83.1.2 --sessions 50 --rate 1000 --packet-rate 500 --modify --json'
  const smf = start(t, line)
  while (!smf.hasSaid()) await new Promise((resolve) => setTimeout(resolve, 20))
  smf.child.kill('SIGINT')
  const done = await smf.ended
  t.is(done.code, 0, done.err)
  const { phase, problems, sessions, traffic } = lastLine(done.out) as Last
  t.is(phase, 'done')
  t.deepEqual(problems, [])
  t.true(sessions['established']! > 0)
  t.is(sessions['deleted'], sessions['established'])
  t.true(traffic.answered <= traffic.sent)
  upf.child.kill('SIGINT')
  const served = await upf.ended
  t.is(served.code, 0, served.err)
  t.like(lastLine(served.out), { phase: 'done', sessions: 0, associations: [], established: sessions['established'] })
})

const refused: readonly (readonly [string, string, number, RegExp])[] = [
  ['an address that is not here', 'upf --address 192.0.2.77 --seconds 1', 1, /cannot open a socket/],
  ['a peer that does not answer', 'smf --address 127.83.1.5 --peer 127.83.1.6 --retransmit 10', 1, /no association/],
  ['tunnels of its own at no address', 'smf --address 127.83.1.7 --peer 127.83.1.8 --tunnel smf', 2, /must know/],
  ['a family that the peer is not of', 'smf --address 127.83.1.9 --peer ::1', 2, /family/],
  ['a strange manner', 'upf --address 127.83.1.9 --answer sometimes', 2, /late:MILLISECONDS/],
  ['a TEID range with bits outside', 'upf --address 127.83.1.9 --teid-range 0x41/2', 2, /highest byte/],
  [
    'two who give addresses to UEs',
    'smf --address 127.83.1.9 --peer 127.0.0.1 --ue-prefix 10.0.0.0/8 --ue-from-upf 4',
    2,
    /cannot be used/,
  ],
]
for (const [title, line, code, words] of refused) {
  test(`sim: refuses ${title}`, async (t) => {
    const ended = await start(t, line).ended
    t.is(ended.code, code, ended.err)
    t.regex(ended.err, words)
  })
}
