// `sluice inspect` as people start it, over captures that are made here of messages of several protocols.

import test from 'ava'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pcapngFrame, pcapngHeader } from '../captures/index.ts'
import { ipv4Header } from '../wire/ip-packet.ts'
import { addressBytes } from '../wire/ip.ts'
import { shown } from './inspect-lines.ts'
import { barText, Progress } from './progress.ts'
import { keyMatcher } from './session-key.ts'
import { launcher, sluice } from '../testing/command.ts'

const inspect = (...args: readonly string[]) => sluice(['inspect', ...args])

// ---- a capture ------------------------------------------------------------------------------------------------------

const [smf, upf, gnb] = ['192.0.2.3', '192.0.2.4', '192.0.2.1'] as const

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

const udp = (from: string, to: string, port: number, content: Uint8Array): Uint8Array => {
  const header = Buffer.alloc(8)
  header.writeUInt16BE(port, 0)
  header.writeUInt16BE(port, 2)
  header.writeUInt16BE(8 + content.length, 4)
  const ip = ipv4Header({
    source: addressBytes(from),
    destination: addressBytes(to),
    protocol: 17,
    trafficClass: 0,
    hopLimit: 64,
    id: 1,
    dontFragment: true,
    payloadBytes: header.length + content.length,
  })
  return Buffer.concat([ip, header, content])
}

/** TS 29.244, 7.5.2: Node ID, F-SEID 1 of the SMF. */
const establishment = hex(
  '21320026 0000000000000000 000007 00 003c000500c0000203 0039000d 02 0000000000000001 c0000203',
)
/** 7.5.3: to SEID 1, accepted, F-SEID 2 of the UPF, Created PDR 1 with F-TEID 0x50. */
const accepted = hex(
  '21330039 0000000000000001 000007 00 0013000101 0039000d 02 0000000000000002 c0000204 ' +
    '00080013 003800020001 00150009 01 00000050 c0000204',
)
const gPdu = (teid: string): Uint8Array => hex(`30ff0004 ${teid} 45000000`)
const broken = hex('30ff0009 00000050 45000000')

const time = (index: number) => ({ seconds: 1_700_000_000, nanoseconds: index * 1000 + 1 })
const packets = [
  udp(smf, upf, 8805, establishment),
  udp(upf, smf, 8805, accepted),
  udp(gnb, upf, 2152, gPdu('00000050')),
  udp(gnb, upf, 2152, gPdu('00000051')),
  udp(gnb, upf, 2152, broken),
]
const capture = Buffer.concat([
  pcapngHeader([{ linkType: 101 }, { linkType: 9 }]),
  ...packets.map((bytes, index) => pcapngFrame({ interface: 0, time: time(index), bytes })),
  pcapngFrame({ interface: 1, time: time(5), bytes: new Uint8Array(9) }),
])

const directory = mkdtempSync(join(tmpdir(), 'sluice-inspect-'))
test.after.always(() => rmSync(directory, { recursive: true }))
const saved = (name: string, bytes: Uint8Array): string => {
  const path = join(directory, name)
  writeFileSync(path, bytes)
  return path
}
const file = saved('core.pcapng', capture)
const leftOut = 'skipped, since this link layer is not read: PPP (1)\nmalformed: gtp: truncated (1)\n'

// ---- the command ----------------------------------------------------------------------------------------------------

test('inspect: prints a line a message, and says what was left out', async (t) => {
  const { code, err, out } = await inspect(file)
  const lines = out.split('\n')
  t.is(lines.length, 6)
  t.deepEqual(lines[1]!.split(/ {2,}/).slice(0, 5), [
    '2023-11-14T22:13:20.000001',
    '192.0.2.4:8805 > 192.0.2.3:8805',
    'pfcp',
    'Session Establishment Response',
    'seid=192.0.2.3/0x0000000000000001 seid=192.0.2.4/0x0000000000000002 teid=192.0.2.4/0x00000050',
  ])
  t.regex(lines[2]!, /gtp +G-PDU {2}teid=192\.0\.2\.4\/0x00000050 {2}payloadBytes=4 frame=3$/)
  t.regex(lines[4]!, /gtp +malformed: truncated at byte \d+ {2}frame=5$/)
  t.is(err, leftOut)
  t.is(code, 0)
})

test('inspect: prints an object a line, also of a compressed file', async (t) => {
  const packed = saved('core.pcapng.gz', gzipSync(capture))
  const [plain, unpacked] = await Promise.all([inspect(file, '-o', 'json'), inspect(packed, '-o', 'json')])
  t.deepEqual(unpacked, plain)
  const objects = plain.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.deepEqual(objects[2], {
    frame: 3,
    time: '2023-11-14T22:13:20.000002001Z',
    protocol: 'gtp',
    name: 'G-PDU',
    src: '192.0.2.1:2152',
    dst: '192.0.2.4:2152',
    keys: [{ kind: 'teid', value: '192.0.2.4/0x00000050' }],
    fields: { teid: '0x00000050', payloadBytes: 4 },
  })
  t.like(objects[4], { frame: 5, protocol: 'gtp', error: { reason: 'truncated', path: [] } })
  t.false('name' in objects[4]!)
})

test('inspect: shows the protocols that are asked for', async (t) => {
  const names = async (...args: readonly string[]): Promise<string> =>
    (await inspect(file, '-o', 'json', ...args)).out
      .trim()
      .split('\n')
      .map((line) => (line === '' ? '' : (JSON.parse(line) as { protocol: string }).protocol))
      .join(' ')
  t.is(await names('--protocol', 'pfcp'), 'pfcp pfcp')
  t.is(await names('--protocol', 'pfcp,sctp', '--protocol=gtp'), 'pfcp pfcp gtp gtp gtp')
  t.is(await names('--protocol', 'sctp'), '')
  const refused = await inspect(file, '--protocol', 'pfcp,gre')
  t.is(refused.code, 2)
  t.regex(refused.err, /"gre" is none of sctp, ngap/)
})

test('inspect: follows a session through its protocols', async (t) => {
  const frames = async (key: string, ...args: readonly string[]): Promise<readonly number[]> =>
    (await inspect(file, '-o', 'json', '--session', key, ...args)).out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { frame: number }).frame)
  t.deepEqual(await frames('teid=192.0.2.4/0x50'), [1, 2, 3])
  t.deepEqual(await frames('seid=1'), [1, 2, 3])
  t.deepEqual(await frames('0x51'), [4])
  t.deepEqual(await frames('192.0.2.3/1', '--protocol', 'gtp'), [3])
  const none = await inspect(file, '--session', 'imsi=001010000000001')
  t.is(none.code, 3)
  t.regex(none.err, /no message of .* has the session key imsi=001010000000001/)
})

test('inspect: follows a UE from NGAP to PFCP and GTP-U, and nothing that only stands beside it', async (t) => {
  const core = join(import.meta.dirname, '../../fixtures/5g-session/capture.pcapng')
  const byTunnel = await inspect(core, '-o', 'json', '--session', 'teid=10.1.1.2/5')
  const byUe = await inspect(core, '-o', 'json', '--session', 'ran-ue=7')
  t.is(byTunnel.out, byUe.out)
  const names = byUe.out
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { name: string }).name)
  for (const name of ['InitialUEMessage', 'Session Establishment Request', 'Session Deletion Response', 'G-PDU'])
    t.true(names.includes(name), name)
  for (const name of ['NGSetupRequest', 'Association Setup Request', 'DATA']) t.false(names.includes(name), name)
})

test('inspect: counts what there is', async (t) => {
  const table = await inspect(file, '--stats', '--no-headers')
  t.deepEqual(
    table.out
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
    [
      ['gtp', 'G-PDU', '2'],
      ['gtp', 'malformed: truncated', '1'],
      ['pfcp', 'Session Establishment Request', '1'],
      ['pfcp', 'Session Establishment Response', '1'],
    ],
  )
  t.regex(table.err, /^6 frames in 0\.000 s, 5 messages\n/)
  const { out } = await inspect(file, '--stats', '-o', 'json')
  t.like(JSON.parse(out), {
    frames: 6,
    first: '2023-11-14T22:13:20.000000001Z',
    protocols: { gtp: { messages: 3, names: { 'G-PDU': 2 }, malformed: { truncated: 1 } } },
    skipped: { PPP: 1 },
    unread: {},
    problem: null,
  })
})

test('inspect: shows what could be read of a file that was cut, and says where it ends', async (t) => {
  const cut = saved('cut.pcapng', capture.subarray(0, capture.length - 70))
  const { code, err, out } = await inspect(cut)
  t.is(code, 1)
  t.is(out.trim().split('\n').length, 4)
  t.regex(err, /error: .*cut\.pcapng: frame 5, byte \d+: truncated: expected \d+ bytes from byte \d+, not \d+/)
})

const refused: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['a file that is no capture', [saved('text.txt', Buffer.from('this is no capture'))], 1, /byte 0: not a capture/],
  ['a file that is not there', [`${file}x`], 2, /there is no file/],
  ['a directory', [directory], 2, /is a directory/],
  ['lines of YAML', [file, '-o', 'yaml'], 2, /-o json prints an object a line/],
  ['a session of no kind', [file, '--session', 'tied=1'], 2, /"tied" is none of association/],
  ['an empty session', [file, '--session', ''], 2, /KIND=VALUE, or VALUE/],
  ['a session of a stream', ['/dev/null', '--session', 'seid=1'], 2, /reads the file twice/],
]
for (const [what, args, code, why] of refused)
  test(`inspect: refuses ${what}`, async (t) => {
    const ended = await inspect(...args)
    t.is(ended.code, code)
    t.is(ended.out, '')
    t.regex(ended.err, why)
  })

test('inspect: ends quietly when its reader does', async (t) => {
  const many = Array.from({ length: 50_000 }, (_, index) =>
    pcapngFrame({ interface: 0, time: time(index % 1000), bytes: packets[2]! }),
  )
  const path = saved('many.pcapng', Buffer.concat([pcapngHeader([{ linkType: 101 }]), ...many]))
  const { promise, resolve } = Promise.withResolvers<number | null>()
  const child = spawn(launcher, ['inspect', path], { stdio: ['ignore', 'pipe', 'pipe'] })
  let err = ''
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  child.stdout.once('data', () => child.stdout.destroy())
  child.on('close', resolve)
  t.is(await promise, 0)
  t.is(err, '')
})

// ---- parts ----------------------------------------------------------------------------------------------------------

const keys: readonly (readonly [string, string, boolean])[] = [
  ['seid=0x1', '192.0.2.1/0x0000000000000001', true],
  ['seid=192.0.2.1/1', '192.0.2.1/0x0000000000000001', true],
  ['[2001:DB8:0::1]/0x1', '2001:db8::1/0x0000000000000001', true],
  ['192.0.2.2/0x1', '192.0.2.1/0x0000000000000001', false],
  ['teid=0x1', '192.0.2.1/0x0000000000000001', false],
  ['1', '192.0.2.1/0x0000000000000001', false],
]
for (const [typed, value, expected] of keys)
  test(`inspect: ${typed} is ${expected ? '' : 'not '}the SEID ${value}`, (t) => {
    t.is(keyMatcher(typed)({ kind: 'seid', value }), expected)
  })

test('inspect: numbers of UEs, subscribers and calls are found as they are typed', (t) => {
  t.true(keyMatcher('amf-ue=10')({ kind: 'amf-ue', value: '0x000000000a' }))
  t.true(keyMatcher('ran-ue=0xA')({ kind: 'ran-ue', value: '0x0000000a' }))
  t.true(keyMatcher('001010000000001')({ kind: 'imsi', value: '001010000000001' }))
  t.true(keyMatcher('a84b4c76e66710@pc33.example.com')({ kind: 'call-id', value: 'a84b4c76e66710@pc33.example.com' }))
  t.true(keyMatcher('ue-ip=2001:DB8:0:0::2')({ kind: 'ue-ip', value: '2001:db8::2' }))
})

test('inspect: text of the network cannot give orders to a terminal', (t) => {
  t.is(shown('a\u001b[2Jb\u009bc\u202ed'), 'a\\u001b[2Jb\\u009bc\\u202ed')
})

test('inspect: the bar says how far it is, and is drawn on terminals alone', (t) => {
  t.regex(barText({ done: 50, total: 200, elapsedMs: 3000, note: '7 frames' }), / 25 %, 7 frames, 9 s left$/)
  t.regex(barText({ done: 300, total: 200, elapsedMs: 3000, note: '7 frames' }), /100 %, 7 frames$/)
  t.is(barText({ done: 50, total: 0, elapsedMs: 3000, note: '7 frames' }), '7 frames')
  const drawn = (isTTY: boolean): readonly string[] => {
    const texts: string[] = []
    let now = 0
    const stream = { isTTY, write: (text: string) => texts.push(text) }
    const progress = new Progress({ stream, total: 10, now: () => now })
    progress.show('early')
    now = 150
    progress.add(5)
    progress.show('later')
    progress.clear()
    progress.clear()
    return texts
  }
  t.deepEqual(drawn(false), [])
  t.is(drawn(true).length, 2)
  t.regex(drawn(true)[0]!, / 50 %, later/)
})
