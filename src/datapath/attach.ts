// Puts the programs on network devices. Links are pinned, so they outlive the daemon; at the next start the program of
// a link is swapped in place, without a packet missed. TC is attached always, XDP in front of it where that is wanted:
// what XDP cannot finish, TC does.

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { native } from '../../native/load.ts'
import type { InterfaceStatus } from '../lb/datapath.ts'
import type { Log } from '../lb/log.ts'
import type { Programs } from './maps.ts'

export interface InterfaceRequest {
  readonly name: string
  readonly hook: 'auto' | 'xdp' | 'xdp-generic' | 'tc'
}

export interface AttachOptions {
  /** directory for pinned links */
  readonly pins: string
  readonly programs: Programs
  readonly log: Log
}

/** A device the configuration names does not exist, or takes no program. */
export class AttachError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AttachError'
  }
}

/**
 * Drivers of physical and virtual NICs that run XDP natively, and for which it pays: the frame comes in without an skb.
 * A veth, bridge or tunnel keeps its big GSO packets under TC.
 */
const xdpDrivers: ReadonlySet<string> = new Set([
  'atlantic',
  'bnxt_en',
  'dpaa2-eth',
  'ena',
  'gve',
  'hv_netvsc',
  'i40e',
  'iavf',
  'ice',
  'igb',
  'igc',
  'ixgbe',
  'ixgbevf',
  'mana',
  'mlx4_en',
  'mlx5_core',
  'mvneta',
  'mvpp2',
  'nfp',
  'qede',
  'sfc',
  'stmmac',
  'tsnep',
  'virtio_net',
])

/** The classic filter's place, on kernels without tcx. */
const clsactHandle = 1
const clsactPriority = 7000

const code = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** What is pinned for a device. A link does not tell its mode, so its name does: `generic` is XDP too. */
const pinKinds = ['tc', 'clsact', 'xdp', 'generic'] as const
type PinKind = (typeof pinKinds)[number]

/** bpffs refuses dots, which device names may hold. */
const pinName = (kind: PinKind, device: string): string =>
  `${kind}-${device.replace(/[%.]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)}`

const deviceName = (pin: string): string => decodeURIComponent(pin.slice(pin.indexOf('-') + 1))

/** Swaps the program of a pinned link; false when there is no such link on this device. */
const updateLink = (path: string, ifindex: number, program: number): boolean => {
  if (!existsSync(path)) return false
  const link = native.pinGet(path)
  try {
    if (native.linkInfo(link).ifindex === ifindex) {
      native.linkUpdate(link, program)
      return true
    }
  } finally {
    native.fdClose(link)
  }
  rmSync(path) // its device has gone; a new one has the name
  return false
}

const pinLink = (link: number, path: string): void => {
  try {
    native.pin(link, path)
  } finally {
    native.fdClose(link)
  }
}

/** Null on kernels without tcx. */
const tcxLink = (program: number, ifindex: number): number | null => {
  try {
    return native.linkTcx(program, ifindex, 'ingress')
  } catch (error) {
    if (code(error) !== 'EINVAL') throw error
    return null
  }
}

const attachTc = (options: AttachOptions, name: string, ifindex: number): void => {
  const { programs, pins } = options
  const path = join(pins, pinName('tc', name))
  if (updateLink(path, ifindex, programs.tc)) return
  const link = tcxLink(programs.tc, ifindex)
  if (link !== null) {
    pinLink(link, path)
    return
  }
  native.clsactAttach(programs.tc, ifindex, 'ingress', clsactHandle, clsactPriority)
  // The filter stays by itself; a pin of its program remembers that there is one.
  const marker = join(pins, pinName('clsact', name))
  rmSync(marker, { force: true })
  native.pin(programs.tc, marker)
}

const removeClsact = (marker: string, log: Log): void => {
  rmSync(marker)
  const name = deviceName(basename(marker))
  const ifindex = native.interfaceIndex(name)
  try {
    if (ifindex !== 0) native.clsactDetach(ifindex, 'ingress', clsactHandle, clsactPriority)
  } catch (error) {
    log.warn({ interface: name, error: String(error) }, 'the TC filter could not be removed')
  }
}

const removeXdp = (pins: string, kind: 'xdp' | 'generic', name: string): void => {
  const path = join(pins, pinName(kind, name))
  if (!existsSync(path)) return
  const link = native.pinGet(path)
  rmSync(path)
  try {
    native.linkDetach(link)
  } finally {
    native.fdClose(link)
  }
}

const attachXdp = (options: AttachOptions, name: string, ifindex: number, kind: 'xdp' | 'generic'): void => {
  const { programs, pins } = options
  // A device takes one of the two at a time; meanwhile TC does it all.
  removeXdp(pins, kind === 'xdp' ? 'generic' : 'xdp', name)
  const path = join(pins, pinName(kind, name))
  if (updateLink(path, ifindex, programs.xdp)) return
  pinLink(native.linkXdp(programs.xdp, ifindex, kind === 'xdp' ? 'native' : 'generic'), path)
}

const attachOne = (options: AttachOptions, request: InterfaceRequest): InterfaceStatus => {
  const { name } = request
  const ifindex = native.interfaceIndex(name)
  if (ifindex === 0)
    throw new AttachError(`interface ${name} does not exist; "ip link" lists those that do, "interfaces" names ours`)
  const driver = native.interfaceDriver(name)
  const wanted = request.hook === 'auto' ? (xdpDrivers.has(driver) ? 'xdp' : 'tc') : request.hook
  try {
    attachTc(options, name, ifindex)
  } catch (error) {
    throw new AttachError(`cannot attach to ${name} under TC: ${String(error)}`, { cause: error })
  }
  if (wanted === 'tc') {
    removeXdp(options.pins, 'xdp', name)
    removeXdp(options.pins, 'generic', name)
    const note = request.hook === 'auto' ? `driver ${driver || 'unknown'}: TC keeps its offloads` : ''
    return { name, ifindex, hook: 'tc', note }
  }
  try {
    attachXdp(options, name, ifindex, wanted === 'xdp' ? 'xdp' : 'generic')
    return { name, ifindex, hook: wanted, note: '' }
  } catch (error) {
    if (request.hook !== 'auto')
      throw new AttachError(`cannot attach to ${name} under ${wanted}: ${String(error)}; try "hook: tc"`, {
        cause: error,
      })
    return { name, ifindex, hook: 'tc', note: `XDP was refused by driver ${driver}: ${String(error)}` }
  }
}

/** Takes links away whose device the configuration no longer names. */
const removeOthers = (options: AttachOptions, requests: readonly InterfaceRequest[]): void => {
  const wanted = new Set(requests.flatMap(({ name }) => pinKinds.map((kind) => pinName(kind, name))))
  for (const entry of readdirSync(options.pins)) {
    if (wanted.has(entry)) continue
    if (entry.startsWith('clsact-')) {
      removeClsact(join(options.pins, entry), options.log)
      continue
    }
    const link = native.pinGet(join(options.pins, entry))
    rmSync(join(options.pins, entry))
    try {
      native.linkDetach(link)
    } catch (error) {
      options.log.debug({ link: entry, error: String(error) }, 'a link whose device has gone was let go')
    } finally {
      native.fdClose(link)
    }
  }
}

/** Attaches to all devices, or throws for the first that cannot be. */
export const attach = (options: AttachOptions, requests: readonly InterfaceRequest[]): readonly InterfaceStatus[] => {
  mkdirSync(options.pins, { recursive: true, mode: 0o700 })
  removeOthers(options, requests)
  return requests.map((request) => {
    const status = attachOne(options, request)
    options.log.info({ ...status }, 'attached')
    return status
  })
}

/** Detaches from everything for good: what `sluice unload` and `--fresh` do. */
export const detachAll = (options: Omit<AttachOptions, 'programs'>): void => {
  if (!existsSync(options.pins)) return
  removeOthers({ ...options, programs: { xdp: -1, tc: -1, expire: -1 } }, [])
}
