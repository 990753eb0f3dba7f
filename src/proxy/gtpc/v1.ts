// Version 1 of GTP-C as the proxy needs it (TS 29.060): which messages it passes on, what it reads in them, and the
// elements that it must not let through as they are.

import { digitText, nameText } from '../../protocols/element-values.ts'
import { gtpv1c, spansOfGtpv1 } from '../../protocols/gtp/index.ts'
import { addressText } from '../../protocols/session-keys.ts'
import { read32, write32 } from '../../wire/fields.ts'
import { edited } from './dialect.ts'
import type { Gtpv1Message } from '../../protocols/gtp/index.ts'
import type { Dialect, Edit, Facts, Identity, Role } from './dialect.ts'

const element = {
  cause: 1,
  imsi: 2,
  recovery: 14,
  teidControl: 17,
  teardown: 19,
  nsapi: 20,
  apn: 131,
  gsnAddress: 133,
} as const

const deletePdpContextRequest = 20

/** Messages between SGSNs, and those of MBMS, are not for a pool of GGSNs. */
const requests: readonly (readonly [number, Role])[] = [
  [16, 'create'],
  [18, 'request'],
  [deletePdpContextRequest, 'delete'],
  [22, 'request'],
  [27, 'notification'],
  [29, 'request'],
  [128, 'request'],
]
const roles = new Map<number, Role>([
  ...requests,
  ...requests.map(([type]): [number, Role] => [type + 1, 'response']),
  // Supported Extension Headers Notification: of nothing that we send.
  [31, 'notice'],
])

const plain = (type: number, teid: number, sequence: number, body = new Uint8Array()): Gtpv1Message => ({
  type,
  teid,
  sequence,
  nPdu: null,
  extension: null,
  unused: 0,
  extensionBytes: 0,
  surplus: 0,
  body,
})

interface Control {
  /** of the value; -1: there is none */
  readonly teid: number
  /** GSN addresses for control, values; the second is of the other family */
  readonly addresses: readonly { readonly start: number; readonly end: number }[]
}

/**
 * GSN addresses have no names, but an order: for control, for user traffic, and the same of the other family. One alone
 * is for control if a TEID for control is there (7.3.1 to 7.3.4).
 */
function controlIn({ body, extensionBytes }: Gtpv1Message): Control {
  let teid = -1
  const addresses: { start: number; end: number }[] = []
  for (const { end, start, type } of spansOfGtpv1(body, extensionBytes, body.length)) {
    if (type === element.teidControl) teid = start
    else if (type === element.gsnAddress) addresses.push({ start, end })
  }
  const areForControl = teid >= 0 || addresses.length > 1
  return { teid, addresses: areForControl ? addresses.filter((_, index) => index === 0 || index === 2) : [] }
}

const textOf = (body: Uint8Array, { end, start }: { start: number; end: number }): string | null => {
  const count = end - start
  return count === 4 || count === 16 ? addressText(body, start, count) : null
}

export function makeV1({ ipv4, ipv6, restartCounter }: Identity): Dialect {
  function controlOf(message: Gtpv1Message): Facts['control'] {
    const { addresses, teid } = controlIn(message)
    const texts = addresses.map((span) => textOf(message.body, span)).filter((text) => text !== null)
    const address = texts.find((text) => (text.includes(':') ? ipv6 : ipv4) !== null) ?? texts[0]
    if (address === undefined) return null
    return { address, teid: teid < 0 ? null : read32(message.body, teid) }
  }

  function edits(message: Gtpv1Message, standIn: number | null): readonly Edit[] {
    const { body, extensionBytes } = message
    const { addresses, teid } = controlIn(message)
    const found: Edit[] = []
    for (const { end, start, type } of spansOfGtpv1(body, extensionBytes, body.length)) {
      if (type === element.recovery) found.push({ start, end, by: Uint8Array.of(restartCounter) })
      else if (standIn === null) continue
      else if (start === teid) {
        const by = new Uint8Array(4)
        write32(by, 0, standIn)
        found.push({ start, end, by })
      } else if (addresses.some((address) => address.start === start)) {
        const by = (end - start === 16 ? ipv6 : ipv4) ?? ipv4 ?? ipv6 ?? new Uint8Array()
        found.push({ start: start - 2, end, by: Uint8Array.of(0, by.length, ...by) })
      }
    }
    return found
  }

  return {
    version: 1,
    lastSequence: 0xffff,
    deletionType: deletePdpContextRequest,
    causes: {
      accepted: 128,
      notFound: 192,
      missing: 202,
      incorrect: 201,
      noResources: 199,
      malformed: 193,
      unknownUser: 194,
    },
    roleOf: (type) => roles.get(type) ?? null,
    decode(bytes) {
      const raw = gtpv1c.decode(bytes)
      return { type: raw.type, teid: raw.teid, sequence: raw.sequence, priority: null, raw }
    },
    read(message) {
      const raw = message.raw as Gtpv1Message
      return { ...read(raw), control: controlOf(raw) }
    },
    isAccepted: (cause) => cause >= 128 && cause < 192,
    isUnknown: (cause) => cause === 192 || cause === 210,
    forward({ raw }, { sequence, standIn, teid }) {
      const message = raw as Gtpv1Message
      const body = edited(message.body, edits(message, standIn))
      return gtpv1c.encode({ ...message, teid, sequence, body })
    },
    answer: (type, teid, sequence, cause) =>
      gtpv1c.encode(plain(type, teid, sequence, Uint8Array.of(element.cause, cause))),
    echoRequest: (sequence) => gtpv1c.encode(plain(1, 0, sequence)),
    echoResponse: (sequence) => gtpv1c.encode(plain(2, 0, sequence, Uint8Array.of(element.recovery, restartCounter))),
    versionNotSupported: (sequence) => gtpv1c.encode(plain(3, 0, sequence)),
    deletion: (teid, sequence, context) =>
      gtpv1c.encode(
        plain(deletePdpContextRequest, teid, sequence, Uint8Array.of(element.teardown, 0xff, element.nsapi, context)),
      ),
  }
}

function read({ body, extensionBytes }: Gtpv1Message): Omit<Facts, 'control'> {
  let user: string | null = null
  let cause: number | null = null
  let recovery: number | null = null
  let withSecondary = false
  let apn: string | null = null
  const nsapis: number[] = []
  for (const { end, start, type } of spansOfGtpv1(body, extensionBytes, body.length)) {
    if (type === element.imsi) user ??= digitText(body, start, end) || null
    else if (type === element.cause) cause ??= body[start]!
    else if (type === element.recovery) recovery = body[start]!
    else if (type === element.teardown) withSecondary = (body[start]! & 1) !== 0
    else if (type === element.nsapi) nsapis.push(body[start]! & 15)
    else if (type === element.apn) apn ??= nameText(body, start, end)
  }
  return {
    user,
    interface: 0,
    cause,
    recovery,
    context: nsapis[0] ?? null,
    linked: nsapis[1] ?? null,
    withSecondary,
    sets: [],
    load: null,
    apn,
  }
}
