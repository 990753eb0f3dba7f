// Session sets (TS 29.244, 6.2.x; TS 23.007): FQ-CSIDs of UPFs become ones of ours, since several UPFs may use one CSID
// and SMFs know a single UPF.

import { read16, write16 } from '../../wire/fields.ts'
import { wireBytes } from './values.ts'
import type { VirtualAddresses } from './model.ts'
import type { UpfPeer } from './peers.ts'

const csidSpace = 0x1_0000

export class Sets {
  /** by index of the UPF and its CSID */
  readonly #ours = new Map<number, number>()
  #next = 0
  readonly #node: Uint8Array
  readonly #nodeType: 0 | 1
  readonly #named: (theirs: number, ours: number) => void
  readonly #full: () => void

  /** `named` is told of each CSID of ours that is new, `full` of each that could not be. */
  constructor({ ipv4, ipv6 }: VirtualAddresses, named: (theirs: number, ours: number) => void, full: () => void) {
    this.#named = named
    this.#full = full
    this.#node = ipv4 === null ? wireBytes(ipv6 ?? '::') : wireBytes(ipv4)
    this.#nodeType = ipv4 === null ? 1 : 0
  }

  /** Index of the UPF and its CSID as one number, and ours. */
  [Symbol.iterator](): Iterator<[number, number]> {
    return this.#ours.entries()
  }

  takeBack(theirs: number, ours: number): void {
    this.#ours.set(theirs, ours)
    this.#next = Math.max(this.#next, ours)
  }

  /** Whether an FQ-CSID is one of those that SMFs were given. */
  isOurs(value: Uint8Array): boolean {
    const node = this.#node
    return value[0]! >> 4 === this.#nodeType && node.every((byte, i) => value[i + 1] === byte)
  }

  /** The value of an FQ-CSID with our address and CSIDs; CSIDs beyond what 16 bits can tell apart are left out. */
  ofUpf({ index }: UpfPeer, value: Uint8Array): Uint8Array {
    const count = value[0]! & 15
    const first = 1 + (value[0]! >> 4 === 1 ? 16 : 4)
    const csids: number[] = []
    for (let i = 0, at = first; i < count && at + 2 <= value.length; i++, at += 2) {
      const csid = this.#csid(index * csidSpace + read16(value, at))
      if (csid !== null) csids.push(csid)
    }
    const bytes = new Uint8Array(1 + this.#node.length + csids.length * 2)
    bytes[0] = (this.#nodeType << 4) | csids.length
    bytes.set(this.#node, 1)
    for (const [i, csid] of csids.entries()) write16(bytes, 1 + this.#node.length + i * 2, csid)
    return bytes
  }

  #csid(key: number): number | null {
    const known = this.#ours.get(key)
    if (known !== undefined) return known
    if (this.#ours.size >= csidSpace - 1) {
      this.#full()
      return null
    }
    this.#next++
    this.#ours.set(key, this.#next)
    this.#named(key, this.#next)
    return this.#next
  }
}
