// Which devices take frames from an XDP redirect. Kernels from 6.3 on say so through the generic netlink family
// `netdev`; its numbers are those of linux/netdev.h (Documentation/netlink/specs/netdev.yaml), written out here because
// the headers of the oldest systems we build on do not have that file. For older kernels there is a list of drivers.

import {
  bigNumberOf,
  encodePayload,
  KernelError,
  listAttributes,
  numberOf,
  parseAttributes,
  text,
  textOf,
  type Message,
} from './netlink.ts'
import { families, NetlinkSocket } from './netlink-socket.ts'

const genericHeaderBytes = 4 // command u8, version u8, reserved u16
const controlFamily = 0x10 // GENL_ID_CTRL
const controlGetFamily = 3 // CTRL_CMD_GETFAMILY
const controlAttributes = { familyId: 1, familyName: 2, groups: 7 } as const
const groupAttributes = { name: 1, id: 2 } as const

const netdevName = 'netdev'
const netdevGetDevice = 1 // NETDEV_CMD_DEV_GET
const netdevChanges = 'mgmt' // NETDEV_MCGRP_MGMT
const netdevAttributes = { ifindex: 1, xdpFeatures: 3 } as const // NETDEV_A_DEV_*
const redirectTarget = 4n // NETDEV_XDP_ACT_NDO_XMIT

/**
 * Drivers with an ndo_xdp_xmit, for kernels that do not say. Most of them transmit only while the device itself has an
 * XDP program, which is so for every device we are attached to. A veth is left out on purpose: it drops every frame
 * while its peer has no NAPI, which cannot be seen from here, and without the flag its packets merely take the TC way.
 */
const transmittingDrivers: ReadonlySet<string> = new Set([
  'atlantic',
  'bnxt_en',
  'ena',
  'fsl_dpaa2_eth',
  'fsl_enetc',
  'fsl_enetc_vf',
  'hv_netvsc',
  'i40e',
  'ice',
  'igb',
  'igc',
  'ixgbe',
  'mlx5_core',
  'mvneta',
  'mvpp2',
  'qede',
  'sfc',
  'thunder-nicvf',
  'tsnep',
  'tun',
  'virtio_net',
])

export interface NetdevFamily {
  readonly id: number
  /** the multicast group that hears of changes; null when there is none */
  readonly changes: number | null
}

export class XdpFeatures {
  readonly #socket: NetlinkSocket
  /** null on kernels that do not have it */
  readonly family: NetdevFamily | null

  private constructor(socket: NetlinkSocket, family: NetdevFamily | null) {
    this.#socket = socket
    this.family = family
  }

  static async open(): Promise<XdpFeatures> {
    const socket = NetlinkSocket.open(families.generic)
    try {
      return new XdpFeatures(socket, await findFamily(socket))
    } catch (error) {
      socket.close()
      throw error
    }
  }

  /** Says of a device whether it takes redirected frames, as of now. */
  async read(): Promise<(ifindex: number, driver: string) => boolean> {
    if (this.family === null) return (_ifindex, driver) => transmittingDrivers.has(driver)
    const messages = await this.#socket.dump({
      type: this.family.id,
      flags: 0,
      payload: encodePayload(genericHeader(netdevGetDevice), []),
      what: 'the XDP features of all devices',
    })
    const transmitting = new Set(messages.filter((message) => transmits(message.payload)).map(deviceOf))
    return (ifindex) => transmitting.has(ifindex)
  }

  close(): void {
    this.#socket.close()
  }
}

async function findFamily(socket: NetlinkSocket): Promise<NetdevFamily | null> {
  try {
    const [answer] = await socket.request({
      type: controlFamily,
      flags: 0,
      payload: encodePayload(genericHeader(controlGetFamily), [text(controlAttributes.familyName, netdevName)]),
      what: `the generic netlink family "${netdevName}"`,
    })
    return answer === undefined ? null : parseFamily(answer.payload)
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT') return null
    throw error
  }
}

export function parseFamily(payload: Uint8Array): NetdevFamily | null {
  const attributes = parseAttributes(payload, genericHeaderBytes)
  const id = attributes.get(controlAttributes.familyId)
  if (id === undefined) return null
  const groups = listAttributes(attributes.get(controlAttributes.groups) ?? new Uint8Array(0), 0)
  for (const { value } of groups) {
    const group = parseAttributes(value, 0)
    const name = group.get(groupAttributes.name)
    const groupId = group.get(groupAttributes.id)
    if (name !== undefined && groupId !== undefined && textOf(name) === netdevChanges)
      return { id: numberOf(id), changes: numberOf(groupId) }
  }
  return { id: numberOf(id), changes: null }
}

export function transmits(payload: Uint8Array): boolean {
  const features = parseAttributes(payload, genericHeaderBytes).get(netdevAttributes.xdpFeatures)
  return features !== undefined && (bigNumberOf(features) & redirectTarget) !== 0n
}

function deviceOf({ payload }: Message): number {
  const ifindex = parseAttributes(payload, genericHeaderBytes).get(netdevAttributes.ifindex)
  return ifindex === undefined ? 0 : numberOf(ifindex)
}

const genericHeader = (command: number): Uint8Array => Uint8Array.of(command, 1, 0, 0)
