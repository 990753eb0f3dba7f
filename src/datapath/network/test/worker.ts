// The thread of one namespace in the tests: enters it once, and holds a Network that lives there.

import { parentPort, workerData } from 'node:worker_threads'
import { native } from '../../../../native/load.ts'
import { Network, type NetworkOptions } from '../index.ts'

/** Methods of Network, and these. */
export interface Request {
  readonly id: number
  readonly method: 'open' | 'events' | keyof Network
  readonly args: readonly unknown[]
}

export type Reply = { readonly id: number } & ({ readonly result: unknown } | { readonly error: Error })

export interface Events {
  readonly routesChanged: number
  readonly settled: number
  readonly log: readonly string[]
}

export type OpenOptions = Omit<NetworkOptions, 'log' | 'onRoutesChanged' | 'onSettled'>

if (parentPort !== null) {
  const port = parentPort
  native.enterNetworkNamespace(workerData as string)
  const events = { routesChanged: 0, settled: 0, log: [] as string[] }
  let network: Network | null = null

  const open = async (options: OpenOptions): Promise<void> => {
    const write = (_fields: object, message: string): void => void events.log.push(message)
    network = await Network.open({
      ...options,
      log: { debug: write, info: write, warn: write, error: write },
      onRoutesChanged: () => events.routesChanged++,
      onSettled: () => events.settled++,
    })
  }

  const perform = async ({ method, args }: Request): Promise<unknown> => {
    if (method === 'open') return await open(args[0] as OpenOptions)
    if (method === 'events') return { ...events, log: [...events.log] } satisfies Events
    if (network === null) throw new Error('no network is open')
    return await (network[method] as (...args: unknown[]) => unknown).apply(network, [...args])
  }

  port.on('message', (request: Request) => {
    perform(request).then(
      (result) => port.postMessage({ id: request.id, result } satisfies Reply),
      (error: unknown) => port.postMessage({ id: request.id, error: error as Error } satisfies Reply),
    )
  })
}
