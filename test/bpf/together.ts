// A step for packets of which it is only known that they belong together.

import { buildFrame } from '../../src/testing/packets.ts'
import { expect, type PacketStep, type Step } from './case.ts'
import { deviceMac } from './network.ts'
import { check } from './steps.ts'

/** Packets that must all go to one endpoint, and how many endpoints these are in all. */
export function together(groups: readonly (readonly PacketStep['packet'][])[], endpoints: number): Step {
  return check(async (_t, bed, hook) => {
    const seen = new Set<string>()
    for (const group of groups) {
      const of = new Set<string>()
      for (const packet of group) {
        if (packet instanceof Uint8Array || packet.kind === 'error-about') throw new Error('only packets')
        const { frame, verdicts } = await bed.run(
          hook,
          buildFrame({ ethernetDestination: deviceMac('client'), ...packet }),
        )
        expect(
          verdicts.map(({ verdict }) => verdict),
          ['forward'],
          'verdict',
        )
        of.add([...frame.subarray(30, 34)].join('.'))
      }
      expect(of.size, 1, 'endpoints of what belongs together')
      for (const each of of) seen.add(each)
    }
    expect(seen.size, endpoints, 'endpoints in all')
  })
}
