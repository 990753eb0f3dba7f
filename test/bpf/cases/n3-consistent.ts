// Cases: tunnels without a hint, while endpoints come and go: a table of Maglev says where, and it hardly changes.

import { buildFrame } from '../../../src/testing/packets.ts'
import { gtpuPort } from '../../../src/testing/packets/gtpu.ts'
import { expect, type Case } from '../case.ts'
import { at, gPdu, n3Service, uplink } from '../n3-words.ts'
import { deviceMac } from '../network.ts'
import { check } from '../steps.ts'
import type { Bed } from '../bed.ts'
import type { Hook } from '../../../src/datapath/layout.gen.ts'

const addresses = ['10.0.2.10', '10.0.2.11', '10.0.2.12'] as const
const [, , leaving] = addresses
const withAll = n3Service({ endpoints: addresses.map((address) => at(address, gtpuPort)) })
const withTwo = { ...withAll, endpoints: withAll.endpoints.slice(0, 2) }

const tunnels = Array.from({ length: 300 }, (_, i) => 0x1000 + i * 7919)
/** Of the tunnels whose endpoint stays: how many may move all the same. */
const mostMoved = 6

/** The endpoint of each tunnel. */
async function placesOf(bed: Bed, hook: Hook): Promise<readonly string[]> {
  const places: string[] = []
  for (const teid of tunnels) {
    const frame = buildFrame({ ethernetDestination: deviceMac('client'), ...uplink(gPdu(teid)) })
    const out = await bed.run(hook, frame)
    expect(
      out.verdicts.map(({ verdict }) => verdict),
      ['forward'],
      'verdict',
    )
    places.push([...out.frame.subarray(30, 34)].join('.'))
  }
  return places
}

function eachHasAtLeast(least: number, places: readonly string[], wanted: readonly string[]): void {
  for (const address of wanted) {
    const share = places.filter((place) => place === address).length
    if (share < least) throw new Error(`${address} has ${share} of ${places.length} tunnels`)
  }
}

export const n3ConsistentCases: readonly Case[] = [
  {
    name: 'n3: of tunnels without a hint only those of an endpoint that goes move, and back when it comes (N3.11)',
    setup: { services: [withAll] },
    steps: [
      check(async (_t, bed, hook) => {
        const before = await placesOf(bed, hook)
        eachHasAtLeast(tunnels.length / 5, before, addresses)
        await bed.apply([{ kind: 'update', from: withAll, to: withTwo }])
        const without = await placesOf(bed, hook)
        eachHasAtLeast(tunnels.length / 3, without, addresses.slice(0, 2))
        const moved = before.filter((place, i) => place !== leaving && place !== without[i])
        if (moved.length > mostMoved) throw new Error(`${moved.length} tunnels of those that stay have moved`)
        await bed.apply([{ kind: 'update', from: withTwo, to: withAll }])
        expect(await placesOf(bed, hook), before, 'where tunnels lead when all are back')
      }),
    ],
  },
]
