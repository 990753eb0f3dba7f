// Numbers of the elements, causes and flags of TS 29.244 that the proxy acts on. Data.

export const element = {
  createPdr: 1,
  pdi: 2,
  createFar: 3,
  forwardingParameters: 4,
  createQer: 7,
  createdPdr: 8,
  updatePdr: 9,
  updateFar: 10,
  updateForwardingParameters: 11,
  removePdr: 15,
  cause: 19,
  sourceInterface: 20,
  fTeid: 21,
  networkInstance: 22,
  sdfFilter: 23,
  applicationId: 24,
  gateStatus: 25,
  precedence: 29,
  redirectInformation: 38,
  reportType: 39,
  offendingIe: 40,
  forwardingPolicy: 41,
  destinationInterface: 42,
  upFunctionFeatures: 43,
  applyAction: 44,
  loadControl: 51,
  sequenceNumber: 52,
  metric: 53,
  overloadControl: 54,
  timer: 55,
  pdrId: 56,
  fSeid: 57,
  applicationPfds: 58,
  nodeId: 60,
  fqCsid: 65,
  outerHeaderCreation: 84,
  cpFunctionFeatures: 89,
  ueIpAddress: 93,
  recoveryTimeStamp: 96,
  headerEnrichment: 98,
  nodeReportType: 101,
  activatePredefinedRules: 106,
  farId: 108,
  qerId: 109,
  releaseRequest: 111,
  gracefulReleasePeriod: 112,
  failedRuleId: 114,
  userPlaneIpResource: 116,
  activationTime: 121,
  deactivationTime: 122,
  qfi: 124,
  createTrafficEndpoint: 127,
  createdTrafficEndpoint: 128,
  updateTrafficEndpoint: 129,
  removeTrafficEndpoint: 130,
  trafficEndpointId: 131,
  ethernetPacketFilter: 132,
  userId: 141,
  framedRoute: 153,
  framedIpv6Route: 155,
  dnn: 159,
  reportFlags: 161,
  poolIdentity: 177,
  alternativeSmfAddress: 178,
  smfSetId: 180,
  sessionRetention: 183,
  associationResponseFlags: 184,
  cpEntityAddress: 185,
  poolInformation: 233,
  updatedPdr: 256,
  sNssai: 257,
  sessionChange: 290,
  groupId: 291,
  cpAddress: 292,
} as const

/** TS 29.244, 8.2.1 */
export const cause = {
  accepted: 1,
  rejected: 64,
  contextNotFound: 65,
  mandatoryMissing: 66,
  conditionalMissing: 67,
  invalidLength: 68,
  mandatoryIncorrect: 69,
  invalidFTeidOption: 71,
  noAssociation: 72,
  ruleFailure: 73,
  congestion: 74,
  noResources: 75,
  systemFailure: 77,
  redirection: 78,
} as const

/** Below 64 a request has been accepted, if only in part. */
export const isAccepted = (value: number): boolean => value > 0 && value < 64

/** CP Function Features of ours towards UPFs (8.2.58): LOAD, OVRL, BUNDL. */
export const ownCpFeatures = 0x13

/** PFCPASRsp-Flags (8.2.134): sessions of an association before this one have been retained. */
export const sessionsRetained = 1

/** Report Type (8.2.21): a request of the user plane for the reason that PFCPSRReq-Flags gives. */
export const reportTypeUpRequest = 0x40
/** PFCPSRReq-Flags (8.2.114): the user plane has deleted the session. */
export const deletedByUserPlane = 1
