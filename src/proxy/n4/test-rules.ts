// Rules of a session with local traffic, and a scene for them, for the tests of the N4 proxy.

import { startedBed, upfOf } from './test-bed.ts'
import { chooseOf, groupOf, ipv4, n3Vip, number32, of, pdrIdOf, ueAddressOf } from './test-elements.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { Bed, SimSmf } from './test-bed.ts'
import type { N4Options } from './model.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]
export const user = '10.45.0.1'
const gnb = '10.2.0.1'

interface Scene {
  readonly bed: Bed
  readonly smf: SimSmf
}

export function scene(options: Partial<N4Options> = {}): Scene {
  const bed = startedBed(pool, { localNetworkInstances: ['mec', 'edge'], ...options })
  for (const [i, { address }] of pool.entries()) bed.upf(address).nextTeid = 1 + i * 0x1000
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  return { bed, smf }
}

export const named = (type: number, value: number): PfcpElement => ({ type, value: number32.write(value) })
export const text = (type: number, word: string): PfcpElement => ({ type, value: Buffer.from(word) })

/** An SDF filter; its id where it has one. */
export function sdf(description: string | null, id: number | null = null): PfcpElement {
  const words = description === null ? [] : [0, description.length, ...Buffer.from(description)]
  const behind = id === null ? [] : [...number32.write(id)]
  return of(23, (description === null ? 0 : 1) | (id === null ? 0 : 16), 0, ...words, ...behind)
}
export const to = (place: string): PfcpElement => sdf(`permit out ip from ${place} to assigned`)

export interface PdrOptions {
  readonly precedence?: number
  readonly far: number
  readonly qers?: readonly number[]
  readonly pdi: readonly PfcpElement[]
  readonly more?: readonly PfcpElement[]
}

export const pdr = (id: number, { far, more = [], pdi, precedence = 255, qers = [1] }: PdrOptions): PfcpElement =>
  groupOf(
    1,
    pdrIdOf(id),
    named(29, precedence),
    groupOf(2, ...pdi),
    named(108, far),
    ...qers.map((qer) => named(109, qer)),
    ...more,
  )
export const fromAccess = (...more: readonly PfcpElement[]): readonly PfcpElement[] => [
  of(20, 0),
  chooseOf(5),
  ueAddressOf(user),
  ...more,
]
export const fromNetwork = (...more: readonly PfcpElement[]): readonly PfcpElement[] => [
  of(20, 1),
  ueAddressOf(user),
  ...more,
]

interface FarOptions {
  readonly action?: number
  readonly to?: number
  readonly instance?: string
  readonly tunnel?: readonly [teid: number, address: string]
  readonly more?: readonly PfcpElement[]
}

const parametersOf = ({ instance, more = [], to: side = 1, tunnel }: FarOptions): readonly PfcpElement[] => [
  of(42, side),
  ...(instance === undefined ? [] : [text(22, instance)]),
  ...(tunnel === undefined ? [] : [of(84, 1, 0, ...number32.write(tunnel[0]), ...ipv4(tunnel[1]))]),
  ...more,
]
export const far = (id: number, options: FarOptions): PfcpElement =>
  groupOf(3, named(108, id), of(44, options.action ?? 2), groupOf(4, ...parametersOf(options)))
export const changeFar = (id: number, options: FarOptions): PfcpElement =>
  groupOf(10, named(108, id), of(44, options.action ?? 2), groupOf(11, ...parametersOf(options)))
export const qer = (id: number, qfi: number | null, gates = 0): PfcpElement =>
  groupOf(7, named(109, id), of(25, gates), ...(qfi === null ? [] : [of(124, qfi)]))

export const internet = 1
export const local = 2
export const access = 3
export const down = { to: 0, tunnel: [0x77, gnb] } as const

/** All of a session but for the rule about the local network. */
export const usual = (): readonly PfcpElement[] => [
  pdr(1, { far: internet, pdi: fromAccess() }),
  pdr(2, { far: access, pdi: fromNetwork(text(22, 'internet')) }),
  far(internet, { instance: 'internet' }),
  far(local, { instance: 'mec' }),
  far(access, down),
  qer(1, 9),
]
export const localRule = (...filters: readonly PfcpElement[]): PfcpElement =>
  pdr(3, { precedence: 10, far: local, pdi: fromAccess(...filters) })

export const six = of(93, 1, ...Buffer.from('20010db8000000050000000000000001', 'hex'))

export const whole = {
  ueAddresses: [user],
  uplink: { address: n3Vip, teid: 1 },
  downlink: { address: gnb, teid: 0x77 },
  classifiers: [{ prefix: '192.168.5.0/24', qfi: 9 }],
}
