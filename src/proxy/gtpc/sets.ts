// Delete PDN Connection Set Request (TS 29.274, 7.2.31; TS 23.007, 17): a node has lost all sessions of the sets that
// it names. Whoever is at the other side of any of them is told.

import { requestSetDeletion } from './cleaning.ts'
import { setElements } from './v2.ts'
import { join } from '../../wire/fields.ts'
import type { Asked } from './relaying.ts'
import type { GtpcState } from './state.ts'
import type { Tunnel } from './tunnels.ts'

export function onSetDeletion(state: GtpcState, { dialect, exchange, from, message }: Asked): void {
  const elements = setElements(message)
  const { accepted, missing } = dialect.causes
  if (elements.length === 0) return state.refuse(dialect, exchange, 0, missing)
  const named = new Set(elements.flatMap(({ sets }) => sets))
  const path = state.gateways.get(from.address)?.paths.get(2)
  const ofGateway = [...(path?.sets.of(named) ?? [])]
  const ofClient = [...(state.clients.get(from.address)?.sets.of(named) ?? [])]
  const bytes = join(...elements.map((element) => element.bytes))
  // The answer says that the request was understood; it does not wait for what others do.
  state.respond(2, exchange, dialect.answer(exchange.type + 1, 0, exchange.sequence, accepted))
  tell(state, new Set(ofGateway.map(({ client }) => client.address)), bytes)
  tell(state, new Set(ofClient.map((tunnel) => tunnel.path.gateway.config.address)), bytes)
  remove(state, [...ofGateway, ...ofClient])
}

function tell(state: GtpcState, addresses: ReadonlySet<string>, elements: Uint8Array): void {
  let told = 0
  for (const address of addresses) {
    if (told++ >= state.limits.sets) return state.counters.add('sets-untold')
    requestSetDeletion(state, address, elements)
  }
}

function remove(state: GtpcState, tunnels: readonly Tunnel[]): void {
  state.counters.add('sessions-of-deleted-sets', tunnels.length)
  for (const tunnel of tunnels) state.removeTunnel(tunnel)
}
