// Which entries of the live maps a packet meets: told by the steps of a run, and by what stands in the packet itself.

import { keyTag } from '../../lb/selection/flow-hash.ts'
import { protocols } from '../../wire/ip-packet.ts'
import {
  affinityKeySize,
  flowKeySize,
  fragmentKeySize,
  hintKeySize,
  hintKind,
  readFlow,
  readFlowKey,
  readHintKey,
  sctpPathKeySize,
  seidRequestKeySize,
  traceStep,
  writeAffinityKey,
  writeFlowKey,
  writeFragmentKey,
  writeSctpPathKey,
  writeSeidRequestKey,
} from '../layout.gen.ts'
import { ipOf } from './frame.ts'
import type { Flow, FlowKey, Trace } from '../layout.gen.ts'
import type { Entry, KeyedMap, Rehearsal } from './rehearsal.ts'

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const madeOf = (bytes: number, write: (view: DataView) => void): Uint8Array => {
  const key = new Uint8Array(bytes)
  write(viewOf(key))
  return key
}

/** Steps that tell a key of the table of flows. */
const keySteps: ReadonlySet<number> = new Set([
  traceStep.parsed,
  traceStep.flow,
  traceStep.service,
  traceStep.inserted,
  traceStep.verdict,
])

/** How the other direction's packets come in. */
const partnerOf = (key: FlowKey, flow: Flow): Uint8Array =>
  madeOf(flowKeySize, (view) =>
    writeFlowKey(view, 0, {
      ...key,
      source: flow.destination,
      destination: flow.source,
      sourcePort: flow.destinationPort,
      destinationPort: flow.sourcePort,
    }),
  )

const sctpHeaderBytes = 12
const initTagAt = sctpHeaderBytes + 4
const initChunks: ReadonlySet<number> = new Set([1, 2])
/** enum sctp_path_kinds, which stands in the key's last two bytes */
const sctpPathKinds = { tag: 0, pending: 1 } as const

/** The verification tag, and the tag that an INIT or INIT ACK offers, as they stand in memory. */
const sctpTags = (frame: Uint8Array): readonly number[] => {
  const packet = ipOf(frame)
  if (packet?.protocol !== protocols.sctp || packet.bytes.length < packet.payload + sctpHeaderBytes) return []
  const view = viewOf(packet.bytes)
  const tags = [view.getUint32(packet.payload + 4, true)]
  const offers = packet.bytes.length >= packet.payload + initTagAt + 4
  if (offers && initChunks.has(view.getUint8(packet.payload + sctpHeaderBytes)))
    tags.push(view.getUint32(packet.payload + initTagAt, true))
  return tags
}

/** The sequence number of PFCP with a SEID, behind the UDP header. */
const sequenceAt = 8 + 12

/** Grows with each run until nothing new appears. */
export class Needs {
  readonly #rehearsal: Rehearsal
  readonly #frame: Uint8Array
  readonly #tags: readonly number[]
  readonly copied = new Map<KeyedMap, Map<string, Entry>>()

  constructor(rehearsal: Rehearsal, frame: Uint8Array) {
    this.#rehearsal = rehearsal
    this.#frame = frame
    this.#tags = sctpTags(frame)
  }

  /** True when live entries were found that the run did not have. */
  learn(steps: readonly Trace[]): boolean {
    let grown = false
    for (const { step, found, value, data } of steps) {
      if (keySteps.has(step)) grown = this.#addFlow(data) || grown
      if (step === traceStep.service && found !== 0) grown = this.#addService(value, data) || grown
      if (step === traceStep.session) grown = this.#addSession(data.slice(0, hintKeySize)) || grown
    }
    return this.#addFragment() || grown
  }

  /** The copy of a live flow. */
  flow(key: Uint8Array): Flow | undefined {
    const entry = this.copied.get('flows')?.get(hexOf(key))
    return entry === undefined ? undefined : readFlow(viewOf(entry.value), 0)
  }

  #add(name: KeyedMap, key: Uint8Array): boolean {
    const known = this.copied.get(name) ?? new Map<string, Entry>()
    this.copied.set(name, known)
    const hex = hexOf(key)
    const value = known.has(hex) ? undefined : this.#rehearsal.lookup(name, key)
    if (value === undefined) return false
    known.set(hex, { key: key.slice(), value })
    return true
  }

  #addFlow(key: Uint8Array): boolean {
    const fields = readFlowKey(viewOf(key), 0)
    const added = this.#add('flows', key)
    const flow = this.flow(key)
    const addedPaths = fields.protocol === protocols.sctp && this.#addPaths(key, fields, flow)
    if (!added || flow === undefined) return addedPaths
    this.#addFlow(partnerOf(fields, flow))
    return true
  }

  /** Of a SEID also what may have been asked for: an answer that gives one has the sequence number of its request. */
  #addSession(key: Uint8Array): boolean {
    const { kind, service } = readHintKey(viewOf(key), 0)
    const grown = this.#add('hints', key)
    const packet = kind === hintKind.seid ? ipOf(this.#frame) : undefined
    if (packet === undefined || packet.bytes.length < packet.payload + sequenceAt + 3) return grown
    const view = viewOf(packet.bytes)
    const request = {
      client: packet.destination,
      service,
      sequence: view.getUint32(packet.payload + sequenceAt - 1) & 0xff_ffff,
      port: view.getUint16(packet.payload + 2),
    }
    return (
      this.#add(
        'seid_requests',
        madeOf(seidRequestKeySize, (at) => writeSeidRequestKey(at, 0, request)),
      ) || grown
    )
  }

  /** How the first path of an association comes in is a flow key itself. */
  #addPaths(key: Uint8Array, { sourcePort, destinationPort, zone }: FlowKey, flow: Flow | undefined): boolean {
    const pathKey = (tag: number, kind: number): Uint8Array =>
      madeOf(sctpPathKeySize, (view) => {
        writeSctpPathKey(view, 0, { tag, sourcePort, destinationPort, zone })
        view.setUint16(sctpPathKeySize - 2, kind, true)
      })
    let grown = this.#add('sctp_paths', pathKey(keyTag(key), sctpPathKinds.pending))
    for (const tag of [...this.#tags, ...(flow === undefined ? [] : [flow.sctpTag])]) {
      const path = pathKey(tag, sctpPathKinds.tag)
      if (!this.#add('sctp_paths', path)) continue
      grown = true
      const first = this.copied.get('sctp_paths')?.get(hexOf(path))
      if (first !== undefined) this.#addFlow(first.value)
    }
    return grown
  }

  #addService(id: number, key: Uint8Array): boolean {
    const { source } = readFlowKey(viewOf(key), 0)
    const affinity = madeOf(affinityKeySize, (view) => writeAffinityKey(view, 0, { client: source, service: id }))
    const cursor = madeOf(4, (view) => view.setUint32(0, id, true))
    // Each service has a cursor; one at the start is as good as none.
    const turned = this.#add('cursors', cursor) && this.#isTurned(cursor)
    return this.#add('affinities', affinity) || turned
  }

  #isTurned(cursor: Uint8Array): boolean {
    return (
      this.copied
        .get('cursors')
        ?.get(hexOf(cursor))
        ?.value.some((byte) => byte !== 0) === true
    )
  }

  #addFragment(): boolean {
    const packet = ipOf(this.#frame)
    if (packet === undefined || packet.fragment === null) return false
    const { source, destination, protocol, family, fragment } = packet
    // IPv4's identification has 16 bits and stands in the first half.
    const id = family === 4 ? view32(fragment.id) : fragment.id
    const number = protocol === protocols.icmpv6 ? protocols.icmp : protocol
    return this.#add(
      'fragments',
      madeOf(fragmentKeySize, (view) =>
        writeFragmentKey(view, 0, { source, destination, id, zone: 0, protocol: number }),
      ),
    )
  }
}

const view32 = (id: number): number => (id << 16) >>> 0

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
