// `icmp_error`: ICMP errors for a flow between the families.

import { parseIp } from '../../../wire/ip-packet.ts'
import { drop, send } from '../handler.ts'
import { translateIcmpError } from '../icmp-translate.ts'
import type { Handler } from '../handler.ts'

export const icmpErrorHandler: Handler = {
  reason: 'icmp_error',
  handle: ({ cut, flow, packet }) => {
    if (flow === null) return drop('no flow')
    if (cut) return drop('too long')
    return send(translateIcmpError(parseIp(packet), flow))
  },
}
