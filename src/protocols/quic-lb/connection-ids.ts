// Connection ids of one configuration (draft sections 3 and 5):
//
//     | configuration (3) | length of the rest, or anything (5) | server id | nonce | what servers like |
//
// Server id and nonce are plain, or encrypted together where the configuration has a key.

import { blockCipher, type BlockCipher } from './cipher.ts'

export interface QuicLbConfig {
  /** bytes, 1 to 15 */
  readonly serverIdLength: number
  /** bytes, 4 to 18 */
  readonly nonceLength: number
  /** 16 bytes, hexadecimal; null: server ids are plain */
  readonly key: string | null
  /** 0 to 6 */
  readonly configId: number
}

export interface ConnectionIds {
  /** bytes of an id to which servers add nothing */
  readonly length: number
  /** Null: the id carries no server id of this configuration. What is beyond `length` is the server's own. */
  serverId(id: Uint8Array): Uint8Array | null
  /** What a server makes; the first byte says how long it is. */
  encode(serverId: Uint8Array, nonce: Uint8Array): Uint8Array
}

const mostBytes = 20
const keyBytes = 16

/** "Not routable": what servers without a configuration write. */
const unroutable = 7

export function connectionIds(config: QuicLbConfig): ConnectionIds {
  const { configId, nonceLength, serverIdLength } = config
  const body = serverIdLength + nonceLength
  if (!isBetween(serverIdLength, 1, 15) || !isBetween(nonceLength, 4, 18) || body >= mostBytes)
    throw new RangeError(`server id and nonce of ${serverIdLength} and ${nonceLength} bytes do not fit a connection id`)
  if (!isBetween(configId, 0, unroutable - 1)) throw new RangeError(`there is no configuration ${configId}`)
  const cipher = config.key === null ? null : cipherOf(config.key, body)
  return {
    length: 1 + body,
    serverId(id: Uint8Array): Uint8Array | null {
      if (id.length < 1 + body || id[0]! >> 5 !== configId) return null
      const rest = id.slice(1, 1 + body)
      return (cipher?.decrypt(rest) ?? rest).subarray(0, serverIdLength)
    },
    encode(serverId: Uint8Array, nonce: Uint8Array): Uint8Array {
      if (serverId.length !== serverIdLength || nonce.length !== nonceLength)
        throw new RangeError('server id or nonce is not as long as the configuration says')
      const rest = Uint8Array.of(...serverId, ...nonce)
      return Uint8Array.of((configId << 5) | body, ...(cipher?.encrypt(rest) ?? rest))
    },
  }
}

function cipherOf(key: string, length: number): BlockCipher {
  const bytes = Buffer.from(key, 'hex')
  if (bytes.length !== keyBytes) throw new RangeError('a key has 16 bytes')
  return blockCipher(bytes, length)
}

const isBetween = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most
