// Types of the elements about nodes and identities (TS 36.413, 9.2 and 9.3.4).

import { bitString, boundedOctets, choice, definitionsOf, enumerated, identity, list } from '../aper/index.ts'
import { octetNumber, optional, plmnIdentity, sequence, singleElement, ueId } from '../aper/index.ts'
import { elementNames } from './element-names.ts'

const hex = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0')

const mostReset = 256

export const mmeUeS1apId = ueId('mme-ue', 2 ** 32 - 1)
export const enbUeS1apId = ueId('enb-ue', 2 ** 24 - 1)

export const ueS1apIds = choice({ pair: sequence({ mmeUeS1apId, enbUeS1apId }), mmeUeS1apId }, { extensible: true })

/** Each one is an element of its own. */
export const connections = list(
  singleElement(
    definitionsOf(elementNames, [
      [91, sequence({ mmeUeS1apId: optional(mmeUeS1apId), enbUeS1apId: optional(enbUeS1apId) })],
    ]),
  ),
  1,
  mostReset,
)

export const resetType = choice({ all: enumerated(['reset-all'], []), part: connections }, { extensible: true })

export const sTmsi = identity(
  's-tmsi',
  sequence({ mmeCode: octetNumber(1), tmsi: octetNumber(4) }),
  ({ mmeCode, tmsi }) => `0x${hex(mmeCode, 1)}${hex(tmsi, 4)}`,
)

/** Digits from the lower half of each byte on; a half that is 15 fills up. */
const digits = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) for (const half of [byte & 15, byte >> 4]) if (half < 10) text += half
  return text
}

const imsi = identity('imsi', boundedOctets(3, 8), digits)
export const uePagingId = choice({ sTmsi, imsi }, { extensible: true })

const groupId = octetNumber(2)
const mmeCode = octetNumber(1)

export const gummei = identity(
  'guami',
  sequence({ plmn: plmnIdentity, groupId, mmeCode }),
  (value) => `0x${hex(value.plmn, 3)}${hex(value.groupId, 2)}${hex(value.mmeCode, 1)}`,
)

export const gummeis = list(gummei, 1, 256)

/** Every MME code goes with every group, in every PLMN of the item. */
export const servedGummeis = list(
  sequence({ plmns: list(plmnIdentity, 1, 32), groupIds: list(groupId, 1, 65_535), mmeCodes: list(mmeCode, 1, 256) }),
  1,
  8,
)

export const globalEnbId = sequence({
  plmn: plmnIdentity,
  id: choice({ macro: bitString(20, 20), home: bitString(28, 28) }, { extensible: true }),
})

export const timeToWait = enumerated(['v1s', 'v2s', 'v5s', 'v10s', 'v20s', 'v60s'], [])
export const pagingDrx = enumerated(['v32', 'v64', 'v128', 'v256'], [])

export const rrcEstablishmentCause = enumerated(
  ['emergency', 'highPriorityAccess', 'mt-Access', 'mo-Signalling', 'mo-Data'],
  ['delay-TolerantAccess', 'mo-VoiceCall', 'mo-ExceptionData'],
)

const trackingAreaCode = octetNumber(2)
export const tai = sequence({ plmn: plmnIdentity, tac: trackingAreaCode })
export const supportedTrackingAreas = list(sequence({ tac: trackingAreaCode, plmns: list(plmnIdentity, 1, 6) }), 1, 256)
export const cell = sequence({ plmn: plmnIdentity, cell: bitString(28, 28) })
