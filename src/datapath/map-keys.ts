// The keys of a hash or trie that nobody else changes.

import { native } from '../../native/load.ts'

export const mapKeys = (fd: number, keySize: number): readonly Uint8Array[] => {
  const keys: Uint8Array[] = []
  let key = new Uint8Array(keySize)
  for (let found = native.mapNextKey(fd, null, key); found;) {
    keys.push(key)
    const next = new Uint8Array(keySize)
    found = native.mapNextKey(fd, key, next)
    key = next
  }
  return keys
}
