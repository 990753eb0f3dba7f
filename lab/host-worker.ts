// The thread of one lab host: enters the host's network namespace once and stays there. Functions that open sockets run
// here, so that the sockets belong to the host, those they open later too.

import { parentPort, workerData } from 'node:worker_threads'

import { native } from '../native/load.ts'

export interface WorkerData {
  readonly namespacePath: string
}

export type Request =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly module: string
      readonly name: string
      readonly args: readonly unknown[]
    }
  | {
      readonly kind: 'open'
      readonly id: number
      readonly module: string
      readonly name: string
      readonly args: readonly unknown[]
    }
  | {
      readonly kind: 'use'
      readonly id: number
      readonly object: number
      readonly method: string
      readonly args: readonly unknown[]
    }

export type Reply = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: Error }

type AnyFunction = (...args: readonly unknown[]) => unknown

const importFunction = async (module: string, name: string): Promise<AnyFunction> => {
  const exports = (await import(module)) as Readonly<Record<string, unknown>>
  const value = exports[name]
  if (typeof value !== 'function') throw new Error(`${module} exports no function ${name}`)
  return value as AnyFunction
}

const serve = (port: NonNullable<typeof parentPort>, data: WorkerData): void => {
  native.enterNetworkNamespace(data.namespacePath)
  /** What `open` made, by the number of the request that made it. */
  const objects = new Map<number, Readonly<Record<string, AnyFunction>>>()

  const perform = async (request: Request): Promise<unknown> => {
    switch (request.kind) {
      case 'call':
        return (await importFunction(request.module, request.name))(...request.args)
      case 'open': {
        const object = await (await importFunction(request.module, request.name))(...request.args)
        objects.set(request.id, object as Readonly<Record<string, AnyFunction>>)
        return undefined
      }
      case 'use': {
        const method = objects.get(request.object)?.[request.method]
        if (method === undefined) throw new Error(`the object has no method ${request.method}`)
        return method(...request.args)
      }
      default:
        return request satisfies never
    }
  }

  port.on('message', (request: Request) => {
    perform(request).then(
      (result) => port.postMessage({ id: request.id, result } satisfies Reply),
      (error: unknown) => {
        const reply = { id: request.id, error: error instanceof Error ? error : new Error(String(error)) }
        port.postMessage(reply satisfies Reply)
      },
    )
  })
}

if (parentPort !== null) serve(parentPort, workerData as WorkerData)
