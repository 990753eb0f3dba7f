// What handlers of GTP-U ask about services: who is behind one, and under which TEID clients know a tunnel.

import { endpointKey, serviceKey } from '../../lb/model.ts'
import { addressBytes } from '../../wire/ip.ts'
import { teidBackKey } from '../session-hints.ts'
import type { GtpuErrorOptions } from './handlers/gtpu-error.ts'
import type { Services } from '../services.ts'

type Asked = Pick<GtpuErrorOptions, 'endpoints' | 'clientTeid'>

export const gtpuServices = (services: Pick<Services, 'serviceOf' | 'placed' | 'hints'>): Asked => ({
  endpoints: (id) => {
    const service = services.serviceOf(id)
    const placed = service === undefined ? undefined : services.placed().get(serviceKey(service))
    return (service?.endpoints ?? [])
      .filter((endpoint) => !endpoint.blocked && placed?.endpoints.has(endpointKey(endpoint)))
      .map(({ address, port }) => ({ address: addressBytes(address), port }))
  },
  clientTeid: (service, endpoint, teid) =>
    services.hints.find(teidBackKey(service, endpoint, teid))?.identifier ?? teid,
})
