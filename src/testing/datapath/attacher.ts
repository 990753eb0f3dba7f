// Attaches the real programs inside a lab host, for the tests of attaching. Lives in the host's thread.

import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { native } from '../../../native/load.ts'
import { attach, detachAll } from '../../datapath/attach.ts'
import { loadSmall } from './small-maps.ts'
import type { InterfaceRequest } from '../../datapath/attach.ts'
import type { Loaded } from '../../datapath/maps.ts'
import type { InterfaceStatus } from '../../lb/datapath.ts'
import type { Log } from '../../lb/log.ts'

export interface PinnedLink {
  readonly pin: string
  readonly id: number
  readonly ifindex: number
  readonly programId: number
}

export interface Attacher {
  attach(requests: readonly InterfaceRequest[]): readonly InterfaceStatus[]
  detachAll(): void
  /** Other programs take the place of those there were, as with a daemon that starts again. */
  newPrograms(): void
  programIds(): { readonly tc: number; readonly xdp: number }
  /** Names in the directory of pins. */
  pins(): readonly string[]
  links(): readonly PinnedLink[]
  /** From now on the kernel seems to answer tcx links with this error. */
  refuseTcx(code: string): void
}

/** `programs` are lent: descriptors are of the process, not of a thread. */
export const makeAttacher = (pins: string, programs: Loaded['programs']): Attacher => {
  const ignore = (): void => undefined
  const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  let current = programs
  let own: Loaded | null = null
  const names = (): readonly string[] => (existsSync(pins) ? readdirSync(pins).toSorted() : [])
  return {
    attach: (requests) => attach({ pins, programs: current, log }, requests),
    detachAll: () => detachAll({ pins, log }),
    newPrograms() {
      own?.close()
      own = loadSmall()
      current = own.programs
    },
    programIds: () => ({
      tc: native.programInfo(current.tc).id,
      xdp: native.programInfo(current.xdp).id,
    }),
    pins: names,
    links: () =>
      names().map((pin) => {
        const fd = native.pinGet(join(pins, pin))
        try {
          const { id, ifindex, programId } = native.linkInfo(fd)
          return { pin, id, ifindex, programId }
        } finally {
          native.fdClose(fd)
        }
      }),
    refuseTcx(code) {
      // This thread's own instance of the addon.
      const addon = createRequire(import.meta.url)('../../../build/sluice.node') as Record<string, unknown>
      addon['linkTcx'] = () => {
        throw Object.assign(new Error(`bpf_link_create(tcx): ${code}`), { code })
      }
    },
  }
}
