// Causes (TS 36.413, 9.2.1.3). Those behind the extension mark stand in lists of their own.

import { choice, enumerated } from '../aper/index.ts'

const radioNetwork = [
  'unspecified',
  'tx2relocoverall-expiry',
  'successful-handover',
  'release-due-to-eutran-generated-reason',
  'handover-cancelled',
  'partial-handover',
  'ho-failure-in-target-EPC-eNB-or-target-system',
  'ho-target-not-allowed',
  'tS1relocoverall-expiry',
  'tS1relocprep-expiry',
  'cell-not-available',
  'unknown-targetID',
  'no-radio-resources-available-in-target-cell',
  'unknown-mme-ue-s1ap-id',
  'unknown-enb-ue-s1ap-id',
  'unknown-pair-ue-s1ap-id',
  'handover-desirable-for-radio-reason',
  'time-critical-handover',
  'resource-optimisation-handover',
  'reduce-load-in-serving-cell',
  'user-inactivity',
  'radio-connection-with-ue-lost',
  'load-balancing-tau-required',
  'cs-fallback-triggered',
  'ue-not-available-for-ps-service',
  'radio-resources-not-available',
  'failure-in-radio-interface-procedure',
  'invalid-qos-combination',
  'interrat-redirection',
  'interaction-with-other-procedure',
  'unknown-E-RAB-ID',
  'multiple-E-RAB-ID-instances',
  'encryption-and-or-integrity-protection-algorithms-not-supported',
  's1-intra-system-handover-triggered',
  's1-inter-system-handover-triggered',
  'x2-handover-triggered',
] as const

const laterRadioNetwork = [
  'redirection-towards-1xRTT',
  'not-supported-QCI-value',
  'invalid-CSG-Id',
  'release-due-to-pre-emption',
  'n26-interface-not-available',
  'insufficient-ue-capabilities',
  'maximum-bearer-pre-emption-rate-exceeded',
  'up-integrity-protection-not-possible',
] as const

export const cause = choice(
  {
    radioNetwork: enumerated(radioNetwork, laterRadioNetwork),
    transport: enumerated(['transport-resource-unavailable', 'unspecified'], []),
    nas: enumerated(
      ['normal-release', 'authentication-failure', 'detach', 'unspecified'],
      ['csg-subscription-expiry', 'uE-not-in-PLMN-serving-area'],
    ),
    protocol: enumerated(
      [
        'transfer-syntax-error',
        'abstract-syntax-error-reject',
        'abstract-syntax-error-ignore-and-notify',
        'message-not-compatible-with-receiver-state',
        'semantic-error',
        'abstract-syntax-error-falsely-constructed-message',
        'unspecified',
      ],
      [],
    ),
    misc: enumerated(
      [
        'control-processing-overload',
        'not-enough-user-plane-processing-resources',
        'hardware-failure',
        'om-intervention',
        'unspecified',
        'unknown-PLMN',
      ],
      [],
    ),
  },
  { extensible: true },
)
