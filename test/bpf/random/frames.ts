// Random frames: of new and known flows, whole and in fragments, ICMP errors about them, and all of that damaged.

import { familyOf as familyOfAddress } from '../../../src/lb/model.ts'
import { buildFrame, buildPacket, parseSocket, protocols, type Packet } from '../../../src/testing/packets.ts'
import { fragmentFrame } from '../../../src/testing/packets/fragments.ts'
import type { Extension } from '../../../src/testing/packets/ip.ts'
import { ethernetBytes } from '../../../src/testing/packets/link.ts'
import { chunks } from '../../../src/testing/packets/sctp.ts'
import { familyOf, socketOf, type Family, type Socket } from '../../../src/testing/packets/socket.ts'
import { echoTypes } from '../../../src/testing/packets/transport.ts'
import { internetChecksum } from '../../../src/wire/checksum.ts'
import type { FlowEntry } from '../bed.ts'
import { bytes } from '../case.ts'
import { deviceMac, pathTo, type DeviceName } from '../network.ts'
import { pick, shuffled, type Draw } from './draw.ts'
import { clients, services } from './services.ts'

export interface Drawn {
  readonly frame: Uint8Array
  readonly device: DeviceName
  /** a fragment: of which frame, cut where, which one */
  readonly part: Part | null
}

export interface Part {
  readonly whole: Uint8Array
  readonly sizes: readonly number[]
  readonly index: number
  readonly identification: number
}

/** Who speaks, as the frame says it, and in which association; the protocol is a number. */
interface Speech {
  readonly protocol: number
  readonly from: Socket
  readonly to: Socket
  readonly reverse: boolean
  /** differs between connections */
  readonly connection: string
}

/** One frame, or all fragments of a datagram in some order. */
export function drawFrames(draw: Draw, flows: readonly FlowEntry[]): readonly Drawn[] {
  const speech = drawSpeech(draw, flows)
  const device = pathTo(speech.from).device
  if (draw(12) === 0) return drawFragments(draw, speech, device)
  const frame =
    flows.length > 0 && draw(10) === 0
      ? drawError(draw, speech, device)
      : buildFrame(drawPacket(draw, speech, device, 1400))
  return [{ frame: draw(5) === 0 ? damaged(draw, frame) : frame, device, part: null }]
}

function drawSpeech(draw: Draw, flows: readonly FlowEntry[]): Speech {
  const known = flows.length > 0 && draw(3) > 0 ? pick(draw, flows) : null
  if (known) {
    const [client, vip] = known.reverse ? [known.newTo, known.newFrom] : [known.from, known.to]
    return { ...known, connection: `${client} ${vip}` }
  }
  const target = pick(draw, services)
  const from = socketOf(pick(draw, clients[familyOfAddress(target.address)]), 1024 + draw(16))
  const to = socketOf(target.address, target.port)
  if (target.protocol === 'any') throw new Error('random services have a protocol')
  return { protocol: protocols[target.protocol], from, to, reverse: false, connection: `${from} ${to}` }
}

type Network = Pick<Packet, 'ttl' | 'tos' | 'vlan' | 'ipOptions' | 'extensions' | 'payload' | 'trailer'>

function drawPacket(draw: Draw, speech: Speech, device: DeviceName, mostPayload: number): Packet {
  const family = familyOf(speech.from)
  const more = {
    ethernetDestination: deviceMac(device),
    ttl: draw(20) === 0 ? draw(3) : 1 + draw(255),
    tos: draw(256),
    identification: draw(0x10000),
    flowLabel: draw(2 ** 20),
    dontFragment: draw(2) === 0,
    ipOptions: draw(4) === 0 ? new Uint8Array(4 * draw(11)).fill(1) : new Uint8Array(),
    extensions: family === 6 && draw(4) === 0 ? drawExtensions(draw) : [],
    vlan: draw(6) === 0 ? Array.from({ length: 1 + draw(3) }, () => ({ id: draw(4096), priority: draw(8) })) : [],
    payload: bytes(draw(mostPayload)).subarray(draw(3)),
    trailer: draw(4) === 0 ? bytes(draw(20)) : new Uint8Array(),
    checksumError: draw(10) === 0 ? 1 + draw(0xfffe) : 0,
    ipChecksumError: draw(30) === 0 ? 1 + draw(0xfffe) : 0,
  }
  return drawTransport(draw, speech, family, more)
}

function drawExtensions(draw: Draw): readonly Extension[] {
  return Array.from({ length: 1 + draw(4) }, () =>
    pick<Extension>(draw, [
      { kind: 'hop-by-hop' },
      { kind: 'destination' },
      { kind: 'destination', options: new Uint8Array(22) },
      { kind: 'routing', type: 4, segmentsLeft: 0 },
      { kind: 'routing', type: draw(5), segmentsLeft: draw(2) },
    ]),
  )
}

function drawTransport(draw: Draw, speech: Speech, family: Family, more: Network): Packet {
  const { protocol, from, to, reverse } = speech
  switch (protocol) {
    case protocols.tcp: {
      const flags = pick(draw, reverse ? ['SA', 'A', 'PA', 'FA', 'RA'] : ['S', 'S', 'A', 'PA', 'FA', 'R'])
      return { kind: 'tcp', ...more, tcpOptions: drawTcpOptions(draw), from, to, flags }
    }
    case protocols.udp:
      return { kind: 'udp', ...more, noChecksum: draw(5) === 0, from, to }
    case protocols.sctp:
      return { kind: 'sctp', ...more, ...drawSctp(draw, speech), from, to }
    default:
      return { kind: 'icmp', ...more, from, to, type: reverse ? echoTypes[family].reply : echoTypes[family].request }
  }
}

/** A maximum segment size at times, behind some that say nothing. */
function drawTcpOptions(draw: Draw): Uint8Array {
  const options = new Uint8Array(4 * draw(11)).fill(1)
  if (options.length >= 8 && draw(3) > 0) options.set([2, 4, draw(256), draw(256)], draw(options.length - 4))
  return options
}

/** Tags follow from the connection, so that both sides know them without having heard each other. */
function drawSctp(draw: Draw, { connection, reverse }: Speech): { tag: number; chunks: readonly Uint8Array[] } {
  const number = Array.from(connection).reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) & 0xfffffff, 7)
  const [client, server] = [number + 0x10000000, number + 0x20000000]
  const tag = draw(20) === 0 ? draw(2 ** 32) : reverse ? client : server
  const data = chunks.data(bytes(draw(1000)))
  const list = reverse
    ? [[chunks.initAck(server)], [chunks.cookieAck(), data], [data], [chunks.sack()], [chunks.shutdownAck()]]
    : [[chunks.cookieEcho(), data], [data, data], [chunks.sack()], [chunks.heartbeat()], [chunks.shutdownComplete()]]
  const opens = !reverse && draw(3) === 0
  if (opens) return { tag: 0, chunks: [chunks.init(client)] }
  return { tag, chunks: draw(30) === 0 ? [chunks.abort(draw(2) === 0)] : pick(draw, list) }
}

const errorKinds: Readonly<Record<Family, readonly (readonly [type: number, code: number])[]>> = {
  4: [
    [3, 4],
    [3, 1],
    [3, 3],
    [11, 0],
    [12, 0],
  ],
  6: [
    [1, 0],
    [1, 4],
    [2, 0],
    [3, 0],
    [4, 1],
  ],
}

/** A router tells of a packet that did not get through. */
function drawError(draw: Draw, { from, to, ...speech }: Speech, device: DeviceName): Uint8Array {
  const family = familyOf(from)
  const about = drawTransport(draw, { ...speech, from: to, to: from }, family, {
    payload: bytes(draw(600)),
    ttl: 1 + draw(64),
  })
  const sender = draw(2) === 0 ? from : pick(draw, clients[family])
  const [type, code] = pick(draw, errorKinds[family])
  return buildFrame({
    kind: 'icmp-error',
    ethernetDestination: deviceMac(device),
    from: parseSocket(sender).address,
    to: parseSocket(to).address,
    type,
    code,
    word: draw(2000),
    ttl: 2 + draw(200),
    inside: buildPacket(about).subarray(0, 28 + draw(600)),
  })
}

function drawFragments(draw: Draw, speech: Speech, device: DeviceName): readonly Drawn[] {
  const whole = buildFrame({
    ...drawPacket(draw, speech, device, 1400),
    ipChecksumError: 0,
    trailer: new Uint8Array(),
    vlan: [],
    extensions: [],
  })
  const family = familyOf(speech.from)
  const payloadBytes = whole.length - ethernetBytes - (family === 4 ? ((whole[14] ?? 0) & 15) * 4 : 40)
  const size = 8 * (1 + draw(40))
  if (payloadBytes <= size) return [{ frame: whole, device, part: null }]
  const count = Math.min(4, Math.ceil(payloadBytes / size))
  const sizes = Array.from({ length: count }, (_, i) => (i < count - 1 ? size : payloadBytes - size * (count - 1)))
  const identification = family === 4 ? draw(0x10000) : draw(2 ** 32)
  const frames = fragmentFrame(whole, sizes, identification)
  const drawn = frames.map((frame, index): Drawn => ({ frame, device, part: { whole, sizes, index, identification } }))
  const order = draw(3)
  const sent = order === 0 ? shuffled(draw, drawn) : drawn
  return draw(6) === 0 ? sent.slice(draw(sent.length)) : sent
}

/** Some bits changed, the end cut off, or a length that lies; the IPv4 header's checksum is right again, mostly. */
function damaged(draw: Draw, frame: Uint8Array): Uint8Array {
  const copy = frame.slice()
  switch (draw(4)) {
    case 0:
      return copy.slice(0, draw(copy.length))
    case 1:
      for (let i = 0; i <= draw(3); i++) flip(draw, copy, draw(Math.min(copy.length, 100)))
      break
    case 2:
      flip(draw, copy, ethernetBytes + draw(Math.min(copy.length - ethernetBytes, 60)))
      break
    default:
      copy[pick(draw, [16, 17, 18, 19, 38, 39, 58, 59])] = draw(256)
  }
  return draw(4) > 0 ? mended(copy) : copy
}

function flip(draw: Draw, frame: Uint8Array, at: number): void {
  frame[at] = (frame[at] ?? 0) ^ (1 << draw(8))
}

function mended(frame: Uint8Array): Uint8Array {
  const end = ethernetBytes + ((frame[ethernetBytes] ?? 0) & 15) * 4
  if (frame[12] !== 8 || frame[13] !== 0 || end < ethernetBytes + 20 || end > frame.length) return frame
  frame.fill(0, 24, 26)
  const checksum = internetChecksum(frame.subarray(ethernetBytes, end))
  frame[24] = checksum >> 8
  frame[25] = checksum & 0xff
  return frame
}
