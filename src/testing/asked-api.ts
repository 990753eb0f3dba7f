// Requests as clients send them: over the socket of a real API, over a datapath without a kernel.

import test from 'ava'
import { request } from 'node:http'
import type { FlowStatus } from '../lb/datapath.ts'
import { serveForTest } from './served-api.ts'
import type { ExecutionContext } from 'ava'
import type { ServedApi } from './served-api.ts'

interface Answer {
  readonly status: number
  readonly text: string
  readonly body: unknown
}

export type Ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>

/** Strings go as they are, all else as JSON. */
const asker =
  (served: ServedApi): Ask =>
  (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const outgoing = request(
        {
          socketPath: served.socketPath,
          method,
          path,
          agent: false,
          headers: {
            ...(payload !== undefined && {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(payload),
            }),
            ...headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (part: string) => (text += part))
          response.on('end', () => {
            const parsed: unknown = text === '' ? null : JSON.parse(text)
            resolve({ status: response.statusCode ?? 0, text, body: parsed })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(payload)
    })

export const withApi = (
  title: string,
  run: (t: ExecutionContext, ask: Ask, served: ServedApi) => Promise<void>,
  configText?: string,
): void => {
  test(title, async (t) => {
    const served = await serveForTest(configText === undefined ? {} : { configText })
    try {
      await run(t, asker(served), served)
    } finally {
      await served.close()
    }
  })
}

export const lb = '/netlox/v1/config/loadbalancer'
export const entry = (
  args: object = {},
  endpoints: readonly object[] = [{ endpointIP: '10.1.0.1', targetPort: 8080, weight: 1 }],
) => ({
  serviceArguments: { externalIP: '10.0.0.1', port: 80, protocol: 'tcp', ...args },
  endpoints,
})
export const fileConfig = `version: 1
interfaces: [{ name: eth0 }]
services:
  - { name: fixed, vip: 10.0.0.2, port: 80, protocol: tcp, endpoints: [{ address: 10.1.0.1 }] }
`

export const flow = (service: FlowStatus['service']): FlowStatus => ({
  protocol: 'udp',
  state: 'replied',
  client: { address: '10.9.0.1', port: 40000 },
  vip: { address: '10.0.0.1', port: 80 },
  source: { address: '10.9.0.1', port: 40000 },
  endpoint: { address: '10.1.0.1', port: 8080, weight: 1 },
  service,
  serviceName: 'inside',
  mode: 'dnat',
  toEndpoint: { packets: 2n, bytes: 9007199254740993n },
  toClient: { packets: 1n, bytes: 3n },
  idleMs: 5,
})
