// What holds for both protocols of the N2 and S1 interfaces: their elements are written as they were read, and what
// says where sessions live is found and translated.

import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../wire/decode-error.ts'
import { readAll, writeAll } from '../protocols/aper/type.ts'
import { bytesOf, hexOf } from './protocol-suite.ts'
import type { Definitions, ProcedureMessage, Session } from '../protocols/aper/index.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { Vector } from './protocol-suite.ts'

export interface AperSuite<Message extends ProcedureMessage> {
  readonly protocol: Protocol<Message>
  readonly definitions: Definitions
}

/** A message with its sessions. */
export interface SessionRow {
  readonly name: string
  readonly hex: string
  /** number, tunnels and QoS flows of each session; they are all that tshark finds too */
  readonly sessions: readonly string[]
}

export interface SessionSuite<Message extends ProcedureMessage> extends AperSuite<Message> {
  /** of a session, as its protocol calls it */
  readonly title: string
  readonly rows: readonly SessionRow[]
  readonly sessionsOf: (message: Message) => readonly Session[]
}

const textOf = ({ id, qosFlows, tunnels }: Session): string => {
  const parts = [
    ...tunnels.map(({ addresses, role, teid }) => `${role} ${addresses.join('+')}/${teid}`),
    ...qosFlows.map((flow) => `flow ${flow}`),
  ]
  return `${id}: ${parts.join(', ')}`.trim()
}

export function sessionSuite<Message extends ProcedureMessage>(suite: SessionSuite<Message>): void {
  const { definitions, protocol, rows, sessionsOf, title } = suite
  const { name } = protocol

  test(`${name}: ${title} of every kind are read with their tunnels, and written as they were`, (t) => {
    for (const row of rows) {
      const message = protocol.decode(bytesOf(row.hex))
      const { fields, name: said } = protocol.describe(message)
      t.is(said, row.name)
      t.is(fields['unreadable'], undefined, row.name)
      t.deepEqual(sessionsOf(message).map(textOf), row.sessions, row.name)
      for (const { id, value } of message.elements) {
        const type = definitions.get(id)?.type
        if (type !== undefined) t.is(hexOf(writeAll(type, readAll(type, value))), hexOf(value), row.name)
      }
    }
  })

  test(`${name}: every address and tunnel identifier in them is translated, and no other byte`, (t) => {
    const address = (bytes: Uint8Array): Uint8Array => bytes.with(0, bytes[0]! ^ 1)
    for (const row of rows) {
      const message = protocol.decode(bytesOf(row.hex))
      const there = protocol.translate!(message, { address, teid: (_, id) => id + 256 })
      const back = protocol.translate!(there, { address, teid: (_, id) => id - 256 })
      t.is(hexOf(protocol.encode(back)), hexOf(protocol.encode(message)), row.name)
      const hasTunnels = sessionsOf(message).some(({ tunnels }) => tunnels.length > 0)
      t.is(there === message, !hasTunnels, row.name)
      for (const [index, { id, tunnels }] of sessionsOf(message).entries()) {
        const others = sessionsOf(there)[index]!
        t.is(others.id, id)
        for (const [n, { teid }] of tunnels.entries()) t.is(others.tunnels[n]!.teid, teid + 256, row.name)
      }
    }
  })
}

const mutations = 3000
/** of the elements of a suite's vectors */
const leastKnown = 20

export function elementSuite<Message extends ProcedureMessage>(
  suite: AperSuite<Message> & { readonly vectors: readonly Vector[] },
): void {
  const { definitions, protocol, vectors } = suite
  const elements = vectors.flatMap(({ hex }) => protocol.decode(bytesOf(hex)).elements)

  test(`${protocol.name}: every element that is known is written as it was read`, (t) => {
    const known = elements.flatMap(({ id, value }) => {
      const type = definitions.get(id)?.type
      return type === undefined ? [] : [{ type, value }]
    })
    for (const { type, value } of known) t.is(hexOf(writeAll(type, readAll(type, value))), hexOf(value))
    t.true(known.length > leastKnown)
  })

  test(`${protocol.name}: whatever is in an element, it is refused or written as it was`, (t) => {
    const mutated = fc.tuple(fc.constantFrom(...elements), fc.nat(), fc.nat(255)).map(([{ id, value }, at, byte]) => ({
      id,
      value: value.length === 0 ? value : value.with(at % value.length, byte),
    }))
    fc.assert(
      fc.property(mutated, ({ id, value }) => {
        const type = definitions.get(id)?.type
        if (type === undefined) return true
        try {
          return hexOf(writeAll(type, readAll(type, value))) === hexOf(value)
        } catch (error) {
          return error instanceof DecodeError
        }
      }),
      { numRuns: mutations },
    )
    t.pass()
  })
}
