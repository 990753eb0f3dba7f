// Puts the programs on network devices. Links are pinned, so they outlive the daemon; at the next start the program of a
// link is swapped in place, without a packet missed. TC is attached always, XDP in front of it where that is wanted: what
// XDP cannot finish, TC does.

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
class AttachError extends Error {
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

/** bpffs refuses dots, which device names may hold. */
const pinName = (kind: 'tc' | 'xdp' | 'clsact', device: string): string =>
  `${kind}-${device.replace(/[%.]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)}`

const deviceName = (pin: string): string => decodeURIComponent(pin.slice(pin.indexOf('-') + 1))

/** Uses the pinned link if it still is on this device; otherwise makes a new one and pins it. */
const keepLink = (path: string, ifindex: number, program: number, create: () => number): void => {
  if (existsSync(path)) {
    const link = native.pinGet(path)
    try {
      if (native.linkInfo(link).ifindex === ifindex) {
        native.linkUpdate(link, program)
        return
      }
    } finally {
      native.fdClose(link)
    }
    rmSync(path) // its device has gone; a new one has the name
  }
  const link = create()
  try {
    native.pin(link, path)
  } finally {
    native.fdClose(link)
  }
}

const attachTc = (options: AttachOptions, name: string, ifindex: number): void => {
  const { programs, pins } = options
  try {
    keepLink(join(pins, pinName('tc', name)), ifindex, programs.tc, () =>
      native.linkTcx(programs.tc, ifindex, 'ingress'),
    )
  } catch (error) {
    if (code(error) !== 'EINVAL') throw error
    native.clsactAttach(programs.tc, ifindex, 'ingress', clsactHandle, clsactPriority)
    // The filter stays by itself; a pin of its program remembers that there is one.
    const marker = join(pins, pinName('clsact', name))
    rmSync(marker, { force: true })
    native.pin(programs.tc, marker)
  }
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

const removeXdp = (pins: string, name: string): void => {
  const path = join(pins, pinName('xdp', name))
  if (!existsSync(path)) return
  const link = native.pinGet(path)
  rmSync(path)
  try {
    native.linkDetach(link)
  } finally {
    native.fdClose(link)
  }
}

const attachXdp = (options: AttachOptions, name: string, ifindex: number, mode: 'native' | 'generic'): void => {
  const { programs, pins } = options
  keepLink(join(pins, pinName('xdp', name)), ifindex, programs.xdp, () => native.linkXdp(programs.xdp, ifindex, mode))
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
    removeXdp(options.pins, name)
    const note = request.hook === 'auto' ? `driver ${driver || 'unknown'}: TC keeps its offloads` : ''
    return { name, ifindex, hook: 'tc', note }
  }
  try {
    attachXdp(options, name, ifindex, wanted === 'xdp' ? 'native' : 'generic')
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
  const wanted = new Set(
    requests.flatMap(({ name }) => [pinName('tc', name), pinName('xdp', name), pinName('clsact', name)]),
  )
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
