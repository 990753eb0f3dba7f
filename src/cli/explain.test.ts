// Questions that `sluice explain` refuses before it looks at the machine.

import test from 'ava'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { classicCapture } from '../testing/capture.ts'
import { buildFrame } from '../testing/packets.ts'
import { main } from './program.ts'

const to = '10.99.0.1:70'
const directory = mkdtempSync(join(tmpdir(), 'sluice-explain-'))
const [file, short] = [join(directory, 'trouble.pcap'), join(directory, 'short.pcap')]
const frames = [1, 2, 3].map((last) => buildFrame({ kind: 'tcp', from: `10.1.1.${last}:999`, to, flags: 'S' }))
writeFileSync(file, classicCapture(frames))
writeFileSync(short, classicCapture(frames).subarray(0, -1))
test.after.always(() => rmSync(directory, { recursive: true }))

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['a frame that a capture lacks', `--pcap ${file} --frame 4`, /has no frame 4/],
  ['a capture that was cut off', `--pcap ${short} --frame 3`, /truncated/],
  ['a capture without a frame', `--pcap ${file}`, /which frame\?/],
  ['a capture and a description', `--pcap ${file} --frame 1 --proto tcp`, /leave --proto/],
  ['a capture that is not there', `--pcap ${file}x --frame 1`, /there is no file/],
  ['half a description', '--proto tcp', /describe the packet/],
  ['a frame of no capture', '--frame 1', /give it by --pcap/],
  ['a source without a port', `--proto tcp --from 10.1.1.2 --to ${to}`, /--from 10\.1\.1\.2: which port\?/],
  ['two address families', `--proto tcp --from [2001:db8::1]:1 --to ${to}`, /one address family/],
  ['a flag that TCP lacks', `--proto tcp --from 10.1.1.2:1 --to ${to} --flags SX`, /--flags: "SX"/],
  ['flags of UDP', `--proto udp --from 10.1.1.2:1 --to ${to} --flags S`, /--flags are those of TCP/],
  ['a protocol that it cannot build', `--proto gre --from 10.1.1.2:1 --to ${to}`, /Allowed choices are/],
  ['an echo to a port', `--proto icmp --from 10.1.1.2 --to ${to}`, /--to has no port/],
]

for (const [title, line, why] of refused)
  test(`explain: refuses ${title}`, async (t) => {
    const said: string[] = []
    const out = (text: string) => t.fail(`printed ${text}`)
    const io = {
      env: {},
      out,
      flush: async () => undefined,
      say: (text: string) => said.push(text),
      style: (_: string, __: string, text: string) => text,
    }
    t.is(await main(['explain', ...line.split(' ')], io), 2)
    t.regex(said.join('\n'), why)
  })
