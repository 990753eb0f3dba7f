// Hears of every change in the kernel that may send a packet another way: links, neighbours, addresses, routes, rules,
// next hops, and what devices can do with XDP. Tells of each at once, and once more when it has become quiet.

import type { Socket } from '../../../native/index.d.ts'
import { native } from '../../../native/load.ts'
import type { Message } from './netlink.ts'
import { families, listen } from './netlink-socket.ts'
import { parseNeighbour, RTM_DELNEIGH, RTM_NEWNEIGH } from './neighbours.ts'
import type { NeighbourTable } from './neighbour-table.ts'
import type { NetdevFamily } from './xdp-features.ts'

/** Groups of rtnetlink, as the bits 1 << (RTNLGRP_* - 1). */
const groups = {
  link: 0x1,
  neighbour: 0x4,
  ipv4Address: 0x10,
  ipv4Route: 0x40,
  ipv4Rule: 0x80,
  ipv6Address: 0x100,
  ipv6Route: 0x400,
  ipv6Rule: 0x40000,
  nextHop: 0x80000000, // RTNLGRP_NEXTHOP: routing daemons change next hop objects without touching the routes on them
} as const

/** A network that never becomes quiet is looked at all the same after so many times the settling time. */
const longestUnrest = 10

export interface ChangesOptions {
  readonly neighbours: NeighbourTable
  /** null on kernels that do not announce what devices can do with XDP */
  readonly netdev: NetdevFamily | null
  readonly settleMs: number
  readonly onChange: () => void
  readonly onSettled: () => void
  /** Announcements were lost. That counts as a change. */
  readonly onLost: (reason: string) => void
}

export class Changes {
  readonly #options: ChangesOptions
  readonly #sockets: Socket[] = []
  #timer: NodeJS.Timeout | null = null
  #unrestSince = 0

  private constructor(options: ChangesOptions) {
    this.#options = options
  }

  static open(options: ChangesOptions): Changes {
    const changes = new Changes(options)
    const { netdev } = options
    const mask = Object.values(groups).reduce((sum, group) => (sum | group) >>> 0, 0)
    changes.#listen(families.route, mask, [], (message) => changes.#matters(message))
    try {
      if (netdev !== null && netdev.changes !== null)
        changes.#listen(families.generic, 0, [netdev.changes], (message) => message.type === netdev.id)
    } catch (error) {
      changes.close()
      throw error
    }
    return changes
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) native.socketClose(socket)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #listen(family: number, mask: number, groups: readonly number[], matters: (message: Message) => boolean): void {
    const socket = listen(family, mask, groups, {
      onMessages: (messages) => {
        // Each is looked at, since the neighbour table learns from all of them.
        const changes = messages.filter(matters)
        if (changes.length > 0) this.#changed()
      },
      onLost: (reason) => {
        this.#options.neighbours.forget()
        this.#options.onLost(reason)
        this.#changed()
      },
    })
    this.#sockets.push(socket)
  }

  #matters({ type, payload }: Message): boolean {
    if (type !== RTM_NEWNEIGH && type !== RTM_DELNEIGH) return true
    const neighbour = parseNeighbour(payload)
    if (neighbour === null) return false
    return this.#options.neighbours.update(type === RTM_DELNEIGH ? { ...neighbour, mac: null } : neighbour)
  }

  #changed(): void {
    this.#options.onChange()
    const { settleMs, onSettled } = this.#options
    if (this.#timer === null) this.#unrestSince = performance.now()
    else clearTimeout(this.#timer)
    const left = this.#unrestSince + longestUnrest * settleMs - performance.now()
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        onSettled()
      },
      Math.max(0, Math.min(settleMs, left)),
    )
    this.#timer.unref()
  }
}
