// What a service with select n4 and the service that it names in `n4.tunnels` must be to each other, so that what its
// UPFs and SMFs agree on can be led where it belongs.

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
  readonly teidRange?: string | null | undefined
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
]
