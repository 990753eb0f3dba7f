// `delete lb`: by address and port, by name, or all that the API made.

import { parseAddress } from '../arguments.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { usage } from '../errors.ts'
import type { Io } from '../io.ts'
import { listenersOf, placeText } from './create.ts'
import type { ListenerOptions } from './create.ts'

export interface DeleteOptions extends GlobalOptions, ListenerOptions {
  readonly name?: string
  readonly all?: true
}

const base = '/netlox/v1/config/loadbalancer'

/** Paths to delete, each with its name for people. */
export const deletionsOf = (
  vip: string | undefined,
  options: DeleteOptions,
): readonly (readonly [string, string])[] => {
  const listeners = listenersOf(options)
  const ways = [vip !== undefined || listeners.length > 0, options.name !== undefined, options.all === true]
  if (ways.filter(Boolean).length !== 1) {
    throw usage('say what to delete, in one way: VIP with --tcp, --udp, --sctp or --icmp, or --name=NAME, or --all')
  }
  if (options.all === true) return [[`${base}/all`, 'all services of the API']]
  if (options.name !== undefined) return [[`${base}/name/${encodeURIComponent(options.name)}`, options.name]]
  if (vip === undefined) throw usage('the virtual address is missing: sluice delete lb VIP --tcp=PORT')
  if (listeners.length === 0)
    throw usage('say which service of the address: --tcp=PORT, --udp=PORT, --sctp=PORT or --icmp')
  const address = parseAddress(vip)
  const query = options.mark === undefined ? '' : `?block=${options.mark}`
  return listeners.map((listener) => {
    const { protocol, port, lastPort } = listener
    const range = lastPort === port ? '' : `/portmax/${lastPort}`
    const place = `externalipaddress/${encodeURIComponent(address)}/port/${port}${range}/protocol/${protocol}`
    return [`${base}/${place}${query}`, placeText(address, listener)]
  })
}

export const deleteLb = async (io: Io, vip: string | undefined, options: DeleteOptions): Promise<void> => {
  const deletions = deletionsOf(vip, options)
  const client = await connect(io, options)
  for (const [path, name] of deletions) {
    await client.remove(path)
    io.say(`lb ${name} deleted`)
  }
}
