// What is due to a terminal and to a pipe.

import test from 'ava'
import { spawn } from 'node:child_process'
import { launcher, sluice } from '../testing/command.ts'

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
  const child = spawn('sh', ['-c', `"${launcher}" check --schema | head -n 1; echo "end"`], {
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
