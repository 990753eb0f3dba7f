// All that is judged by tshark.

import { gtp, gtpv2, pfcp } from './judged-core.ts'
import { ngap, s1ap } from './judged-radio.ts'
import { sctp } from './judged-sctp.ts'
import { diameter, sip } from './judged-text.ts'
import type { Judged } from './judged.ts'

export const judged: readonly Judged[] = [sctp, ngap, s1ap, pfcp, gtp, gtpv2, diameter, sip]
