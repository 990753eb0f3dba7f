// Hears of every change in the kernel that may send a packet another way: links, neighbours, addresses, routes, rules,
// next hops, and what devices can do with XDP. Tells of each at once, and once more when it has become quiet.

import type { Socket } from '../../../native/index.d.ts'
import { native } from '../../../native/load.ts'
import type { Message } from './netlink.ts'
import { families, listen } from './netlink-socket.ts'
import { parseNeighbour, RTM_DELNEIGH, RTM_NEWNEIGH } from './neighbours.ts'
import type { NeighbourTable } from './neighbour-table.ts'
import type { NetdevFamily } from './xdp-features.ts'

/** Multicast groups of rtnetlink, RTNLGRP_*. */
const routeGroups = {
  link: 1,
  neighbour: 3,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv4Rule: 8,
  ipv6Address: 9,
  ipv6Route: 11,
  ipv6Rule: 19,
  nextHop: 32, // routing daemons change next hop objects without touching the routes on them
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
    changes.#listen(families.route, Object.values(routeGroups), (message) => changes.#matters(message))
    try {
      if (netdev !== null && netdev.changes !== null)
        changes.#listen(families.generic, [netdev.changes], (message) => message.type === netdev.id)
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

  #listen(family: number, groups: readonly number[], matters: (message: Message) => boolean): void {
    const socket = listen(family, groups, {
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
