// Types of the elements about nodes, identities and slices (TS 38.413, 9.3 and 9.4.5).

import { bits, bitString, choice, enumerated, extension, identity, integer, list, nodeName } from '../aper/index.ts'
import { octetNumber, octets, octetString, optional, plmnIdentity, sequence, text } from '../aper/index.ts'
import { transportLayerAddress, ueId, visited } from '../aper/index.ts'
import type { ValueOf } from '../aper/index.ts'
import { cause } from './causes.ts'

const hex = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0')

const mostUes = 65_536
const mostGuamis = 256
const mostPlmns = 12
const mostSlices = 1024
const mostTrackingAreas = 256
const mostAssociations = 32

export const amfUeNgapId = ueId('amf-ue', 2 ** 40 - 1)
export const ranUeNgapId = ueId('ran-ue', 2 ** 32 - 1)

export const ueNgapIds = choice({
  pair: sequence({ amfUeNgapId, ranUeNgapId }),
  amfUeNgapId,
  extension,
})

export const connections = list(
  sequence({ amfUeNgapId: optional(amfUeNgapId), ranUeNgapId: optional(ranUeNgapId) }),
  1,
  mostUes,
)

export const resetType = choice({ all: enumerated(['reset-all'], []), part: connections, extension })

/** Set and pointer name an AMF, in a region that is not said. */
export const fiveGSTmsi = identity(
  's-tmsi',
  sequence({ set: bits(10), pointer: bits(6), tmsi: octetNumber(4) }),
  ({ pointer, set, tmsi }) => `0x${hex((set << 6) | pointer, 2)}${hex(tmsi, 4)}`,
)

export const uePagingIdentity = choice({ fiveGSTmsi, extension })

export const guami = identity(
  'guami',
  sequence({ plmn: plmnIdentity, region: bits(8), set: bits(10), pointer: bits(6) }),
  ({ plmn, pointer, region, set }) => `0x${hex(plmn, 3)}${hex(region, 1)}${hex((set << 6) | pointer, 2)}`,
)
export type Guami = ValueOf<typeof guami>

export const servedGuamis = list(sequence({ guami, backupAmfName: optional(nodeName) }), 1, mostGuamis)

export const unavailableGuamis = list(
  sequence({
    guami,
    timerApproach: optional(enumerated(['apply-timer'], [])),
    backupAmfName: optional(nodeName),
  }),
  1,
  mostGuamis,
)

export const extendedName = sequence({ visible: optional(text(1, 150)), utf8: optional(octetString) })

export const amfSetId = bits(10)
export const relativeCapacity = integer(0, 255)
export const timeToWait = enumerated(['v1s', 'v2s', 'v5s', 'v10s', 'v20s', 'v60s'], [])
export const pagingDrx = enumerated(['v32', 'v64', 'v128', 'v256'], [])
export const requested = enumerated(['requested'], [])
export const uesRetained = enumerated(['ues-retained'], [])

export const rrcEstablishmentCause = enumerated(
  [
    'emergency',
    'highPriorityAccess',
    'mt-Access',
    'mo-Signalling',
    'mo-Data',
    'mo-VoiceCall',
    'mo-VideoCall',
    'mo-SMS',
    'mps-PriorityAccess',
    'mcs-PriorityAccess',
  ],
  ['notAvailable', 'mo-ExceptionData'],
)

export const globalRanNodeId = choice({
  gnb: sequence({ plmn: plmnIdentity, id: choice({ gnbId: bitString(22, 32), extension }) }),
  ngEnb: sequence({
    plmn: plmnIdentity,
    id: choice({ macro: bitString(20, 20), shortMacro: bitString(18, 18), longMacro: bitString(21, 21), extension }),
  }),
  n3iwf: sequence({ plmn: plmnIdentity, id: choice({ n3iwfId: bits(16), extension }) }),
  extension,
})

export const sNssai = sequence({ sst: octetNumber(1), sd: optional(octetNumber(3)) })
const sliceList = list(sequence({ sNssai }), 1, mostSlices)
export const allowedNssai = list(sequence({ sNssai }), 1, 8)
export const plmnSupport = list(sequence({ plmn: plmnIdentity, slices: sliceList }), 1, mostPlmns)

const trackingAreaCode = octetNumber(3)
export const tai = sequence({ plmn: plmnIdentity, tac: trackingAreaCode })
export const taisForPaging = list(sequence({ tai }), 1, 16)
export const supportedTrackingAreas = list(
  sequence({
    tac: trackingAreaCode,
    plmns: list(sequence({ plmn: plmnIdentity, slices: sliceList }), 1, mostPlmns),
  }),
  1,
  mostTrackingAreas,
)

const signallingAddress = visited(transportLayerAddress, (value, visitor) => visitor.address?.(value) ?? value)
const transport = choice({ address: signallingAddress, extension })
const usage = enumerated(['ue', 'non-ue', 'both'], [])
export const associationsFailed = list(sequence({ transport, cause }), 1, mostAssociations)
export const associationsSetUp = list(sequence({ transport }), 1, mostAssociations)
export const associationsToAdd = list(
  sequence({ transport, usage: optional(usage), weight: integer(0, 255) }),
  1,
  mostAssociations,
)
export const associationsToRemove = associationsSetUp
export const associationsToUpdate = list(
  sequence({ transport, usage: optional(usage), weight: optional(integer(0, 255)) }),
  1,
  mostAssociations,
)
export const ranAssociationsToRemove = list(
  sequence({ transport, amfTransport: optional(transport) }),
  1,
  mostAssociations,
)

export const overloadResponse = choice({
  action: enumerated(
    [
      'reject-non-emergency-mo-dt',
      'reject-rrc-cr-signalling',
      'permit-emergency-sessions-and-mobile-terminated-services-only',
      'permit-high-priority-sessions-and-mobile-terminated-services-only',
    ],
    [],
  ),
  extension,
})
export const loadReduction = integer(1, 99)
export const overloadedSlices = list(
  sequence({
    slices: sliceList,
    response: optional(overloadResponse),
    loadReduction: optional(loadReduction),
  }),
  1,
  mostSlices,
)

const criticality = enumerated(['reject', 'ignore', 'notify'])
export const criticalityDiagnostics = sequence({
  procedure: optional(integer(0, 255)),
  triggeringMessage: optional(enumerated(['initiating', 'successful', 'unsuccessful'])),
  procedureCriticality: optional(criticality),
  elements: optional(
    list(
      sequence({ criticality, id: integer(0, 65_535), error: enumerated(['not-understood', 'missing'], []) }),
      1,
      256,
    ),
  ),
})

const eutraCell = sequence({ plmn: plmnIdentity, cell: bitString(28, 28) })
const nrCell = sequence({ plmn: plmnIdentity, cell: bitString(36, 36) })
export const userLocation = choice({
  eutra: sequence({ cell: eutraCell, tai, timeStamp: optional(octetNumber(4)) }),
  nr: sequence({ cell: nrCell, tai, timeStamp: optional(octetNumber(4)) }),
  n3iwf: sequence({ address: transportLayerAddress, port: octetNumber(2, (port) => port) }),
  extension,
})

export const reroutedInformation = sequence({
  configuredNssai: optional(octets(128)),
  rejectedInPlmn: optional(octets(32)),
  rejectedInTrackingArea: optional(octets(32)),
})
