// The generated codecs against bytes written down by hand.

import test from 'ava'
import { flowKeySize, flowKeyOffsets, readFlowKey, verdict, verdictNames, writeFlowKey } from './layout.gen.ts'

const key = {
  source: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]),
  destination: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2]),
  sourcePort: 0x1234,
  destinationPort: 80,
  zone: 0x0102,
  protocol: 6,
}
const bytes = '00000000000000000000ffff0a00000100000000000000000000ffff0a0000021234005002010600'

test('layout: writes ports in network order, numbers of the host in its own, and padding as zero', (t) => {
  const memory = new Uint8Array(flowKeySize + 2).fill(0xff)
  writeFlowKey(new DataView(memory.buffer, 1), 0, key)
  t.is(Buffer.from(memory).toString('hex'), `ff${bytes}ff`)
})

test('layout: reads back what was written, as copies', (t) => {
  const memory = new Uint8Array(Buffer.from(bytes, 'hex'))
  const read = readFlowKey(new DataView(memory.buffer), 0)
  memory.fill(0)
  t.deepEqual(read, key)
})

test('layout: refuses an address of the wrong length', (t) => {
  const view = new DataView(new ArrayBuffer(flowKeySize))
  t.throws(() => writeFlowKey(view, 0, { ...key, source: new Uint8Array(4) }), { instanceOf: RangeError })
})

test('layout: names verdicts by number', (t) => {
  t.is(verdictNames[verdict.drop_no_endpoint], 'drop_no_endpoint')
  t.is(flowKeyOffsets.destination, 16)
})
