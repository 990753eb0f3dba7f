// `sluice replay`: the captures of fixtures/ under both hooks, each against its golden text; and what a replay does and
// does not do to the machine.

import test, { type ExecutionContext } from 'ava'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { replaysOf } from '../../scripts/fixtures/folder.ts'
import { readCapture } from '../../src/captures/index.ts'
import { main } from '../../src/cli/program.ts'
import { lineDifference } from '../../src/cli/line-difference.ts'
import { classicCapture } from '../../src/testing/capture.ts'
import { testWith } from '../../src/testing/needs.ts'
import { buildFrame } from '../../src/testing/packets.ts'

const needs = ['root', 'bpf', 'netns'] as const
const fixtures = join(import.meta.dirname, '../../fixtures')
const folders = globSync(`${fixtures}/*/config.yaml`).map(dirname).toSorted()
const replays = folders.flatMap(replaysOf)
const captureIn = (folder: string): string => globSync(`${folder}/capture.pcap*`)[0] ?? ''

interface Said {
  readonly code: number
  readonly out: string
  readonly words: string
}

const sluice = async (...argv: readonly string[]): Promise<Said> => {
  const [out, words]: [string[], string[]] = [[], []]
  const code = await main(argv, {
    env: {},
    out: (text) => void out.push(text),
    flush: async () => {},
    say: (text) => void words.push(text),
    style: (_stream, _style, text) => text,
  })
  return { code, out: out.join(''), words: words.join('\n') }
}

const directoryFor = (t: ExecutionContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-replay-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}

test('replay: every configuration of a fixture has its golden text, and there are some', (t) => {
  t.true(replays.length > folders.length)
  t.deepEqual(
    replays.filter(({ golden }) => !existsSync(golden)).map(({ config }) => config),
    [],
  )
})

for (const { config, golden } of replays)
  for (const hook of ['xdp', 'tc'] as const) {
    const folder = dirname(config)
    const title = `${basename(folder)} with ${basename(config)}`
    testWith(needs, `replay: ${title} gives what it gave before (${hook})`, async (t) => {
      const found = join(directoryFor(t), 'found.txt')
      const files = [captureIn(folder), '--config', config]
      const said = await sluice('replay', ...files, '--hook', hook, '--golden', found, '--update')
      t.is(said.code, 0, said.words)
      const difference = lineDifference(readFileSync(golden, 'utf8'), readFileSync(found, 'utf8'))
      t.deepEqual(difference, [])
    })
  }

const vip = '192.0.2.1'
const server = '10.0.1.10'

const configuration = `
version: 1
interfaces: [{ name: eth0 }]
limits: { flows: 1024, services: 16, endpoints: 64, slotPages: 64 }
timeouts: { unreplied: 30 }
services:
  - { name: names, vip: ${vip}, port: 53, protocol: udp, endpoints: [{ address: ${server} }] }
`

interface Scene {
  readonly capture: string
  readonly config: string
  readonly directory: string
}

const scene = (t: ExecutionContext, frames: readonly Uint8Array[]): Scene => {
  const directory = directoryFor(t)
  const [capture, config] = [join(directory, 'capture.pcap'), join(directory, 'config.yaml')]
  writeFileSync(capture, classicCapture(frames))
  writeFileSync(config, configuration)
  return { capture, config, directory }
}

const question = (bytes = 40, port = 1000): Uint8Array =>
  buildFrame({ kind: 'udp', from: `198.51.100.7:${port}`, to: `${vip}:53`, payload: new Uint8Array(bytes) })

const dataOf = ({ out }: Said): Readonly<Record<string, unknown>> =>
  JSON.parse(out) as Readonly<Record<string, unknown>>

testWith(needs, 'replay: says of an IP packet that is too long for a test run that it took no part', async (t) => {
  const { capture, config } = scene(t, [question(), question(4000), new Uint8Array(14)])
  const said = await sluice('replay', capture, '--config', config, '-o', 'json')
  const { replayed, skipped, verdicts } = dataOf(said)
  t.deepEqual([replayed, skipped], [1, { too_large_for_hook: 1, too_short_for_hook: 1 }])
  t.deepEqual(verdicts, { forward: 1 })
})

testWith(needs, 'replay: tells who sends packets that are too long for the next link', async (t) => {
  const { capture, config } = scene(t, [question(1400)])
  const said = await sluice('replay', capture, '--config', config, '--mtu', '1300', '--frames')
  t.regex(said.out, /: punt, service names, endpoint 10\.0\.1\.10:53/)
  t.regex(said.out, /slow path sends/)
  t.regex(said.out, /too_big: 1 received, 1 answered/)
})

testWith(needs, 'replay: shows where it differs from the golden text, and exits with 1', async (t) => {
  const { capture, config, directory } = scene(t, [question()])
  const golden = join(directory, 'golden.txt')
  const words = ['replay', capture, '--config', config, '--golden', golden]
  t.is((await sluice(...words)).code, 2)
  t.is((await sluice(...words, '--update')).code, 0)
  t.is((await sluice(...words)).code, 0)
  writeFileSync(golden, readFileSync(golden, 'utf8').replaceAll(server, '10.0.1.11'))
  const said = await sluice(...words)
  t.is(said.code, 1)
  t.regex(said.out, /\n-#1 .*endpoint 10\.0\.1\.11:53, new flow\n-.*\n\+#1 .*endpoint 10\.0\.1\.10:53, new flow\n/)
  t.regex(said.words, /differs from/)
})

testWith(
  needs,
  'replay: shows what could be read of a capture that was cut, says where it ends, exits with 1',
  async (t) => {
    const { capture, config } = scene(t, [question(), question()])
    writeFileSync(capture, readFileSync(capture).subarray(0, -3))
    const said = await sluice('replay', capture, '--config', config)
    t.is(said.code, 1)
    t.regex(said.out, /forward 1: translated and sent/)
    t.regex(said.words, /frame 2, byte \d+: truncated/)
  },
)

testWith(needs, 'replay: writes each frame as it left, or as it came, with what became of it', async (t) => {
  const stranger = buildFrame({ kind: 'udp', from: '198.51.100.7:1', to: '198.51.100.8:53' })
  const { capture, config, directory } = scene(t, [question(), stranger])
  const written = join(directory, 'out.pcapng')
  t.is((await sluice('replay', capture, '--config', config, '--write', written)).code, 0)
  const text = readFileSync(written, 'latin1')
  t.true(text.includes(`frame 1: forward, service names, endpoint ${server}:53, new flow`))
  t.true(text.includes('frame 2: pass_not_service'))
  const frames: string[] = []
  for await (const part of readCapture(written))
    for (const { bytes } of part) frames.push([...bytes.subarray(30, 34)].join('.'))
  t.deepEqual(frames, [server, '198.51.100.8'])
  t.deepEqual(
    readdirSync(directory).filter((name) => name.includes('part')),
    [],
  )
})

const session = join(fixtures, '5g-session')

testWith(needs, 'replay: shows as much of a session as there is in a capture that was cut', async (t) => {
  const directory = directoryFor(t)
  const [whole, cut] = [readFileSync(captureIn(session)), join(directory, 'cut.pcapng')]
  for (const share of [0.3, 0.6, 0.9]) {
    writeFileSync(cut, whole.subarray(0, Math.floor(whole.length * share)))
    const said = await sluice('replay', cut, '--config', join(session, 'proxy.yaml'))
    t.is(said.code, 1, said.words)
    t.regex(said.out, /service n4 at 10\.99\.0\.1:8805\/udp, proxy, n4\n/)
    t.regex(said.words, /truncated/)
  }
})

testWith(needs, 'replay: tunnels of frames to a captured UPF are steered when they come in for the VIP', async (t) => {
  const config = join(directoryFor(t), 'config.yaml')
  writeFileSync(config, readFileSync(join(session, 'proxy.yaml'), 'utf8').replaceAll('10.99.0.1', '192.0.2.9'))
  const words = ['replay', captureIn(session), '--config', config]
  t.regex((await sluice(...words)).out, /note: nothing of this capture is for 192\.0\.2\.9:8805.*--vip 10\.99\.0\.1=/)
  const said = await sluice(...words, '--vip', '10.99.0.1=192.0.2.9', '--frames')
  t.is(said.code, 0, said.words)
  t.regex(said.out, /udp 10\.1\.1\.2:2152 to 10\.99\.0\.1:2152: forward, service n3, endpoint 10\.2\.2\.2:2152/)
  t.regex(said.out, /sessions learned\n {2}n3: teid 00010001 is at 10\.2\.2\.2:2152/)
})

/** What stands in the kernel for everybody to see. */
const machine = (): readonly string[] => [
  ...['link', 'address', 'route', 'neighbour', 'rule'].map((what) =>
    execFileSync('ip', ['-o', what, 'show'], { encoding: 'utf8' }).replaceAll(
      /\d+sec|REACHABLE|STALE|DELAY|PROBE/g,
      '',
    ),
  ),
  readdirSync('/sys/fs/bpf').toSorted().join(' '),
]

testWith(needs, 'replay: leaves devices, addresses, routes, neighbours and pins as they are', async (t) => {
  const { capture, config } = scene(t, [question()])
  const before = machine()
  t.is((await sluice('replay', capture, '--config', config)).code, 0)
  t.deepEqual(machine(), before)
})

testWith(needs, 'replay: gives the same twice, byte for byte, also what the slow path does by chance', async (t) => {
  const folder = join(fixtures, 'slow-path')
  const words = ['replay', captureIn(folder), '--config', join(folder, 'config.yaml'), '--frames']
  const [first, second, other] = [await sluice(...words), await sluice(...words), await sluice(...words, '--seed', '2')]
  t.is(first.code, 0, first.words)
  t.is(second.out, first.out)
  // Sequence numbers of its own that the slow path asks both sides with.
  t.not(other.out, first.out)
})
