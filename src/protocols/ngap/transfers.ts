// Types of transfers (TS 38.413, 9.3.4 and 9.4.5): messages for the SMF, or from it, that an AMF carries unread. They
// hold the ends of the GTP tunnels and the QoS flows of a PDU session.

import { choice, definitionsOf, elementSequence, enumerated, extension, integer } from '../aper/index.ts'
import { list, octetNumber, optional, sequence, transportLayerAddress, visited } from '../aper/index.ts'
import type { TunnelRole } from '../aper/index.ts'
import { cause } from './causes.ts'
import { elementNames } from './element-names.ts'
import { criticalityDiagnostics } from './types.ts'

const mostFlows = 64
const mostBearers = 32
const mostConnections = 4

const gtpTunnel = sequence({ address: transportLayerAddress, teid: octetNumber(4) })

const tunnel = (role: TunnelRole): typeof coreTunnel =>
  choice({
    tunnel: visited(gtpTunnel, (value, visitor) => {
      const other = visitor.tunnel?.(value, role) ?? value
      return other === value ? value : { ...value, ...other }
    }),
    extension,
  })
const coreTunnel = choice({ tunnel: gtpTunnel, extension })
const atCore = tunnel('core')
const atRan = tunnel('ran')
const forwarding = tunnel('forwarding')
const coreTunnels = list(sequence({ tunnel: atCore }), 1, mostConnections - 1)
const tunnelPairs = list(sequence({ core: atCore, ran: atRan }), 1, mostConnections - 1)

const qosFlow = visited(integer(0, 63, { extensible: true }), (id, visitor) => {
  visitor.qosFlow?.(id)
  return id
})
const flows = list(sequence({ qosFlow }), 1, mostFlows)
const flowsWithCause = list(sequence({ qosFlow, cause }), 1, mostFlows)

const flowsToForward = list(
  sequence({ qosFlow, forwarding: optional(enumerated(['data-forwarding-accepted'], [])) }),
  1,
  mostFlows,
)

const flowsOfTunnel = sequence({
  tunnel: atRan,
  flows: list(sequence({ qosFlow, mapping: optional(enumerated(['ul', 'dl'], [])) }), 1, mostFlows),
})
const flowsOfTunnels = list(sequence({ tunnel: flowsOfTunnel }), 1, mostConnections - 1)

const bitRate = integer(0, 4_000_000_000_000, { extensible: true })
const lossRate = integer(0, 1000, { extensible: true })
const fiveQi = integer(0, 255, { extensible: true })
const priorityLevel = integer(1, 127, { extensible: true })
const averagingWindow = integer(0, 4095, { extensible: true })
const burstVolume = integer(0, 4095, { extensible: true })
const errorRateDigit = integer(0, 9, { extensible: true })
const bearerId = integer(0, 15, { extensible: true })

const qosParameters = sequence({
  characteristics: choice({
    nonDynamic: sequence({
      fiveQi,
      priorityLevel: optional(priorityLevel),
      averagingWindow: optional(averagingWindow),
      burstVolume: optional(burstVolume),
    }),
    dynamic: sequence({
      priorityLevel,
      delayBudget: integer(0, 1023, { extensible: true }),
      errorRate: sequence({ scalar: errorRateDigit, exponent: errorRateDigit }),
      fiveQi: optional(fiveQi),
      delayCritical: optional(enumerated(['delay-critical', 'non-delay-critical'], [])),
      averagingWindow: optional(averagingWindow),
      burstVolume: optional(burstVolume),
    }),
    extension,
  }),
  retention: sequence({
    priorityLevel: integer(1, 15),
    capability: enumerated(['shall-not-trigger-pre-emption', 'may-trigger-pre-emption'], []),
    vulnerability: enumerated(['not-pre-emptable', 'pre-emptable'], []),
  }),
  guaranteed: optional(
    sequence({
      maximumDownlink: bitRate,
      maximumUplink: bitRate,
      guaranteedDownlink: bitRate,
      guaranteedUplink: bitRate,
      notification: optional(enumerated(['notification-requested'], [])),
      lossRateDownlink: optional(lossRate),
      lossRateUplink: optional(lossRate),
    }),
  ),
  reflective: optional(enumerated(['subject-to'], [])),
  additional: optional(enumerated(['more-likely'], [])),
})

/** The second connection, and what goes through it, of sessions that have two (TS 23.501, 5.33.2.2). */
const redundant = definitionsOf(elementNames, [
  [192, atRan],
  [195, atCore],
])
export const inTransfer = elementSequence(
  definitionsOf(elementNames, [
    [126, coreTunnels],
    [135, list(sequence({ qosFlow, qos: optional(qosParameters), bearerId: optional(bearerId) }), 1, mostFlows)],
    [136, list(sequence({ qosFlow, qos: qosParameters, bearerId: optional(bearerId) }), 1, mostFlows)],
    [137, flowsWithCause],
    [139, atCore],
    [140, list(sequence({ core: atCore, ran: atRan }, redundant), 1, mostConnections)],
    [186, coreTunnels],
    [195, atCore],
  ]),
)

/** What transfers have as their extensions. */
const extensions = definitionsOf(elementNames, [
  [152, flowsOfTunnels],
  [
    153,
    list(
      sequence(
        { ran: atRan, flows: flowsToForward, forwarding: optional(forwarding) },
        definitionsOf(elementNames, [[183, atRan]]),
      ),
      1,
      mostConnections - 1,
    ),
  ],
  [154, tunnelPairs],
  [155, flowsOfTunnels],
  [164, forwarding],
  [172, list(sequence({ tunnel: forwarding }), 1, mostConnections - 1)],
  [184, flowsOfTunnels],
  [185, tunnelPairs],
  [192, atRan],
  [193, flowsOfTunnel],
  [195, atCore],
])

const protection = enumerated(['required', 'preferred', 'not-needed'], [])
const performed = enumerated(['performed', 'not-performed'], [])
const securityResult = sequence({ integrity: performed, confidentiality: performed })
const securityIndication = sequence({
  integrity: protection,
  confidentiality: protection,
  uplinkRate: optional(enumerated(['bitrate64kbs', 'maximum-UE-rate'], [])),
})

const forwardedBearers = list(
  sequence({
    bearerId: integer(1, 32, { extensible: true }),
    downlink: optional(forwarding),
    uplink: optional(forwarding),
  }),
  1,
  mostBearers,
)

export const setupResponse = sequence(
  {
    flows: flowsOfTunnel,
    additional: optional(flowsOfTunnels),
    securityResult: optional(securityResult),
    failed: optional(flowsWithCause),
  },
  extensions,
)
export const modifyResponse = sequence(
  {
    ran: optional(atRan),
    core: optional(atCore),
    flows: optional(flows),
    additional: optional(flowsOfTunnels),
    failed: optional(flowsWithCause),
  },
  extensions,
)
export const modifyIndication = sequence({ flows: flowsOfTunnel, additional: optional(flowsOfTunnels) }, extensions)
export const modifyConfirm = sequence(
  {
    flows,
    core: atCore,
    additional: optional(tunnelPairs),
    failed: optional(flowsWithCause),
  },
  extensions,
)
export const notify = sequence(
  {
    flows: optional(
      list(sequence({ qosFlow, notification: enumerated(['fulfilled', 'not-fulfilled'], []) }), 1, mostFlows),
    ),
    released: optional(flowsWithCause),
  },
  extensions,
)
export const handoverAcknowledge = sequence(
  {
    ran: atRan,
    forwarding: optional(forwarding),
    securityResult: optional(securityResult),
    flows: flowsToForward,
    failed: optional(flowsWithCause),
    bearers: optional(forwardedBearers),
  },
  extensions,
)
export const handoverCommand = sequence(
  {
    forwarding: optional(forwarding),
    flows: optional(flows),
    bearers: optional(forwardedBearers),
  },
  extensions,
)
export const handoverRequired = sequence({ directPath: optional(enumerated(['direct-path-available'], [])) })
export const pathSwitch = sequence(
  {
    ran: atRan,
    reused: optional(enumerated(['true'], [])),
    security: optional(sequence({ result: securityResult, indication: securityIndication })),
    flows,
  },
  extensions,
)
export const pathSwitchAcknowledge = sequence(
  { core: optional(atCore), security: optional(securityIndication) },
  extensions,
)
export const failure = sequence({ cause })
export const failureWithDiagnostics = sequence({ cause, diagnostics: optional(criticalityDiagnostics) })
export const releaseResponse = sequence({})
export const suspendRequest = sequence({ indicator: optional(enumerated(['true'], [])) })
export const resume = sequence({ failed: optional(flowsWithCause) })
