// Words for the numbers in AVPs, as far as a reader of captures wants them. Data.

import { applications } from './applications.ts'
import { experimentalResults, resultCodes } from './result-codes.ts'
import { enumerated } from './values.ts'

export const application = enumerated(applications)
export const resultCode = enumerated(resultCodes)
export const experimentalResultCode = enumerated(experimentalResults)

export const vendor = enumerated({
  0: 'IETF',
  9: 'Cisco',
  193: 'Ericsson',
  2011: 'Huawei',
  5535: '3GPP2',
  8164: 'Starent',
  10415: '3GPP',
  13019: 'ETSI',
})

export const redirectHostUsage = enumerated({
  0: 'DONT_CACHE',
  1: 'ALL_SESSION',
  2: 'ALL_REALM',
  3: 'REALM_AND_APPLICATION',
  4: 'ALL_APPLICATION',
  5: 'ALL_HOST',
  6: 'ALL_USER',
})
export const disconnectCause = enumerated({ 0: 'REBOOTING', 1: 'BUSY', 2: 'DO_NOT_WANT_TO_TALK_TO_YOU' })
export const authRequestType = enumerated({ 1: 'AUTHENTICATE_ONLY', 2: 'AUTHORIZE_ONLY', 3: 'AUTHORIZE_AUTHENTICATE' })
export const authSessionState = enumerated({ 0: 'STATE_MAINTAINED', 1: 'NO_STATE_MAINTAINED' })
export const reAuthRequestType = enumerated({ 0: 'AUTHORIZE_ONLY', 1: 'AUTHORIZE_AUTHENTICATE' })
export const inbandSecurity = enumerated({ 0: 'NO_INBAND_SECURITY', 1: 'TLS' })
export const terminationCause = enumerated({
  1: 'DIAMETER_LOGOUT',
  2: 'DIAMETER_SERVICE_NOT_PROVIDED',
  3: 'DIAMETER_BAD_ANSWER',
  4: 'DIAMETER_ADMINISTRATIVE',
  5: 'DIAMETER_LINK_BROKEN',
  6: 'DIAMETER_AUTH_EXPIRED',
  7: 'DIAMETER_USER_MOVED',
  8: 'DIAMETER_SESSION_TIMEOUT',
})
export const accountingRecordType = enumerated({
  1: 'EVENT_RECORD',
  2: 'START_RECORD',
  3: 'INTERIM_RECORD',
  4: 'STOP_RECORD',
})

export const ccRequestType = enumerated({
  1: 'INITIAL_REQUEST',
  2: 'UPDATE_REQUEST',
  3: 'TERMINATION_REQUEST',
  4: 'EVENT_REQUEST',
})
export const ccSessionFailover = enumerated({ 0: 'FAILOVER_NOT_SUPPORTED', 1: 'FAILOVER_SUPPORTED' })
export const failureHandling = enumerated({ 0: 'TERMINATE', 1: 'CONTINUE', 2: 'RETRY_AND_TERMINATE' })
export const finalUnitAction = enumerated({ 0: 'TERMINATE', 1: 'REDIRECT', 2: 'RESTRICT_ACCESS' })
export const subscriptionIdType = enumerated({
  0: 'END_USER_E164',
  1: 'END_USER_IMSI',
  2: 'END_USER_SIP_URI',
  3: 'END_USER_NAI',
  4: 'END_USER_PRIVATE',
})
export const reportingReason = enumerated({
  0: 'THRESHOLD',
  1: 'QHT',
  2: 'FINAL',
  3: 'QUOTA_EXHAUSTED',
  4: 'VALIDITY_TIME',
  5: 'OTHER_QUOTA_TYPE',
  6: 'RATING_CONDITION_CHANGE',
  7: 'FORCED_REAUTHORISATION',
  8: 'POOL_EXHAUSTED',
})

export const ocReportType = enumerated({ 0: 'HOST_REPORT', 1: 'REALM_REPORT', 2: 'PEER_REPORT' })
export const loadType = enumerated({ 1: 'HOST', 2: 'PEER' })

export const flowStatus = enumerated({
  0: 'ENABLED-UPLINK',
  1: 'ENABLED-DOWNLINK',
  2: 'ENABLED',
  3: 'DISABLED',
  4: 'REMOVED',
})
export const mediaType = enumerated({
  0: 'AUDIO',
  1: 'VIDEO',
  2: 'DATA',
  3: 'APPLICATION',
  4: 'CONTROL',
  5: 'TEXT',
  6: 'MESSAGE',
})
export const serverAssignmentType = enumerated({
  0: 'NO_ASSIGNMENT',
  1: 'REGISTRATION',
  2: 'RE_REGISTRATION',
  3: 'UNREGISTERED_USER',
  4: 'TIMEOUT_DEREGISTRATION',
  5: 'USER_DEREGISTRATION',
  6: 'TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME',
  7: 'USER_DEREGISTRATION_STORE_SERVER_NAME',
  8: 'ADMINISTRATIVE_DEREGISTRATION',
  9: 'AUTHENTICATION_FAILURE',
  10: 'AUTHENTICATION_TIMEOUT',
  11: 'DEREGISTRATION_TOO_MUCH_DATA',
  12: 'AAA_USER_DATA_REQUEST',
  13: 'PGW_UPDATE',
  14: 'RESTORATION',
})
export const pccRuleStatus = enumerated({ 0: 'ACTIVE', 1: 'INACTIVE', 2: 'TEMPORARILY_INACTIVE' })
export const ipCanType = enumerated({
  0: '3GPP-GPRS',
  1: 'DOCSIS',
  2: 'xDSL',
  3: 'WiMAX',
  4: '3GPP2',
  5: '3GPP-EPS',
  6: 'Non-3GPP-EPS',
  7: 'FBA',
  8: '3GPP-5GS',
  9: 'Non-3GPP-5GS',
})
export const ratType = enumerated({
  0: 'WLAN',
  1: 'VIRTUAL',
  1000: 'UTRAN',
  1001: 'GERAN',
  1002: 'GAN',
  1003: 'HSPA_EVOLUTION',
  1004: 'EUTRAN',
  1005: 'EUTRAN-NB-IoT',
  1006: 'NG-RAN',
  1007: 'LTE-M',
  2000: 'CDMA2000_1X',
  2001: 'HRPD',
  2002: 'UMB',
  2003: 'EHRPD',
})

export const cancellationType = enumerated({
  0: 'MME_UPDATE_PROCEDURE',
  1: 'SGSN_UPDATE_PROCEDURE',
  2: 'SUBSCRIPTION_WITHDRAWAL',
  3: 'UPDATE_PROCEDURE_IWF',
  4: 'INITIAL_ATTACH_PROCEDURE',
})
export const equipmentStatus = enumerated({ 0: 'PERMITTED', 1: 'PROHIBITED', 2: 'TRACKED' })
export const pdnType = enumerated({ 0: 'IPv4', 1: 'IPv6', 2: 'IPv4v6', 3: 'IPv4_OR_IPv6' })
