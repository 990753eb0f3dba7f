// QUIC-LB: connection ids that carry a server id (draft-ietf-quic-load-balancers-21).

export { connectionIds, type ConnectionIds, type QuicLbConfig } from './connection-ids.ts'
export { destinationId } from './header.ts'
