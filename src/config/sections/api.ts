// `api`: where REST listens beside the instance's unix socket.

import { isIPv4 } from 'node:net'
import { Type } from 'typebox'
import { section } from '../section.ts'

export interface Api {
  /** null: only the unix socket */
  readonly listen: { readonly host: string; readonly port: number } | null
}

const readListen = (text: string): Api['listen'] => {
  if (text === 'off') return null
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) }
}

export const api = section({
  schema: Type.Object(
    {
      listen: Type.String({
        description:
          'TCP address and port of the REST API, or `off`. Only loopback (127.0.0.0/8 or [::1]) is accepted: whoever ' +
          "reaches it may change everything. The instance's unix socket is always open, to root alone.",
        pattern: '^(off|[^:\\s]+:[0-9]{1,5}|\\[[0-9A-Fa-f:.]+\\]:[0-9]{1,5})$',
        patternErrorMessage: 'must be `off` or an address and a port, for example 127.0.0.1:11111 or "[::1]:11111"',
        default: '127.0.0.1:11111',
      }),
    },
    { description: 'The REST API.', additionalProperties: false, default: {} },
  ),
  applies: 'restart',
  check(value, report) {
    const listen = value.listen === undefined ? null : readListen(value.listen)
    if (listen === null) return
    const loopback = (isIPv4(listen.host) && listen.host.startsWith('127.')) || listen.host === '::1'
    if (!loopback) {
      report(['listen'], `${listen.host} is not loopback: use 127.0.0.1 or [::1], or \`off\` for the unix socket alone`)
    }
    if (listen.port < 1 || listen.port > 65535) report(['listen'], `port ${listen.port} is not one of 1 to 65535`)
  },
  resolve: (value): Api => ({ listen: readListen(value.listen) }),
})
