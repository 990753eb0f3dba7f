// How server id and nonce are encrypted together (draft section 5.4): as one AES block where they are 16 bytes, else by
// four passes, each of which encrypts one half and adds the result to the other. Where they are an odd number of bytes
// the one in the middle is split: its upper half belongs to the left side.

import { createCipheriv, createDecipheriv } from 'node:crypto'

export interface BlockCipher {
  encrypt(plain: Uint8Array): Uint8Array
  decrypt(encrypted: Uint8Array): Uint8Array
}

const blockBytes = 16
const algorithm = 'aes-128-ecb'

/** `length`: bytes of server id and nonce together. */
export function blockCipher(key: Uint8Array, length: number): BlockCipher {
  const cipher = createCipheriv(algorithm, key, null).setAutoPadding(false)
  const aes = (block: Uint8Array): Uint8Array => cipher.update(block)
  if (length !== blockBytes) return fourPasses(aes, length)
  const decipher = createDecipheriv(algorithm, key, null).setAutoPadding(false)
  return { encrypt: aes, decrypt: (block) => decipher.update(block) }
}

interface Halves {
  readonly left: Uint8Array
  readonly right: Uint8Array
}

function fourPasses(aes: (block: Uint8Array) => Uint8Array, length: number): BlockCipher {
  const pass = (number: number, from: Uint8Array, onto: Uint8Array): Uint8Array => {
    const block = new Uint8Array(blockBytes)
    block.set(from)
    block[blockBytes - 2] = length
    block[blockBytes - 1] = number
    const sum = aes(block)
    return onto.map((byte, i) => byte ^ sum[i]!)
  }
  const left = (number: number, { left: onto, right }: Halves): Halves => ({
    left: clearLast(pass(number, right, onto), length),
    right,
  })
  const right = (number: number, { left: from, right: onto }: Halves): Halves => ({
    left: from,
    right: clearFirst(pass(number, from, onto), length),
  })
  return {
    encrypt: (plain) => join(left(4, right(3, left(2, right(1, split(plain))))), length),
    decrypt: (encrypted) => join(right(1, left(2, right(3, left(4, split(encrypted))))), length),
  }
}

function split(bytes: Uint8Array): Halves {
  const half = Math.ceil(bytes.length / 2)
  return {
    left: clearLast(bytes.slice(0, half), bytes.length),
    right: clearFirst(bytes.slice(bytes.length - half), bytes.length),
  }
}

function join({ left, right }: Halves, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes.set(left)
  const start = length - right.length
  for (const [i, byte] of right.entries()) bytes[start + i]! |= byte
  return bytes
}

/** The four bits of an odd number of bytes that are the other side's. */
function clearLast(left: Uint8Array, length: number): Uint8Array {
  if (length % 2 === 1) left[left.length - 1]! &= 0xf0
  return left
}

function clearFirst(right: Uint8Array, length: number): Uint8Array {
  if (length % 2 === 1) right[0]! &= 0x0f
  return right
}
