// What a service with select n4 and the service that it names in `n4.tunnels` must be to each other, so that what its
// UPFs and SMFs agree on can be led where it belongs.

import { canonicalAddress } from '../../../wire/ip.ts'
import { refuseIf } from './rule.ts'
import type { Mode, UpfLossPolicy } from '../../../lb/model.ts'
import type { Refusal } from './rule.ts'

/** Of the file, where something may be missing or wrong, or of the model. */
export interface Tunnelling {
  readonly name?: string | undefined
  readonly mode?: Mode | undefined
  readonly n4?: { readonly onLoss?: UpfLossPolicy | undefined } | null | undefined
  readonly endpoints?: readonly (TunnellingEndpoint | undefined)[] | undefined
}

interface TunnellingEndpoint {
  readonly address?: string | undefined
  readonly teidRange?: string | null | undefined
  readonly upf?: { readonly userPlane?: readonly (string | undefined)[] | undefined } | null | undefined
}

interface PairRefusal extends Refusal {
  /** whose the path is */
  readonly at: 'n4' | 'tunnels'
}

export interface PairRule {
  /** stands behind the message, so that it can be looked up */
  readonly name: string
  readonly reason: string
  readonly find: (n4: Tunnelling, tunnels: Tunnelling) => readonly PairRefusal[]
}

const at = (place: PairRefusal['at'], refusals: readonly Refusal[]): readonly PairRefusal[] =>
  refusals.map((refusal) => ({ ...refusal, at: place }))

const spell = (address: string): string => canonicalAddress(address) ?? address

/** Undefined: one of them cannot be read. */
const addressesOf = ({ endpoints = [] }: Tunnelling): readonly string[] | undefined => {
  const found = endpoints.flatMap((endpoint) => endpoint?.address ?? [])
  return found.length === endpoints.length ? found.map(spell) : undefined
}

/** Where each UPF says that it takes GTP-U; undefined: one of them cannot be read. */
const userPlanesOf = ({ endpoints = [] }: Tunnelling): readonly (readonly string[])[] | undefined => {
  const lists = endpoints.map((endpoint) => endpoint?.upf?.userPlane ?? [])
  const found = lists.map((list) => list.flatMap((address) => address ?? []).map(spell))
  return found.every((list, index) => list.length === lists[index]?.length) ? found : undefined
}

export const tunnelRules: readonly PairRule[] = [
  {
    name: 'n4-dsr-restore',
    reason: 'another UPF calls a tunnel by another TEID, which nobody writes in mode dsr',
    find: ({ n4 }, { mode, name }) =>
      at(
        'n4',
        refuseIf(
          n4?.onLoss === 'restore' && mode === 'dsr',
          ['n4', 'onLoss'],
          `restore cannot be with ${name}, which has mode dsr`,
          `write report or refuse, or give ${name} another mode`,
        ),
      ),
  },
  {
    name: 'n4-dsr-ranges',
    reason: 'equal TEIDs of two UPFs are told apart by writing one of them anew, which nobody does in mode dsr',
    find: ({ name }, { endpoints = [], mode }) =>
      mode !== 'dsr' || endpoints.length < 2
        ? []
        : endpoints.flatMap((endpoint, index) =>
            at(
              'tunnels',
              refuseIf(
                endpoint !== undefined && (!('teidRange' in endpoint) || endpoint.teidRange === null),
                ['endpoints', index, 'teidRange'],
                `is missing, and ${name} makes tunnels here`,
                'add the range that this UPF is told to choose its TEIDs from, another one for each',
              ),
            ),
          ),
  },
  {
    name: 'n4-user-plane',
    reason: 'hints lead packets of tunnels to endpoints of the service that takes them, and nowhere else',
    find: (service, tunnels) => {
      const places = addressesOf(tunnels)
      const upfs = addressesOf(service)
      const userPlanes = userPlanesOf(service)
      if (places === undefined || upfs === undefined || userPlanes === undefined) return []
      const isPlace = (address: string): boolean => places.includes(address)
      // An address is one machine's: what another UPF has said, or has for PFCP, is not this one's.
      const isTaken = (place: string, by: number): boolean =>
        upfs.some((address, index) => {
          const own = userPlanes[index] ?? []
          return index !== by && (own.length === 0 ? [address] : own).includes(place)
        })
      const remedy = `make it an endpoint of ${tunnels.name}, or change it`
      const why = places.length === 0 ? 'which has none' : 'as all of them are those of other UPFs'
      return upfs.flatMap((address, index) => {
        const own = userPlanes[index] ?? []
        if (own.length > 0)
          return own.flatMap((one, place) =>
            at(
              'n4',
              refuseIf(
                !isPlace(one),
                ['endpoints', index, 'upf', 'userPlane', place],
                `${one} is no endpoint of ${tunnels.name}`,
                remedy,
              ),
            ),
          )
        return at(
          'n4',
          refuseIf(
            !isPlace(address) && places.every((place) => isTaken(place, index)),
            ['endpoints', index, 'address'],
            `${address} takes GTP-U at no endpoint of ${tunnels.name}, ${why}`,
            'make the address where it does one, and name it in `upf.userPlane` if it is another than this',
          ),
        )
      })
    },
  },
]
