// GTP: user packets in tunnels (GTP-U), and both versions of their control (GTP-C).

export { gtpv1c } from './v1c.ts'
export { gtp, qosFlowOf } from './u.ts'
export { extensionsOf, payloadOf } from './v1-header.ts'
export { spans as spansOfGtpv1 } from './v1-walk.ts'
export { splitGtpv2 } from './v2-codec.ts'
export { spans as spansOfGtpv2 } from './v2-walk.ts'
export { gtpv2 } from './v2.ts'
export type { Gtpv1Message } from './v1-header.ts'
export type { Gtpv2Message } from './v2-codec.ts'
