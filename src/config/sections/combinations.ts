// What cannot stand together in a service: a rule each, with its name and its reason. docs/support-matrix.md names
// these rules in the cells that are refused, and a test can compare.

import { masqueradeRules } from './rules/masquerade.ts'
import { n6Rules } from './rules/n6.ts'
import { modeRules } from './rules/modes.ts'
import { protocolRules } from './rules/protocols.ts'
import { proxyRules } from './rules/proxy.ts'
import { selectRules } from './rules/selects.ts'
import { isEverywhere, type Encapsulation, type Family, type Mode, type Transport } from '../../lb/model.ts'
import type { Path } from '../errors.ts'
import type { Rule } from './rules/rule.ts'
import type { LooseService } from './service-schema.ts'

export const rules: readonly Rule[] = [
  ...modeRules,
  ...masqueradeRules,
  ...proxyRules,
  ...n6Rules,
  ...protocolRules,
  ...selectRules,
]

/** Everything of a service that cannot stand together. */
export const checkCombinations = (service: LooseService, report: (path: Path, message: string) => void): void => {
  for (const rule of rules) {
    for (const { path, wrong, remedy } of rule.find(service)) {
      report(path, `${wrong}: ${rule.reason}; ${remedy} (${rule.name})`)
    }
  }
}

/** A cell of docs/support-matrix.md. In mode masquerade the endpoint's family is that of the pool. */
export interface Cell {
  readonly protocol: Transport
  readonly vip: Family
  readonly endpoint: Family
  readonly mode: Mode
  /** null: not mode dsr */
  readonly encapsulation: Encapsulation | null
}

const sample = { 4: '192.0.2.1', 6: '2001:db8::1' } as const
const sampleServer = { 4: '10.0.0.1', 6: 'fd00::1' } as const
const everyAddress = { 4: '0.0.0.0', 6: '::' } as const

/** The rule that refuses every service of a cell; undefined where there can be one. */
export const refusalOf = ({ protocol, vip, endpoint, mode, encapsulation }: Cell): Rule | undefined => {
  const masquerades = mode === 'masquerade'
  const service: LooseService = {
    vip: isEverywhere({ mode }) ? everyAddress[vip] : sample[vip],
    ...(protocol !== 'icmp' && { port: masquerades ? 'any' : 80 }),
    protocol,
    mode,
    ...(encapsulation !== null && { encapsulation }),
    select: 'rr',
    ...(masquerades
      ? { allowedSources: [`${sampleServer[vip]}/32`], sources: [sample[endpoint]] }
      : { endpoints: [{ address: sampleServer[endpoint] }] }),
  }
  return rules.find((rule) => rule.find(service).length > 0)
}
