import { sessionSuite } from '../../testing/aper-suite.ts'
import type { SessionRow } from '../../testing/aper-suite.ts'
import { definitions } from './elements.ts'
import { eRabs, s1ap } from './index.ts'

const rows: readonly SessionRow[] = [
  {
    name: 'E-RABSetupRequest',
    hex: `0005003b000003000000034001020008000340012c0010002600001100210a8009232002540be4002003e80001400100000f800a
      0000010000000103076201`,
    sessions: ['5: core 10.0.0.1/1'],
  },
  {
    name: 'E-RABSetupResponse',
    hex: '20050024000003000000034001020008000340012c001c000f000027000a0a1f0a00000100000001',
    sessions: ['5: ran 10.0.0.1/1'],
  },
  {
    name: 'E-RABModifyRequest',
    hex: `00060041000003000000034001020008000340012c001e002c00002400274a8009232002540be4002003e8000140010000030762
      01000000b9000a03e00a00000200000002`,
    sessions: ['5: core 10.0.0.2/2'],
  },
  {
    name: 'E-RABModifyResponse',
    hex: '2006001b000003000000034001020008000340012c001f000600002500010a',
    sessions: ['5:'],
  },
  {
    name: 'E-RABReleaseCommand',
    hex: '0007001c000003000000034001020008000340012c0021000700002300020a48',
    sessions: ['5:'],
  },
  {
    name: 'HandoverRequest',
    hex: '0001002f000002000000034001020035002100001b001c0a1f0a000001000000014009232002540be4002003e8000140010000',
    sessions: ['5: core 10.0.0.1/1'],
  },
  {
    name: 'HandoverCommand',
    hex: '2000002f000003000000034001020008000340012c000c001a00000e001578a1f00a000001000000010f800a00000200000002',
    sessions: ['5: forwarding 10.0.0.1/1, forwarding 10.0.0.2/2'],
  },
  {
    name: 'PathSwitchRequest',
    hex: `000300340000030008000340012c0016001f000017001a0a9f0a00000920010db800000000000000000000000900000001005800
      03400102`,
    sessions: ['5: ran 10.0.0.9+2001:db8::9/1'],
  },
  {
    name: 'PathSwitchRequestAcknowledge',
    hex: '20030024000003000000034001020008000340012c005f000f00005e000a0a1f0a00000100000001',
    sessions: ['5: core 10.0.0.1/1'],
  },
  {
    name: 'E-RABModificationIndication',
    hex: `00320043000004000000034001020008000340012c00c7000f0000c8000a0a1f0a0000010000000100c9001b0000ca00160c7f20
      010db800000000000000000000000100000002`,
    sessions: ['5: ran 10.0.0.1/1', '6: ran 2001:db8::1/2'],
  },
]

sessionSuite({ protocol: s1ap, definitions, title: 'E-RABs', rows, sessionsOf: eRabs })
