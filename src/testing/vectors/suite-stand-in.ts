// Stands in for the shared suites while vectors are collected (`index.ts`): keeps what plugins hand to it.

import type { AnyProtocol } from '../../protocols/index.ts'
import type { ProtocolSuite } from '../protocol-suite.ts'

export { fromHex as bytesOf, toHex as hexOf } from '../packets/bytes.ts'

export const suites: { readonly protocol: AnyProtocol; readonly suite: ProtocolSuite }[] = []

export function protocolSuite(protocol: AnyProtocol, suite: ProtocolSuite): void {
  suites.push({ protocol, suite })
}

const idle = (): void => undefined

export { idle as elementSuite, idle as refusalOf, idle as sessionSuite }
