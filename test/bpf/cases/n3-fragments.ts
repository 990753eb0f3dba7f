// Cases: outer fragments of GTP-U: the first one has the TEID, and the others go where it goes.

import { buildFrame } from '../../../src/testing/packets.ts'
import { concat } from '../../../src/testing/packets/bytes.ts'
import { fragmentFrame } from '../../../src/testing/packets/fragments.ts'
import { gtpuPort } from '../../../src/testing/packets/gtpu.ts'
import { bytes, expect, udp, type Case, type PacketStep } from '../case.ts'
import { arrival, at, gPdu, gnb, hint, n3, n3Service, teid, uplink, upf2, ways } from '../n3-words.ts'
import { deviceMac } from '../network.ts'
import { check, ends, flowsAre, forwards, punts, sends } from '../steps.ts'
import type { Family } from '../../../src/testing/packets/socket.ts'

const second = at(upf2[4], gtpuPort)

/** Two fragments. */
const long = (family: Family): ReturnType<typeof udp> => uplink(gPdu(teid, { payload: bytes(1604) }), family)
const sizes = [800, 820]

const piece = (step: PacketStep, index: number): PacketStep => ({
  ...step,
  verdict: { xdp: 'to_tc_fragment', tc: typeof step.verdict === 'string' ? step.verdict : step.verdict.tc },
  part: { sizes, index, identification: 9 },
})

export const n3FragmentCases: readonly Case[] = [
  ...ways
    .filter(({ mode }) => mode === 'dnat' || mode === 'dsr')
    .filter(({ near, far: there, mode }) => near === there || mode === 'dsr')
    .map((way): Case => {
      const how = way.encapsulation === null ? way.mode : `dsr ${way.encapsulation}`
      const secondThere = at(upf2[way.far], gtpuPort)
      const step = sends(long(way.near), arrival(way, upf2))
      return {
        name: `n3: later fragments go where the first one goes, IPv${way.near} to IPv${way.far}, ${how} (N3.8)`,
        setup: {
          services: [n3Service({ mode: way.mode, encapsulation: way.encapsulation, miss: 'drop' }, way.near, way.far)],
          hints: [hint(secondThere, {}, way.near)],
        },
        steps: [piece(step, 0), piece(step, 1), flowsAre({})],
      }
    }),
  ...([4, 6] as const).map((family): Case => {
    const upf = at(upf2[family], gtpuPort)
    const payload = gPdu(teid, { payload: bytes(1604) })
    const back = forwards(udp(upf, gnb[family], { payload }), n3[family], gnb[family])
    return {
      name: `n3: later fragments from an endpoint come from the VIP too, IPv${family} (N3.8)`,
      setup: { services: [n3Service({}, family)] },
      steps: [piece(back, 0), piece(back, 1)],
    }
  }),
  {
    name: 'n3: the identifier is written into the first fragment, and the checksum with it (N3.8, N3.9)',
    setup: { services: [n3Service()], hints: [hint(second, { identifier: 0x01020304 })] },
    steps: [
      check(async (_t, bed) => {
        const frames = fragmentFrame(buildFrame({ ethernetDestination: deviceMac('client'), ...long(4) }), sizes, 9)
        const out = await Promise.all(frames.map((frame) => bed.run('tc', frame, { device: 'client' })))
        const expected = buildFrame(udp(gnb[4], second, { payload: gPdu(0x01020304, { payload: bytes(1604) }) }))
        const bodies = concat(...out.map(({ frame }) => frame.subarray(34)))
        expect([...bodies], [...expected.subarray(34)], 'the datagram')
      }),
    ],
  },
  {
    name: 'n3: a later fragment that comes first waits in user space, and goes with a first one that is refused (N3.8)',
    setup: { services: [n3Service({ miss: 'drop' })] },
    steps: [
      piece(punts(long(4), 'fragment'), 1),
      piece(ends(long(4), 'drop_no_hint'), 0),
      piece(ends(long(4), 'drop_fragment'), 1),
    ],
  },
]
