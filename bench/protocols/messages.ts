// The messages that are read in the rows of decoders: those of the plugins' tests that are of these kinds, which come
// from real peers or from the specifications.

import { Buffer } from 'node:buffer'
import { mandatory, writeAvps, type Avp } from '../../src/protocols/diameter/index.ts'
import { protocolOf } from '../../src/protocols/index.ts'
import type { ProtocolName } from '../../src/protocols/protocol.ts'
import { be32, concat } from '../../src/testing/packets/bytes.ts'
import { knownMessages } from '../../src/testing/vectors/index.ts'

/** Throws where the tests have none: a row must not measure something else. */
export async function messagesNamed(protocol: ProtocolName, names: readonly string[]): Promise<readonly Uint8Array[]> {
  const plugin = protocolOf(protocol)
  if (plugin === undefined) throw new Error(`there is no protocol ${protocol}`)
  const own = (await knownMessages()).filter((one) => one.protocol === protocol && !one.isHostile)
  return names.map((name) => {
    const found = own.find(({ bytes }) => plugin.describe(plugin.decode(bytes)).name === name)
    if (found === undefined) throw new Error(`the tests of ${protocol} have no ${name}`)
    return found.bytes
  })
}

const tgpp = 10_415
const proxiableRequest = 0xc0
const updateLocation = 316
const s6a = 0x0100_0023

const text = (code: number, value: string): Avp => ({
  code,
  vendor: null,
  flags: mandatory,
  value: new Uint8Array(Buffer.from(value)),
})
const word = (code: number, value: number, vendor: number | null = null): Avp => ({
  code,
  vendor,
  flags: mandatory,
  value: be32(value),
})

/** An Update-Location-Request of 20 AVPs, those in its groups counted. */
export function diameterMessage(): Uint8Array {
  const avps: readonly Avp[] = [
    text(263, 'mme1.epc.mnc001.mcc001.3gppnetwork.org;1876543210;102;s6a'),
    { code: 260, vendor: null, flags: mandatory, value: [word(266, tgpp), word(258, s6a)] },
    word(277, 1),
    text(264, 'mme1.epc.mnc001.mcc001.3gppnetwork.org'),
    text(296, 'epc.mnc001.mcc001.3gppnetwork.org'),
    text(293, 'hss.epc.mnc001.mcc001.3gppnetwork.org'),
    text(283, 'epc.mnc001.mcc001.3gppnetwork.org'),
    text(1, '001010000000001'),
    word(1032, 1004, tgpp),
    word(1405, 34, tgpp),
    { code: 1407, vendor: tgpp, flags: mandatory, value: Uint8Array.of(0, 0xf1, 0x10) },
    word(1615, 0, tgpp),
    { code: 1401, vendor: tgpp, flags: mandatory, value: [text(1402, '35000000000001'), text(1403, '01')] },
    word(1493, 1, tgpp),
    text(282, 'relay1.epc.mnc001.mcc001.3gppnetwork.org'),
    text(282, 'relay2.epc.mnc001.mcc001.3gppnetwork.org'),
  ]
  const body = writeAvps(avps)
  const length = 20 + body.length
  return concat(be32((1 << 24) | length, ((proxiableRequest << 24) | updateLocation) >>> 0, s6a, 1, 2), body)
}
