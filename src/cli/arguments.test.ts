import test from 'ava'
import { collect, parseEndpoint, parsePortPair } from './arguments.ts'
import { CliError } from './errors.ts'

test('arguments: a port pair is PORT or PORT:TARGETPORT', (t) => {
  t.deepEqual(parsePortPair('80'), { port: 80, targetPort: 80 })
  t.deepEqual(parsePortPair('65535:1'), { port: 65535, targetPort: 1 })
})

for (const text of ['', '0', '65536', '80:', ':80', '80:0', '1:2:3', '-1', '8o', '80-90', '80:1-2', '080000']) {
  test(`arguments: refuses "${text}" as a port pair`, (t) => {
    const error = t.throws(() => parsePortPair(text), { instanceOf: CliError })
    t.is(error.exitCode, 2)
    t.regex(error.message, /port/)
  })
}

test('arguments: an endpoint is an address with or without a weight', (t) => {
  t.deepEqual(parseEndpoint('10.0.0.1'), { address: '10.0.0.1', weight: 1 })
  t.deepEqual(parseEndpoint('10.0.0.1:0'), { address: '10.0.0.1', weight: 0 })
  t.deepEqual(parseEndpoint('10.0.0.1:255'), { address: '10.0.0.1', weight: 255 })
  t.deepEqual(parseEndpoint('2001:db8::1'), { address: '2001:db8::1', weight: 1 })
  t.deepEqual(parseEndpoint('[2001:db8::1]'), { address: '2001:db8::1', weight: 1 })
  t.deepEqual(parseEndpoint('[2001:db8::1]:7'), { address: '2001:db8::1', weight: 7 })
})

for (const text of [
  '',
  '10.0.0',
  '10.0.0.1:',
  '10.0.0.1:256',
  '10.0.0.1:-1',
  '10.0.0.1:x',
  '[10.0.0.1]:1',
  '[2001:db8::1',
  'a.b',
]) {
  test(`arguments: refuses "${text}" as an endpoint`, (t) => {
    t.is(t.throws(() => parseEndpoint(text), { instanceOf: CliError }).exitCode, 2)
  })
}

test('arguments: lists come with commas, repeated, or both', (t) => {
  t.deepEqual(collect('c', collect('a, b')), ['a', 'b', 'c'])
})
