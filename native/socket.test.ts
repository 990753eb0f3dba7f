// Sockets: batches in both directions, packet sockets, netlink, and what wrong arguments get.

import test from 'ava'
import { setTimeout as delay } from 'node:timers/promises'
import { testWith } from '../src/testing/needs.ts'
import type { Socket } from './index.d.ts'
import { native } from './load.ts'
import { inNamespace } from './test/namespace.ts'
import { openUdp } from './test/scenarios.ts'
import { until } from './test/until.ts'

testWith(['root', 'netns'], 'native: frames go from one end of a veth pair to the other in batches', async (t) => {
  const { sent, seen, batches, left, right } = await inNamespace(t, 'packets')
  t.not(left, right)
  t.is(sent, 100)
  t.deepEqual(
    seen.map(({ number }) => number),
    Array.from({ length: 100 }, (_, i) => i),
  )
  t.true(batches.every((count) => count <= 32))
  // The last frame is longer than its slot: its whole length is told.
  t.deepEqual(
    seen.map(({ length }) => length),
    [...Array.from({ length: 99 }, () => 60), 200],
  )
  const address = new DataView(seen[0]?.address.buffer ?? new ArrayBuffer(28))
  t.is(address.getUint16(0, true), 17)
  t.is(address.getUint16(2), 0x88b5)
  t.is(address.getInt32(4, true), right)
})

testWith(['root', 'netns'], 'native: netlink tells of new addresses, also after messages were lost', async (t) => {
  const { first, errors, heardAfterOverrun } = await inNamespace(t, 'netlink')
  t.deepEqual(first, [20]) // RTM_NEWADDR
  t.deepEqual([...new Set(errors)], ['ENOBUFS'])
  t.true(heardAfterOverrun)
})

function udp(t: { teardown(run: () => void): void }): Socket {
  const socket = openUdp()
  t.teardown(() => native.socketClose(socket))
  return socket
}

test('native: datagrams arrive with their sender', async (t) => {
  const [receiver, sender] = [udp(t), udp(t)]
  const arena = new Uint8Array(4 * 100)
  const texts: string[] = []
  const senders: Uint8Array[] = []
  native.socketReceive(receiver, arena, 100, (count, lengths, addresses) => {
    for (let i = 0; i < count; i++) {
      texts.push(Buffer.from(arena.subarray(i * 100, i * 100 + (lengths[i] ?? 0))).toString())
      senders.push(addresses.slice(i * 28, i * 28 + 16))
    }
  })
  const address = native.socketAddress(receiver)
  const words = ['one', 'two', '', 'four', 'five']
  t.is(
    native.socketSend(
      sender,
      words.map((word) => ({ data: Buffer.from(word), address })),
    ),
    5,
  )
  await until(() => texts.length >= 5)
  t.deepEqual(texts, words)
  for (const from of senders) t.deepEqual(from, native.socketAddress(sender))
})

testWith(['root', 'netns'], 'native: a socket whose memory was transferred away is closed, and says so', async (t) => {
  await t.throwsAsync(inNamespace(t, 'detach'), {
    any: true,
    message: /detached; the socket is closed/,
  })
})

test('native: a socket can be closed in its own callback', async (t) => {
  const [receiver, sender] = [udp(t), udp(t)]
  const address = native.socketAddress(receiver)
  let calls = 0
  native.socketReceive(
    receiver,
    new Uint8Array(100),
    100,
    () => {
      calls++
      native.socketClose(receiver)
    },
    true,
  )
  native.socketSend(
    sender,
    Array.from({ length: 9 }, () => ({ data: new Uint8Array(10), address })),
  )
  await until(() => calls > 0)
  await delay(10)
  t.is(calls, 1)
  t.throws(() => native.socketAddress(receiver), { instanceOf: TypeError, message: 'the socket is closed' })
  native.socketClose(receiver)
})

test('native: a full socket buffer sends fewer messages instead of failing', (t) => {
  const sender = native.socketOpen({ domain: 1, type: 2, protocol: 0 })
  const name = `\0sluice-native-${process.pid}-${Math.random()}`
  const address = Uint8Array.of(1, 0, ...Buffer.from(name))
  const receiver = native.socketOpen({ domain: 1, type: 2, protocol: 0, address })
  t.deepEqual(native.socketAddress(receiver), address)
  const messages = Array.from({ length: 1024 }, () => ({ data: new Uint8Array(1000), address }))
  const first = native.socketSend(sender, messages)
  t.true(first > 0 && first < 1024)
  t.is(native.socketSend(sender, messages), 0)
  native.socketClose(sender)
  native.socketClose(receiver)
})

test('native: a socket that is refused says why', (t) => {
  t.like(
    t.throws(() => native.socketOpen({ domain: 250, type: 2, protocol: 0 })),
    {
      code: 'EAFNOSUPPORT',
      call: 'socket',
      object: 'domain 250 type 2 protocol 0',
    },
  )
  const address = Uint8Array.of(2, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0)
  t.like(
    t.throws(() => native.socketOpen({ domain: 2, type: 2, protocol: 0, address })),
    {
      code: 'EADDRNOTAVAIL',
      call: 'bind',
    },
  )
  const options = [{ level: 1, name: 9999, value: new Uint8Array(4) }]
  t.like(
    t.throws(() => native.socketOpen({ domain: 2, type: 2, protocol: 0, options })),
    {
      code: 'ENOPROTOOPT',
      call: 'setsockopt',
      object: 'level 1 name 9999',
    },
  )
})

test('native: wrong arguments of sockets are TypeErrors', (t) => {
  const socket = udp(t)
  const receive = (arena: unknown, slotBytes: unknown, call: unknown, keepAlive?: unknown): unknown =>
    native.socketReceive(socket, arena as never, slotBytes as never, call as never, keepAlive as never)
  const open = (options: object): unknown => native.socketOpen({ domain: 2, type: 2, protocol: 0, ...options })
  const wrong: readonly (readonly [string, () => unknown])[] = [
    ['no options', () => native.socketOpen(undefined as never)],
    ['flags in the type', () => open({ type: 2048 })],
    ['short address', () => open({ address: new Uint8Array(1) })],
    ['long address', () => open({ address: new Uint8Array(129) })],
    ['options that are no list', () => open({ options: {} })],
    ['an option that is no object', () => open({ options: [1] })],
    ['arena smaller than a slot', () => receive(new Uint8Array(9), 10, () => {})],
    ['slot of nothing', () => receive(new Uint8Array(9), 0, () => {})],
    ['no callback', () => receive(new Uint8Array(9), 9, null)],
    ['keepAlive that is no boolean', () => receive(new Uint8Array(9), 9, () => {}, 1)],
    ['messages that are no list', () => native.socketSend(socket, {} as never)],
    ['a message that is no object', () => native.socketSend(socket, [7 as never])],
    ['a message without data', () => native.socketSend(socket, [{} as never])],
    [
      'too many messages',
      () =>
        native.socketSend(
          socket,
          Array.from({ length: 1025 }, () => ({ data: new Uint8Array() })),
        ),
    ],
    [
      'a sender address that is too long',
      () => native.socketSend(socket, [{ data: new Uint8Array(1), address: new Uint8Array(129) }]),
    ],
  ]
  for (const [name, call] of wrong) t.throws(call, { instanceOf: TypeError }, name)
  native.socketReceive(socket, new Uint8Array(10), 10, () => {})
  t.throws(() => receive(new Uint8Array(9), 9, () => {}), { message: 'the socket is receiving already' })
})

test('native: a getter that takes the memory away between two messages does no harm', (t) => {
  const socket = udp(t)
  const address = native.socketAddress(socket)
  const data = new Uint8Array(1000).fill(1)
  const thief = {
    get data() {
      structuredClone(data.buffer, { transfer: [data.buffer] })
      return new Uint8Array(1)
    },
    address,
  }
  t.is(native.socketSend(socket, [{ data, address }, thief]), 2)
  const closer = {
    get data() {
      native.socketClose(socket)
      return new Uint8Array(1)
    },
    address,
  }
  t.throws(() => native.socketSend(socket, [closer]), { instanceOf: TypeError, message: 'the socket is closed' })
})
