// What NGAP and S1AP do alike: they refuse messages whose identities cannot be read, and find, and change, what stands
// in them.

import { DecodeError } from '../../wire/decode-error.ts'
import type { AddressMap, FieldValue, Protocol, SessionKey, SessionKind } from '../protocol.ts'
import { KeyList, teidText } from '../session-keys.ts'
import { showElements, visitElements } from './definitions.ts'
import type { Definitions } from './definitions.ts'
import type { Element } from './elements.ts'
import { learn } from './learning.ts'
import type { Learning } from './learning.ts'
import { addressesOf } from './network.ts'
import { decodeProcedure, encodeProcedure, messageKinds } from './procedures.ts'
import type { ProcedureMessage, Procedures } from './procedures.ts'
import { readAll } from './type.ts'
import type { BitString, TunnelRole, Visitor } from './type.ts'
import { readUeId, writeUeId } from './ue-ids.ts'
import type { UeIdForm, UeSide } from './ue-ids.ts'

export interface Application extends Procedures {
  /** Elements that are the number of a UE and nothing else. */
  readonly ueIds: ReadonlyMap<number, UeIdForm>
  /** Other elements with identities: they must be readable. */
  readonly identities: Definitions
  /** Lists of sessions: they are for others, and are kept as they are where they cannot be read. */
  readonly sessionLists: Definitions
  /** Other elements in which a number may stand that the core has given a UE. */
  readonly coreElements: Definitions
  /** All that are known. */
  readonly definitions: Definitions
  /** The kinds of the two numbers. */
  readonly ueKinds: Readonly<Record<UeSide, SessionKind>>
  readonly learning: Learning
  /** Names of the messages by which a procedure begins, succeeds and fails; index: its code. */
  readonly procedures: readonly (readonly (string | undefined)[])[]
}

/** What the protocols differ in nothing but their tables. */
export const applicationProtocol = (
  protocol: Application,
): Required<
  Pick<Protocol<ProcedureMessage>, 'decode' | 'encode' | 'describe' | 'nameOf' | 'sessions' | 'learn' | 'translate'>
> => ({
  decode: (bytes) => decodeApplication(bytes, protocol),
  encode: (message) => encodeProcedure(message, protocol),
  describe: (message) => ({ name: nameOf(message, protocol), fields: describeElements(message, protocol) }),
  nameOf: (message) => nameOf(message, protocol),
  sessions: ({ elements }) => keysOf(elements, protocol),
  learn: (message, from) => learn(message, from, protocol.learning, (elements) => keysOf(elements, protocol)),
  translate: (message, names) => visitMessage(message, protocol.definitions, translating(names)),
})

/** As the specification calls the message, in one word: `NGSetupRequest`. */
const nameOf = ({ kind, procedure }: ProcedureMessage, { procedures }: Application): string =>
  procedures[procedure]?.[messageKinds.indexOf(kind)] ?? `procedure ${procedure} ${kind}`

/** Throws DecodeError, also for identities that cannot be read. */
function decodeApplication(bytes: Uint8Array, protocol: Application): ProcedureMessage {
  const message = decodeProcedure(bytes, protocol)
  for (const element of message.elements) check(element, bytes, protocol)
  return message
}

function check({ id, value }: Element, bytes: Uint8Array, protocol: Application): void {
  try {
    const form = protocol.ueIds.get(id)
    if (form !== undefined) {
      readUeId(value, 0, value.length, form.mostBytes)
      return
    }
    const definition = protocol.identities.get(id)
    if (definition !== undefined) readAll(definition.type, value)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    // A value that came in fragments stands in bytes of its own.
    const start = value.buffer === bytes.buffer ? value.byteOffset - bytes.byteOffset : 0
    throw new DecodeError(error.reason, start + error.offset, [protocol.elementName(id), ...error.path])
  }
}

const idBytes = new Map<SessionKind, number>([
  ['amf-ue', 5],
  ['ran-ue', 4],
  ['mme-ue', 4],
  ['enb-ue', 3],
])

/** The number of a UE as text of fixed width, which depends on the kind. */
const ueText = (kind: SessionKind, id: number): string => `0x${id.toString(16).padStart(idBytes.get(kind)! * 2, '0')}`

/** Nothing lives at the unspecified address. */
const isSomewhere = (address: string): boolean => address !== '0.0.0.0' && address !== '::'

const collecting = (keys: KeyList): Visitor => ({
  ue(kind, id) {
    keys.add(kind, ueText(kind, id))
    return id
  },
  identity: (kind, value) => keys.add(kind, value),
  tunnel(tunnel) {
    for (const address of addressesOf(tunnel.address)) {
      if (isSomewhere(address)) keys.add('teid', `${address}/${teidText(tunnel.teid)}`)
    }
    return tunnel
  },
})

/** All identities and tunnels of elements, each once, in their order. */
function keysOf(elements: readonly Element[], protocol: Application): readonly SessionKey[] {
  const keys = new KeyList()
  const { identities, sessionLists, ueIds, ueKinds } = protocol
  let visitor: Visitor | null = null
  for (const element of elements) {
    const { id, value } = element
    const form = ueIds.get(id)
    if (form !== undefined) {
      const kind = ueKinds[form.side]
      keys.add(kind, ueText(kind, readUeId(value, 0, value.length, form.mostBytes)))
      continue
    }
    const known = identities.has(id) ? identities : sessionLists
    if (!known.has(id)) continue
    visitor ??= collecting(keys)
    visitElements([element], known, visitor)
  }
  return keys.keys
}

/** A PDU session, or an E-RAB, with what a message says of its tunnels. */
export interface Session {
  readonly id: number
  readonly tunnels: readonly {
    readonly role: TunnelRole
    readonly addresses: readonly string[]
    readonly teid: number
  }[]
  /** QoS flow identifiers, in the order of the message */
  readonly qosFlows: readonly number[]
}

export function sessionsOf({ elements }: ProcedureMessage, protocol: Application): readonly Session[] {
  const sessions: { id: number; tunnels: Session['tunnels'][number][]; qosFlows: number[] }[] = []
  visitElements(elements, protocol.sessionLists, {
    session: (id) => void sessions.push({ id, tunnels: [], qosFlows: [] }),
    qosFlow: (id) => void sessions.at(-1)?.qosFlows.push(id),
    tunnel(tunnel, role) {
      sessions.at(-1)?.tunnels.push({ role, addresses: addressesOf(tunnel.address), teid: tunnel.teid })
      return tunnel
    },
  })
  return sessions
}

/**
 * The message with other numbers of the core, wherever one stands: lengths are as they then must be, all other bytes
 * are the same. RangeError for a number that has no room.
 */
export function mapCoreIds(
  message: ProcedureMessage,
  { coreElements, ueIds, ueKinds }: Application,
  map: (id: number) => number,
): ProcedureMessage {
  const visitor: Visitor = { ue: (kind, id) => (kind === ueKinds.core ? map(id) : id) }
  const elements = message.elements.map((element) => {
    const { id, value } = element
    const form = ueIds.get(id)
    if (form === undefined) return coreElements.has(id) ? visitElements([element], coreElements, visitor)[0]! : element
    if (form.side !== 'core') return element
    const before = readUeId(value, 0, value.length, form.mostBytes)
    const after = map(before)
    return after === before ? element : { ...element, value: writeUeId(after, form.mostBytes) }
  })
  return { ...message, elements }
}

/** The same message with other bytes in its elements, where the visitor wants them so. */
function visitMessage(message: ProcedureMessage, definitions: Definitions, visitor: Visitor): ProcedureMessage {
  const elements = visitElements(message.elements, definitions, visitor)
  return elements === message.elements ? message : { ...message, elements }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

const translated = (address: BitString, names: AddressMap): BitString => {
  const { bytes, length } = address
  const map = (part: Uint8Array): Uint8Array => names.address(part)
  if (length !== 32 && length !== 128 && length !== 160) return address
  const other = length === 160 ? Buffer.concat([map(bytes.subarray(0, 4)), map(bytes.subarray(4))]) : map(bytes)
  return isSame(bytes, other) ? address : { length, bytes: other }
}

/** Puts in other addresses and tunnel identifiers. Of an address that is two, the first one names the tunnel. */
const translating = (names: AddressMap): Visitor => ({
  address: (address) => translated(address, names),
  tunnel(tunnel) {
    const { address, teid } = tunnel
    const first = address.length === 160 ? address.bytes.subarray(0, 4) : address.bytes
    const other = { address: translated(address, names), teid: names.teid?.(first, teid) ?? teid }
    return other.address === address && other.teid === teid ? tunnel : other
  },
})

/** For people: what is known of the elements, and the names of all. */
const describeElements = (
  { criticality, elements, rest, trailing }: ProcedureMessage,
  protocol: Application,
): Readonly<Record<string, FieldValue>> => ({
  ...showElements(elements, protocol.definitions),
  elements: elements.map(({ id }) => protocol.elementName(id)),
  criticality,
  ...(rest.length === 0 ? {} : { unread: rest.length }),
  ...(trailing.length === 0 ? {} : { trailing: trailing.length }),
})
