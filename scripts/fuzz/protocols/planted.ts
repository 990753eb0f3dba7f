// Plugins with mistakes, by which the fuzzer is tested.

import type { Protocol } from '../../../src/protocols/protocol.ts'
import { DecodeError } from '../../../src/wire/decode-error.ts'
import { checkPlugin } from './plugin.ts'
import type { Subject } from './subject.ts'

const right: Protocol<Uint8Array> = {
  name: 'gtp',
  title: 'a message of any bytes',
  carriedBy: [],
  decode: (bytes) => bytes,
  encode: (message) => message.slice(),
  describe: () => ({ name: 'any', fields: {} }),
  sessions: () => [],
}
/** Few inputs have it: the fuzzer has to come upon it. */
const isSpecial = (bytes: Uint8Array): boolean => bytes[1] === 0xff

const plugins: Readonly<Record<string, Protocol<Uint8Array>>> = {
  throws: {
    ...right,
    decode(bytes) {
      if (isSpecial(bytes)) throw new RangeError('not a DecodeError')
      throw new DecodeError('truncated', bytes.length)
    },
  },
  loops: {
    ...right,
    decode(bytes) {
      // eslint-disable-next-line no-unmodified-loop-condition
      while (isSpecial(bytes));
      return bytes
    },
  },
  changes: { ...right, encode: (message) => (isSpecial(message) ? message.slice(1) : message.slice()) },
  forgets: { ...right, sessions: (message) => (isSpecial(message) ? [{ kind: 'imsi', value: '' }] : []) },
}

/** Undefined: no such subject. */
export function plantedSubject(name: string): Subject | undefined {
  const [kind, plugin = ''] = name.split(':')
  const protocol = plugins[plugin]
  if (kind !== 'planted' || protocol === undefined) return undefined
  return {
    name,
    seeds: [new Uint8Array(8)],
    check: (bytes, draw) => checkPlugin(protocol, bytes, draw),
  }
}
