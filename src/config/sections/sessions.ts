// `sessions`: users whose traffic to local places leaves its tunnel here (uplink classifiers). The same schema and the
// same checks serve the file and the API.

import { Type } from 'typebox'
import { tunnelText, userOf } from '../../lb/user-session-owners.ts'
import { userSessionLimits } from '../../lb/user-sessions.ts'
import { canonicalAddress, canonicalPrefix } from '../../wire/ip.ts'
import { reportDuplicates } from '../duplicates.ts'
import { section } from '../section.ts'
import { checkAddress } from './addresses.ts'
import type { Static } from 'typebox'
import type { NamedUserSession } from '../../lb/user-session-registry.ts'
import type { TunnelEnd } from '../../lb/user-sessions.ts'
import type { Report } from '../errors.ts'
import type { Loose } from '../section.ts'

/** Of one session. */
const maxClassifiers = 4096

const tunnelEnd = (address: string, teid: string, description: string) =>
  Type.Object(
    {
      address: Type.String({ description: address, format: 'ip' }),
      teid: Type.Integer({ description: teid, minimum: 1, maximum: 0xffff_ffff }),
    },
    { description, additionalProperties: false },
  )

const sessionSchema = Type.Object(
  {
    name: Type.String({
      description: 'Name shown in tables and logs; unique. loxilb calls it `ident`.',
      pattern: '^[\\x21-\\x7e]{1,128}$',
      patternErrorMessage: 'must be 1 to 128 characters: letters, digits and signs of ASCII, no spaces',
    }),
    ueAddresses: Type.Array(Type.String({ format: 'ip' }), {
      description:
        'Addresses of the UE: one of IPv4, one of IPv6, or both, which then share the tunnel (PDU session type ' +
        'IPv4v6). Of IPv6 any of the 64 bits that are the user.',
      minItems: 1,
      maxItems: 2,
    }),
    uplink: tunnelEnd(
      'Outer destination address of the G-PDUs; the outer source of what goes back.',
      'Tunnel id (TEID) of the G-PDUs.',
      'The core end of the tunnel (CN tunnel info): how G-PDUs of the user come in.',
    ),
    downlink: tunnelEnd(
      'Address of the gNB or eNB; of the family of `uplink.address`.',
      'Tunnel id (TEID) that it takes.',
      'The access end of the tunnel (AN tunnel info): where what goes back to the user is sent.',
    ),
    classifiers: Type.Array(
      Type.Object(
        {
          prefix: Type.String({ description: 'Places that are local: an address or a prefix, of a family of the UE.' }),
          qfi: Type.Integer({
            description: 'QoS flow (QFI) that what comes from there is marked with.',
            minimum: 0,
            maximum: 63,
          }),
        },
        { additionalProperties: false },
      ),
      {
        description:
          'What the user sends there leaves its tunnel in eBPF and is routed; what comes from there gets the tunnel. ' +
          'All else goes on to the UPF. Of several that hold a place the longest counts. Empty: all goes on.',
        maxItems: maxClassifiers,
        default: [],
      },
    ),
  },
  { additionalProperties: false },
)

/** A session as it is written in the file, with defaults filled in. */
export type SessionInput = Static<typeof sessionSchema>
type LooseSession = Loose<SessionInput>
type LooseTunnelEnd = NonNullable<LooseSession['uplink']>

const spell = (address: string): string => canonicalAddress(address) ?? address

const isV6 = (text: string): boolean => spell(text).includes(':')

const namedAs = (session: LooseSession | undefined): string => (session?.name === undefined ? '' : ` (${session.name})`)

const checkTunnels = ({ uplink, downlink }: LooseSession, report: Report): void => {
  for (const [field, end] of [
    ['uplink', uplink],
    ['downlink', downlink],
  ] as const)
    checkAddress(end?.address, 'the end of a tunnel', (message) => report([field, 'address'], message))
  if (uplink?.address === undefined || downlink?.address === undefined) return
  if (isV6(uplink.address) !== isV6(downlink.address))
    report(
      ['downlink', 'address'],
      `${downlink.address} is not of the family of uplink.address (${uplink.address}): a tunnel has one family`,
    )
}

const checkUsers = ({ ueAddresses = [] }: LooseSession, report: Report): void => {
  for (const [index, address] of ueAddresses.entries())
    checkAddress(address, 'a UE', (message) => report(['ueAddresses', index], message))
  reportDuplicates(
    ueAddresses,
    (address) => (address === undefined ? undefined : isV6(address)),
    (index, first) =>
      report(
        ['ueAddresses', index],
        `is a second IPv${isV6(ueAddresses[index] ?? '') ? 6 : 4} address, after ueAddresses[${first}]: ` +
          'a session has one of a family; write another session',
      ),
  )
}

const checkClassifiers = ({ classifiers = [], ueAddresses = [] }: LooseSession, report: Report): void => {
  const families = new Set(ueAddresses.flatMap((address) => (address === undefined ? [] : [isV6(address)])))
  for (const [index, classifier] of classifiers.entries()) {
    const prefix = classifier?.prefix
    if (prefix === undefined) continue
    const canonical = canonicalPrefix(prefix)
    if (canonical === undefined)
      report(['classifiers', index, 'prefix'], `${prefix} is no prefix: write one like 10.0.0.0/8 or 2001:db8::/32`)
    else if (families.size > 0 && !families.has(canonical.includes(':')))
      report(
        ['classifiers', index, 'prefix'],
        `${prefix} is of a family of which the UE has no address: nothing could come from there or go there`,
      )
  }
  reportDuplicates(
    classifiers,
    (classifier) => (classifier?.prefix === undefined ? undefined : canonicalPrefix(classifier.prefix)),
    (index, first, prefix) =>
      report(['classifiers', index, 'prefix'], `${prefix} is already classifiers[${first}]: remove one of them`),
  )
}

const usersOf = (sessions: readonly (LooseSession | undefined)[]) =>
  sessions.flatMap((session, item) => (session?.ueAddresses ?? []).map((address, index) => ({ address, item, index })))

/** What two sessions have in common and may not. */
const checkTogether = (sessions: readonly (LooseSession | undefined)[], report: Report): void => {
  const where = (index: number): string => `sessions[${index}]${namedAs(sessions[index])}`
  reportDuplicates(
    sessions,
    (session) => session?.name,
    (index, first, name) =>
      report([index, 'name'], `"${name}" is already the name of ${where(first)}: names are unique; change one`),
  )
  const users = usersOf(sessions)
  reportDuplicates(
    users,
    ({ address }) => (address === undefined ? undefined : userOf(spell(address))),
    (at, first) => {
      const [one, other] = [users[at]!, users[first]!]
      if (one.item === other.item) return
      report(
        [one.item, 'ueAddresses', one.index],
        `${one.address} is the user of ${where(other.item)} already: a user has one session; merge them or change one`,
      )
    },
  )
  const tunnelOf = (end: LooseTunnelEnd | undefined): string | undefined =>
    end?.address === undefined || end.teid === undefined
      ? undefined
      : tunnelText({ address: spell(end.address), teid: end.teid })
  reportDuplicates(
    sessions,
    (session) => tunnelOf(session?.uplink),
    (index, first, tunnel) =>
      report(
        [index, 'uplink'],
        `${tunnel} is the uplink tunnel of ${where(first)} already: a tunnel is of one session; change one`,
      ),
  )
}

const checkLimits = (sessions: readonly (LooseSession | undefined)[], report: Report): void => {
  const { addresses, classifiers } = userSessionLimits
  const users = usersOf(sessions).length
  const rules = sessions.reduce((sum, session) => sum + (session?.classifiers?.length ?? 0), 0)
  if (users > addresses) report([], `have ${users} addresses of UEs, more than the ${addresses} that are possible`)
  if (rules > classifiers) report([], `have ${rules} classifiers, more than the ${classifiers} that are possible`)
}

const toEnd = ({ address, teid }: TunnelEnd): TunnelEnd => ({ address: spell(address), teid })

/** A session of the file or of the state directory, for the model. */
export const toSession = (input: SessionInput, owner: NamedUserSession['owner']): NamedUserSession => ({
  name: input.name,
  owner,
  ueAddresses: input.ueAddresses.map(spell),
  uplink: toEnd(input.uplink),
  downlink: toEnd(input.downlink),
  classifiers: input.classifiers.map(({ prefix, qfi }) => ({ prefix: canonicalPrefix(prefix) ?? prefix, qfi })),
})

/** As it would stand in the file. */
export const toSessionInput = ({ owner: _, ...session }: NamedUserSession): SessionInput => ({
  ...session,
  ueAddresses: [...session.ueAddresses],
  classifiers: session.classifiers.map((classifier) => ({ ...classifier })),
})

export const sessions = section({
  schema: Type.Array(sessionSchema, {
    description:
      'Users whose traffic to local places leaves its tunnel here (uplink classifier, TS 23.501, 5.6.4). Through the ' +
      'API they can be changed at run time.',
    maxItems: userSessionLimits.addresses,
    default: [],
  }),
  applies: 'reload',
  check(value, report) {
    for (const [index, session] of value.entries()) {
      if (session === undefined) continue
      const at: Report = (path, message) => report([index, ...path], message)
      checkUsers(session, at)
      checkTunnels(session, at)
      checkClassifiers(session, at)
    }
    checkTogether(value, report)
    checkLimits(value, report)
  },
  resolve: (value): readonly NamedUserSession[] => value.map((input) => toSession(input, 'file')),
})
