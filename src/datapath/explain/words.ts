// An explanation for people: a line for each step, the way out, and what became of the packet.

import type { FlowAction } from '../layout.gen.ts'
import type { Explained } from './explain.ts'
import type { Addresses, FlowFound, Side, Step } from './steps.ts'

export interface Line {
  /** who says so: `xdp`, `tc` or nothing */
  readonly hook: string
  readonly step: string
  readonly text: string
}

const sideText = ({ address, port }: Side): string =>
  port === 0 ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

const wayText = ({ from, to }: Pick<Addresses, 'from' | 'to'>): string => `${sideText(from)} to ${sideText(to)}`

/** That of mode `masquerade` is no address. */
const endpointText = (endpoint: Side): string =>
  ['0.0.0.0', '::'].includes(endpoint.address) ? 'where it is addressed to' : sideText(endpoint)

const flowText = (flow: FlowFound): string =>
  `known, the ${flow.side}'s side, ${flow.state}: service ${flow.service}, endpoint ${endpointText(flow.endpoint)}; ` +
  `becomes ${wayText({ from: flow.newFrom, to: flow.newTo })}`

const actionTexts: Readonly<Record<FlowAction, string>> = {
  nat: 'new addresses and ports',
  nat64: 'IPv6 becomes IPv4',
  nat46: 'IPv4 becomes IPv6',
  l2: 'direct return: only the MAC addresses change',
  encap_ip: 'direct return: an IP header in front',
  encap_gue: 'direct return: IP, UDP and GUE in front',
  encap_gtpu: 'to a user: IP, UDP and GTP-U of its tunnel in front',
}

const insertTexts = { made: 'made', taken: 'is there already', 'no room': 'no room in the table' } as const

const textOf = (step: Step): readonly [name: string, text: string] => {
  switch (step.kind) {
    case 'parsed':
      return ['packet', `${step.protocol} ${wayText(step)}${step.packet === 'plain' ? '' : `, ${step.packet}`}`]
    case 'flow':
      return ['flow', step.flow === null ? `none for ${wayText(step)}` : flowText(step.flow)]
    case 'service': {
      const place = `${sideText(step.to)}/${step.protocol}`
      if (step.service === null) return ['service', `none at ${place}`]
      const { id, name } = step.service
      return ['service', `${name ?? 'without a name here'} (id ${id}) at ${place}`]
    }
    case 'session': {
      const { kind, key, service } = step.session
      const hint = step.hint === null ? 'no hint' : `hint to ${sideText(step.hint)}`
      return ['session', `${kind} ${key} of service ${service.name ?? service.id}: ${hint}`]
    }
    case 'selected':
      return [
        'endpoint',
        step.endpoint === null ? `none: ${step.verdict}` : `${endpointText(step.endpoint)} (id ${step.endpoint.id})`,
      ]
    case 'route':
      return ['route', `${wayText(step)}: ${step.device === null ? step.refusal : `leaves by ${step.device.name}`}`]
    case 'inserted':
      return ['new flow', `entry for ${wayText(step)}: ${insertTexts[step.result]}`]
    case 'translated':
      return ['translate', `${wayText(step)}: ${actionTexts[step.action]}`]
    case 'verdict':
      return ['verdict', step.verdict]
    default: {
      const never: never = step
      return never
    }
  }
}

const egressText = (egress: NonNullable<Explained['egress']>): string =>
  egress.kind === 'asks'
    ? "the kernel asks for the next hop's MAC address first"
    : `${egress.device}, from ${egress.sourceMac} to ${egress.destinationMac}` +
      (egress.remembered ? ' (the flow remembers this)' : '')

const frameLine = (packet: Addresses | null, hook: string): Line => ({
  hook,
  step: 'packet',
  text: packet === null ? 'not IP, or its IP header lies' : `${packet.protocol} ${wayText(packet)}`,
})

export const linesOf = ({ packet, steps, egress, verdict }: Explained): readonly Line[] => [
  // Programs that look for session keys, or at ICMP errors, do not tell what they read.
  ...(steps.some(({ kind }) => kind === 'parsed') ? [] : [frameLine(packet, steps[0]?.hook ?? '')]),
  ...steps.map((step) => {
    const [name, text] = textOf(step)
    return { hook: step.hook, step: name, text }
  }),
  ...(egress === null ? [] : [{ hook: verdict.hook, step: 'sent by', text: egressText(egress) }]),
]
