// Server ids of QUIC connection ids, as hints: a client that changes its address keeps its endpoint. Ids that are
// encrypted are not read by the fast path, and need none.

import { hintKey } from './hints.ts'
import { hintKind } from './layout.gen.ts'
import type { KeyedHint } from './hints.ts'
import type { HintKey } from './layout.gen.ts'
import { endpointKey, type EndpointKey, type Service } from '../lb/model.ts'

const serverIdBytes = (serverId: string): Uint8Array => Uint8Array.from(Buffer.from(serverId, 'hex'))

/** `endpoints` has the id of each. */
export const quicHints = (
  id: number,
  service: Service,
  endpoints: ReadonlyMap<EndpointKey, number>,
): readonly KeyedHint[] => {
  if (service.quic === null || service.quic.key !== null) return []
  return service.endpoints.flatMap((endpoint) =>
    endpoint.serverId === null
      ? []
      : [
          {
            key: hintKey(id, hintKind.quic, serverIdBytes(endpoint.serverId)),
            hint: { endpoint: endpoints.get(endpointKey(endpoint))!, identifier: 0, flags: 0, lifetimeMs: 0 },
          },
        ],
  )
}

/** Whether a hint for QUIC is one of the service as it is now. */
export const isQuicHintOf = (service: Service, key: HintKey): boolean =>
  service.endpoints.some(
    ({ serverId }) =>
      serverId !== null && Buffer.compare(serverIdBytes(serverId), key.bytes.subarray(0, key.length)) === 0,
  )
