import test from 'ava'
import { collect, parseEndpoint, parsePlace, parsePortPair } from './arguments.ts'
import { CliError } from './errors.ts'

test('arguments: a port pair is PORT or PORT:TARGETPORT', (t) => {
  t.deepEqual(parsePortPair('80'), { port: 80, lastPort: 80, targetPort: 80 })
  t.deepEqual(parsePortPair('65535:1'), { port: 65535, lastPort: 65535, targetPort: 1 })
})

test('arguments: a range keeps its ports, or goes to one', (t) => {
  const range = { port: 80, lastPort: 90 }
  t.deepEqual(parsePortPair('80-90'), { ...range, targetPort: 80 })
  t.deepEqual(parsePortPair('80-90:80-90'), { ...range, targetPort: 80 })
  t.deepEqual(parsePortPair('80-90:8080'), { ...range, targetPort: 8080 })
  t.deepEqual(parsePortPair('any'), { port: 0, lastPort: 65535, targetPort: 0 })
  t.deepEqual(parsePortPair('any:53'), { port: 0, lastPort: 65535, targetPort: 53 })
})

test('arguments: behind an endpoint stand its priority and its server id', (t) => {
  t.deepEqual(parseEndpoint('10.0.0.1:3/priority=2/serverId=0A'), {
    address: '10.0.0.1',
    weight: 3,
    priority: 2,
    serverId: '0A',
  })
  t.deepEqual(parseEndpoint('fd00::1/priority=2'), { address: 'fd00::1', weight: 1, priority: 2 })
  for (const text of ['10.0.0.1/', '10.0.0.1/priority', '10.0.0.1/priority=x', '10.0.0.1/serverId=0', '10.0.0.1/24']) {
    t.throws(() => parseEndpoint(text), { instanceOf: CliError, message: /behind an endpoint stand/ }, text)
  }
})

test('arguments: a place is an address with or without a port', (t) => {
  t.deepEqual(parsePlace('10.0.0.1'), { address: '10.0.0.1' })
  t.deepEqual(parsePlace('10.0.0.1:80'), { address: '10.0.0.1', port: 80 })
  t.deepEqual(parsePlace('fd00::1'), { address: 'fd00::1' })
  t.deepEqual(parsePlace('[fd00::1]:80'), { address: 'fd00::1', port: 80 })
  for (const text of ['', 'x:80', '10.0.0.1:', '10.0.0.1:0', 'fd00::1]:80'])
    t.throws(() => parsePlace(text), { instanceOf: CliError }, text)
})

for (const text of [
  '',
  '0',
  '65536',
  '80:',
  ':80',
  '80:0',
  '1:2:3',
  '-1',
  '8o',
  '90-80',
  '80-',
  '80-90-100',
  '80-90:81-91',
  '80-90:80',
  '80:1-2',
  '80:any',
  '080000',
]) {
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
