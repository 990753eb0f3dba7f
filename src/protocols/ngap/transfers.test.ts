import test from 'ava'
import { bytesOf } from '../../testing/protocol-suite.ts'
import { readAll, writeAll } from '../aper/type.ts'
import { definitions } from './elements.ts'
import { ngap, pduSessions } from './index.ts'

interface Row {
  /** of the message */
  readonly name: string
  readonly hex: string
  /** number, tunnels and QoS flows of each session; they are all that tshark finds too */
  readonly sessions: readonly string[]
}

const rows: readonly Row[] = [
  {
    name: 'PDUSessionResourceSetupRequest',
    hex: `001d008096000003000a00020001005500020001004a008082004005037e0043402001020375000005008b000a01f00a00000100
      000001007e000a001f0a0000020000000200880036050172f01000640260500007d00000ff1d5ca003a3529440001003e8000120
      0100000003e80000050a01007009040000010000021d4000c3000a01f00a0000030000000300ba000a001f0a00000400000004`,
    sessions: ['5: core 10.0.0.1/1, core 10.0.0.2/2, core 10.0.0.3/3, core 10.0.0.4/4, flow 1, flow 2'],
  },
  {
    name: 'PDUSessionResourceModifyRequest',
    hex: `001a008089000003000a0002000100550002000100400076004005037e00436e000003008c0032101f0a0000010000000101f00a
      00000200000002000100c3000a01f00a0000030000000300c0000a01f00a000004000000040087002a0500b97808006402605000
      07d00000ff1d5ca003a3529440001003e80001200100000003e8000005001000890003000e90`,
    sessions: ['5: core 10.0.0.1/1, ran 10.0.0.2/2, core 10.0.0.3/3, ran 10.0.0.4/4, flow 1, flow 2, flow 7'],
  },
  {
    name: 'HandoverRequest',
    hex: `000d008088000002000a000200010049007b000005002075000005008b000a01f00a00000100000001007e000a001f0a00000200
      00000200880036050172f01000640260500007d00000ff1d5ca003a3529440001003e80001200100000003e80000050a01007009
      040000010000021d4000c3000a01f00a0000030000000300ba000a001f0a00000400000004`,
    sessions: ['5: core 10.0.0.1/1, core 10.0.0.2/2, core 10.0.0.3/3, core 10.0.0.4/4, flow 1, flow 2'],
  },
  {
    name: 'InitialContextSetupRequest',
    hex: `000e0080a5000003000a000200010055000200010047008091010005002075000005008b000a01f00a00000100000001007e000a
      001f0a0000020000000200880036050172f01000640260500007d00000ff1d5ca003a3529440001003e80001200100000003e800
      00050a01007009040000010000021d4000c3000a01f00a0000030000000300ba000a001f0a000004000000040006002011000001
      008b000a01f00a00000100000001`,
    sessions: [
      '5: core 10.0.0.1/1, core 10.0.0.2/2, core 10.0.0.3/3, core 10.0.0.4/4, flow 1, flow 2',
      '6: core 10.0.0.1/1',
    ],
  },
  {
    name: 'PDUSessionResourceModifyResponse',
    hex: `201a004f000003000a000200010055000200010041003c000005387e03e00a0000010000000101f00a0000020000000204020200
      07c00a000002000000020003001280000000c0000a01f00a00000300000003`,
    sessions: ['5: ran 10.0.0.1/1, core 10.0.0.2/2, ran 10.0.0.2/2, ran 10.0.0.3/3, flow 1, flow 2, flow 3, flow 9'],
  },
  {
    name: 'PDUSessionResourceModifyIndication',
    hex: `001b0032000003000a00020001005500020001003f001f0000051b400f800a0000010000000105010020007c0a00000200000002
      0003`,
    sessions: ['5: ran 10.0.0.1/1, ran 10.0.0.2/2, flow 1, flow 2, flow 3'],
  },
  {
    name: 'PDUSessionResourceModifyConfirm',
    hex: `201b0044000004000a00020001005500020001003e002800000524604020201f0a00000100000001001f0a0000040000000401f0
      0a00000500000005001280008300050000060110`,
    sessions: ['5: core 10.0.0.1/1, core 10.0.0.4/4, ran 10.0.0.5/5, flow 1, flow 2, flow 9', '6:'],
  },
  {
    name: 'PDUSessionResourceNotify',
    hex: '001e0026000004000a000200010055000200010042000a00000506600028009400004300050000060110',
    sessions: ['5: flow 1, flow 9', '6:'],
  },
  {
    name: 'PDUSessionResourceSetupResponse',
    hex: `201d0047000004000a00020001005500020001004b00230000051f7003e00a0000010000000105010020007c0a00000200000002
      000304004a00003a000d0000060948341d000000004a40`,
    sessions: ['5: ran 10.0.0.1/1, ran 10.0.0.2/2, flow 1, flow 2, flow 3, flow 9', '6:'],
  },
  {
    name: 'PDUSessionResourceReleaseCommand',
    hex: '001c0018000003000a00020001005500020001004f00050000050110',
    sessions: ['5:'],
  },
  {
    name: 'PDUSessionResourceReleaseResponse',
    hex: '201c0018000003000a00020001005500020001004600050000050100',
    sessions: ['5:'],
  },
  {
    name: 'HandoverRequired',
    hex: '000c0018000003000a00020001005500020001003d00050000050140',
    sessions: ['5:'],
  },
  {
    name: 'HandoverRequestAcknowledge',
    hex: `200d0053000004000a0002000100550002000100350036000005327807c00a0000010000000101f00a0000020000000204140401
      0009400c100f800a0000070000000701f00a0000080000000800380006000006020800`,
    sessions: [
      '5: ran 10.0.0.1/1, forwarding 10.0.0.2/2, forwarding 10.0.0.7/7, forwarding 10.0.0.8/8, flow 1, flow 2, flow 9',
      '6:',
    ],
  },
  {
    name: 'HandoverCommand',
    hex: `200c0044000004000a00020001005500020001003b002800000524700f800a00000200000002040202030403e00a000007000000
      0701f00a00000800000008004e00050000060110`,
    sessions: ['5: forwarding 10.0.0.2/2, forwarding 10.0.0.7/7, forwarding 10.0.0.8/8, flow 1, flow 2', '6:'],
  },
  {
    name: 'PathSwitchRequest',
    hex: `00190040000004005500020001006400020001004c002400000520701f0a0000010000000100a050402020000000c0000a01f00a
      00000300000003003900050000060110`,
    sessions: ['5: ran 10.0.0.1/1, ran 10.0.0.3/3, flow 1, flow 2', '6:'],
  },
  {
    name: 'PathSwitchRequestAcknowledge',
    hex: `20190046000004000a00020001005500020001004d002a00000526701f0a0000010000000140a00000009a0014001f0a00000400
      00000401f00a00000500000005004400050000060110`,
    sessions: ['5: core 10.0.0.1/1, core 10.0.0.4/4, ran 10.0.0.5/5', '6:'],
  },
  {
    name: 'UEContextReleaseComplete',
    hex: '20290016000003000a00020001005500020001003c0003000005',
    sessions: ['5:'],
  },
  {
    name: 'UEContextResumeRequest',
    hex: '003a0022000004000a0002000100550002000100e800070000050340025000e5000400000640',
    sessions: ['5: flow 9', '6:'],
  },
  {
    name: 'UEContextSuspendRequest',
    hex: '003b0018000003000a0002000100550002000100e700050000050140',
    sessions: ['5:'],
  },
]

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('ngap: transfers of every kind are read with their tunnels, and written as they were', (t) => {
  for (const { hex, name, sessions } of rows) {
    const message = ngap.decode(bytesOf(hex))
    const { fields, name: said } = ngap.describe(message)
    t.is(said, name)
    t.is(fields['unreadable'], undefined, name)
    const found = pduSessions(message).map(({ id, qosFlows, tunnels }) =>
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

test('ngap: every address and tunnel identifier in them is translated, and no other byte', (t) => {
  for (const { hex, name } of rows) {
    const message = ngap.decode(bytesOf(hex))
    const there = ngap.translate!(message, {
      address: (bytes) => bytes.with(0, bytes[0]! ^ 1),
      teid: (_, id) => id + 256,
    })
    const back = ngap.translate!(there, { address: (bytes) => bytes.with(0, bytes[0]! ^ 1), teid: (_, id) => id - 256 })
    const before = hexOf(ngap.encode(message))
    t.is(hexOf(ngap.encode(back)), before, name)
    t.is(
      there === message,
      pduSessions(message).every(({ tunnels }) => tunnels.length === 0),
      name,
    )
    for (const [index, { id, tunnels }] of pduSessions(message).entries()) {
      const others = pduSessions(there)[index]!
      t.is(others.id, id)
      for (const [n, { teid }] of tunnels.entries()) t.is(others.tunnels[n]!.teid, teid + 256, name)
    }
  }
})
