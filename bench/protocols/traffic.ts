// Captures to measure with: as many frames as wanted, of a mobile core at work. Of ten packets six are user packets in
// tunnels; NGAP, PFCP, Diameter and SIP have one each.

import { Buffer } from 'node:buffer'
import { closeSync, openSync, writeSync } from 'node:fs'
import { linkTypes } from '../../src/captures/index.ts'
import { buildFrame } from '../../src/testing/packets.ts'
import { be16, be32, concat } from '../../src/testing/packets/bytes.ts'
import { chunk, chunkTypes } from '../../src/testing/packets/sctp.ts'
import { decoderRows } from './decoders.ts'
import { frameOf } from '../../src/testing/vectors/packets.ts'
import type { ProtocolName } from '../../src/protocols/protocol.ts'

const wholeMessage = 3
const ngapProtocol = 60
const bytesOfWrite = 1 << 20
/** of the capture's clock, between two frames */
const stepMicroseconds = 10

const ran = '10.0.1'
const core = '10.0.2'
/** Where the traffic goes: the services of a configuration for it. */
export const destinations = {
  n2: { vip: `${core}.1`, port: 38_412, protocol: 'sctp' },
  n4: { vip: `${core}.254`, port: 8805, protocol: 'udp' },
  n3: { vip: `${core}.2`, port: 2152, protocol: 'udp' },
  s6a: { vip: `${core}.3`, port: 3868, protocol: 'tcp' },
  calls: { vip: `${core}.4`, port: 5060, protocol: 'udp' },
} as const

/** Frames one after the other, in which sequence numbers go on. */
class Traffic {
  readonly #messages = new Map<ProtocolName, readonly Uint8Array[]>()
  readonly #frames = new Map<string, Uint8Array>()
  #tsn = 1
  #tcp = 1

  static async of(): Promise<Traffic> {
    const traffic = new Traffic()
    for (const { messages, protocol } of decoderRows) traffic.#messages.set(protocol, await messages())
    return traffic
  }

  frame(number: number): Uint8Array {
    const host = 1 + (number % 200)
    switch (number % 10) {
      case 0: {
        const data = concat(be32(this.#tsn++), be16(1), be16(0), be32(ngapProtocol), this.#message('ngap', number))
        const chunks = [chunk(chunkTypes.data, wholeMessage, data)]
        return buildFrame({ kind: 'sctp', from: `${ran}.1:38412`, to: `${core}.1:38412`, tag: 0x1234, chunks })
      }
      case 1:
        return this.#udp('pfcp', number, `${core}.${host}:8805`, `${core}.254:8805`)
      case 2: {
        const payload = this.#message('diameter', number)
        const sequence = this.#tcp
        this.#tcp += payload.length
        const [from, to] = [`${core}.1:40000`, `${core}.3:3868`]
        return buildFrame({ kind: 'tcp', from, to, flags: 'PA', sequence, payload })
      }
      case 3:
        return this.#udp('sip', number, `${ran}.${host}:5060`, `${core}.4:5060`)
      default:
        return this.#udp('gtp', number, `${ran}.${host}:2152`, `${core}.2:2152`)
    }
  }

  /** Nothing in them counts on, so they come again. */
  #udp(protocol: ProtocolName, number: number, from: string, to: string): Uint8Array {
    const payload = this.#message(protocol, number)
    const key = `${from} ${(this.#messages.get(protocol) ?? []).indexOf(payload)}`
    const known = this.#frames.get(key)
    if (known !== undefined) return known
    const frame = buildFrame({ kind: 'udp', from, to, payload })
    this.#frames.set(key, frame)
    return frame
  }

  #message(protocol: ProtocolName, number: number): Uint8Array {
    const list = this.#messages.get(protocol) ?? []
    return list[Math.floor(number / 10) % list.length] ?? new Uint8Array()
  }
}

/** Writes a file in the older format, which every program reads fastest. */
function writeCapture(path: string, frames: number, frame: (number: number) => Uint8Array): void {
  const file = openSync(path, 'w')
  try {
    let parts = [concat(be32(0xa1b2c3d4), be16(2), be16(4), be32(0), be32(0), be32(262_144), be32(linkTypes.ethernet))]
    let bytes = 0
    for (let number = 0; number < frames; number++) {
      const content = frame(number)
      const time = number * stepMicroseconds
      const seconds = 1_700_000_000 + Math.floor(time / 1_000_000)
      parts.push(
        concat(be32(seconds), be32(time % 1_000_000), be32(content.length), be32(content.length)),
        content as never,
      )
      bytes += content.length
      if (bytes < bytesOfWrite && number < frames - 1) continue
      writeSync(file, Buffer.concat(parts))
      parts = []
      bytes = 0
    }
  } finally {
    closeSync(file)
  }
}

export async function writeTraffic(path: string, frames: number): Promise<void> {
  const traffic = await Traffic.of()
  writeCapture(path, frames, (number) => traffic.frame(number))
}

/** The messages of one decoder's row, over and over. */
export const writeMessages = (
  path: string,
  frames: number,
  protocol: ProtocolName,
  messages: readonly Uint8Array[],
): void =>
  writeCapture(path, frames, (number) => frameOf({ protocol, bytes: messages[number % messages.length]! }, number))
