import test from 'ava'
import { spawnSync } from 'node:child_process'
import { complete, completionScript, shells } from './completion.ts'
import type { Io } from './io.ts'
import { buildProgram } from './program.ts'

const io: Io = {
  env: {},
  out: () => undefined,
  flush: async () => undefined,
  say: () => undefined,
  style: (_stream, _style, text) => text,
}

const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['commands', ['ge'], ['get']],
  ['nouns', ['get', 'lb'], ['lb', 'lbversion']],
  ['nouns behind an option with a value', ['--instance', 'get', 'get', 've'], ['verdicts']],
  ['sessions', ['get', 'se'], ['sessions', 'session', 'sessionulcl']],
  ['flags of a noun', ['get', 'sessions', '--l'], ['--limit']],
  ['flags of the command', ['create', 'lb', '10.0.0.1', '--t'], ['--tcp', '--timeout']],
  ['values of a flag', ['get', 'lb', '-o', 'j'], ['json']],
  ['values behind an equals sign', ['get', 'lb', '--output=y'], ['--output=yaml']],
  ['values behind an equals sign that bash made a word of', ['get', 'lb', '--output', '=', 'y'], ['yaml']],
  ['modes', ['create', 'lb', '10.0.0.1', '--mode=d'], ['--mode=default', '--mode=dnat', '--mode=dsr']],
  ['ways to select', ['create', 'lb', '10.0.0.1', '--select', 'p'], ['priority', 'persist']],
  ['values of a flag of ours', ['create', 'lb', '10.0.0.1', '--alg=t'], ['--alg=tftp']],
  ['orders', ['un'], ['undrain', 'unblock', 'unload']],
  ['shells', ['completion', ''], ['bash', 'zsh', 'fish']],
  ['nothing that loxicmd has and we refuse', ['create', 'lb', '--bg'], []],
  ['nothing hidden', ['__'], []],
]

for (const [title, words, expected] of cases) {
  test(`completion: offers ${title}`, async (t) => {
    t.deepEqual(complete(await buildProgram(io), words), expected)
  })
}

test('completion: every shell has a script that asks sluice itself', (t) => {
  for (const shell of shells)
    t.regex(completionScript(shell), /(?:COMP_WORDS\[0\]|words\[1\]|-opc\)\[1\]).* __complete -- /)
})

test('completion: the script for bash is one that bash can read', (t) => {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: completionScript('bash'), encoding: 'utf8' })
  t.is(status, 0, stderr)
})
