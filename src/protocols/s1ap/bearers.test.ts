import test from 'ava'
import { bytesOf } from '../../testing/protocol-suite.ts'
import { readAll, writeAll } from '../aper/type.ts'
import { definitions } from './elements.ts'
import { eRabs, s1ap } from './index.ts'

interface Row {
  /** of the message */
  readonly name: string
  readonly hex: string
  /** number, tunnels and QoS flows of each session; they are all that tshark finds too */
  readonly sessions: readonly string[]
}

const rows: readonly Row[] = [
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

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('s1ap: E-RABs of every kind are read with their tunnels, and written as they were', (t) => {
  for (const { hex, name, sessions } of rows) {
    const message = s1ap.decode(bytesOf(hex))
    const { fields, name: said } = s1ap.describe(message)
    t.is(said, name)
    t.is(fields['unreadable'], undefined, name)
    const found = eRabs(message).map(({ id, qosFlows, tunnels }) =>
      `${id}: ${[
        ...tunnels.map(({ addresses, role, teid }) => `${role} ${addresses.join('+')}/${teid}`),
        ...qosFlows.map((flow) => `flow ${flow}`),
      ].join(', ')}`.trim(),
    )
    t.deepEqual(found, sessions, name)
    for (const { id, value } of message.elements) {
      const type = definitions.get(id)?.type
      if (type !== undefined) t.is(hexOf(writeAll(type, readAll(type, value))), hexOf(value), name)
    }
  }
})

test('s1ap: every address and tunnel identifier in them is translated, and no other byte', (t) => {
  for (const { hex, name } of rows) {
    const message = s1ap.decode(bytesOf(hex))
    const there = s1ap.translate!(message, {
      address: (bytes) => bytes.with(0, bytes[0]! ^ 1),
      teid: (_, id) => id + 256,
    })
    const back = s1ap.translate!(there, { address: (bytes) => bytes.with(0, bytes[0]! ^ 1), teid: (_, id) => id - 256 })
    const before = hexOf(s1ap.encode(message))
    t.is(hexOf(s1ap.encode(back)), before, name)
    t.is(
      there === message,
      eRabs(message).every(({ tunnels }) => tunnels.length === 0),
      name,
    )
    for (const [index, { id, tunnels }] of eRabs(message).entries()) {
      const others = eRabs(there)[index]!
      t.is(others.id, id)
      for (const [n, { teid }] of tunnels.entries()) t.is(others.tunnels[n]!.teid, teid + 256, name)
    }
  }
})
