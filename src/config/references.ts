// What services say of each other by name. One rule for the file, for reload and for the API: whoever puts services
// together asks here.

import { tunnelRules } from './sections/rules/n4-tunnels.ts'
import type { Select } from '../lb/model.ts'
import type { Path } from './errors.ts'
import type { PairRule, Tunnelling } from './sections/rules/n4-tunnels.ts'

/** A service, as far as it is known: a file may be wrong elsewhere. */
export interface Referring extends Tunnelling {
  readonly select?: Select | undefined
  readonly n4?:
    | (NonNullable<Tunnelling['n4']> & {
        readonly tunnels?: string | undefined
        readonly users?: readonly (string | undefined)[] | undefined
      })
    | null
    | undefined
}

export interface WrongReference {
  /** whose it is, in the list */
  readonly item: number
  /** in that service */
  readonly path: Path
  readonly message: string
}

interface Kind {
  readonly select: Select
  readonly advice: string
  /** why two services cannot name the same one */
  readonly shared: string
  /** what the two must be to each other */
  readonly rules: readonly PairRule[]
}

const kinds = {
  tunnels: {
    select: 'n3',
    advice: 'name the service that takes GTP-U for the same UPFs',
    shared: 'TEIDs would mean two things; make a service with select n3 for each',
    rules: tunnelRules,
  },
  users: {
    select: 'n6',
    advice: 'name a service that takes what the data network sends to users',
    shared: 'addresses would mean two users; make a service with select n6 for each',
    rules: [],
  },
} as const satisfies Readonly<Record<string, Kind>>

interface Reference {
  readonly path: Path
  readonly name: string
  readonly kind: Kind
}

const referencesOf = ({ n4, select }: Referring): readonly Reference[] => {
  if (select !== 'n4') return []
  const { tunnels, users = [] } = n4 ?? {}
  return [
    ...(tunnels === undefined ? [] : [{ path: ['n4', 'tunnels'], name: tunnels, kind: kinds.tunnels }]),
    ...users.flatMap((name, index) =>
      name === undefined ? [] : [{ path: ['n4', 'users', index], name, kind: kinds.users }],
    ),
  ]
}

/** `wasThere`: such a service was there before the change that is looked at. */
export const findWrongReferences = (
  services: readonly (Referring | undefined)[],
  wasThere: (name: string) => boolean = () => false,
): readonly WrongReference[] => {
  const byName = new Map(
    services.flatMap((service, item) => (service?.name === undefined ? [] : [[service.name, { service, item }]])),
  )
  // A service whose name cannot be read may be the one that is meant.
  const isAllNamed = services.every((service) => service?.name !== undefined)
  const takenBy = new Map<string, number>()
  return services.flatMap((service = {}, item) =>
    referencesOf(service).flatMap(({ kind, name, path }): readonly WrongReference[] => {
      const wrong = (what: string, advice: string): readonly WrongReference[] => [
        { item, path, message: `is ${name}, which ${what}: ${advice}` },
      ]
      const found = byName.get(name)
      if (found === undefined) {
        if (!isAllNamed) return []
        return wasThere(name)
          ? wrong('would be gone', 'change both together, or this one first')
          : wrong('is no service', kind.advice)
      }
      const target = found.service
      if (target.select === undefined) return []
      if (target.select !== kind.select) return wrong(`is a service without select ${kind.select}`, kind.advice)
      const owner = takenBy.get(name)
      if (owner === item) return wrong('is there twice', 'name it once')
      if (owner !== undefined) return wrong(`is that of service ${services[owner]?.name} already`, kind.shared)
      takenBy.set(name, item)
      return kind.rules.flatMap((rule) =>
        rule.find(service, target).map((refusal) => ({
          item: refusal.at === 'n4' ? item : found.item,
          path: refusal.path,
          message: `${refusal.wrong}: ${rule.reason}; ${refusal.remedy} (${rule.name})`,
        })),
      )
    }),
  )
}
